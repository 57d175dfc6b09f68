import type { EndedPending } from '../../../events/commands/pending-nouns.ts'

/** The end of a confirmed commit as text, one line for each document. */
export function printEnd({ kind, documents }: EndedPending): string {
  return documents
    .map(({ namespace, scope, version }) => {
      const where = `${namespace}${scope === 'cluster' ? '' : ` (${scope})`}`
      return kind === 'confirmed'
        ? `${where}: version ${version} is confirmed.\n`
        : `${where} is rolled back, at version ${version}.\n`
    })
    .join('')
}

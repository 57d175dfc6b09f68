import type { DocumentName, FileCode } from '../../../events/nouns.ts'
import type { Cell } from '../terminal/table.ts'
import { sanitize } from '../terminal/terminal.ts'

const WORDS: Readonly<Record<FileCode, string>> = {
  FILE_MISSING: 'missing',
  FILE_REJECTED: 'rejected',
  FILE_UNWRITABLE: 'unwritable',
}

/** The name of a document as text. */
export function showDocument(name: DocumentName): string {
  return sanitize(
    'box_id' in name
      ? `box ${name.namespace}/${name.box_id}`
      : `${name.namespace}${name.scope === 'cluster' ? '' : ` (${name.scope})`}`,
  )
}

/** The states of files, one word each. */
export function showFileCodes(codes: readonly FileCode[]): Cell {
  const text = codes.map(code => WORDS[code]).join(', ')
  return { text, style: codes.every(code => code === 'FILE_MISSING') ? 'yellow' : 'red' }
}

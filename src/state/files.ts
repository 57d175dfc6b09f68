import type { FileProblem } from '../../backends/backend.ts'
import type { DocumentName, FileCode } from '../../events/nouns.ts'
import { type Key, splitKey } from '../../model/key.ts'
import { CLUSTER, controllerScope } from '../../model/namespace.ts'

/** The name of a document that has a readable file. */
export function nameDocument(key: Key): DocumentName {
  const { kind, segments } = splitKey(key)
  const [first = '', ...rest] = segments
  if (kind === 'boxes') return { namespace: first, box_id: rest.join('/') }
  if (kind === 'controllers') return { namespace: rest.join('/'), scope: controllerScope(first) }
  return { namespace: segments.join('/'), scope: CLUSTER }
}

/**
 * The codes of each namespace of settings with a readable file that differs from its document, each code
 * once, in alphabetical order.
 */
export function fileCodesByNamespace(
  problems: readonly FileProblem[],
): ReadonlyMap<string, readonly FileCode[]> {
  const found = new Map<string, FileCode[]>()
  for (const { key, code } of problems) {
    const name = nameDocument(key)
    if ('box_id' in name) continue
    const codes = found.get(name.namespace)
    if (!codes) found.set(name.namespace, [code])
    else if (!codes.includes(code)) codes.push(code)
  }
  for (const codes of found.values()) codes.sort()
  return found
}

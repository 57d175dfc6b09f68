import type { Pending } from '../../events/commands/pending-nouns.ts'
import type { Key } from '../../model/key.ts'
import { currentVisibility } from '../../model/rights/visibility.ts'
import { parseOverridesKey } from '../state/document-state.ts'
import type { PendingEntry, PendingIndex } from '../watcher/pending/pending-index.ts'

/** The largest number of confirmed commits in one answer. */
const MAX_PRESENTED = 100

/** The confirmed commit that waits at a document, as a member of an answer; nothing without one. */
export function presentPending(index: PendingIndex, document: Key): { readonly pending?: Pending } {
  const found = index.waiting(document)
  return found ? { pending: describe(index, found) } : {}
}

/**
 * All confirmed commits that wait, or those of a namespace, as a member of an answer; nothing without any. A
 * limited caller sees those of visible namespaces, and no other documents of them.
 */
export function presentAllPending(
  index: PendingIndex,
  namespace?: string,
): { readonly pending?: readonly Pending[] } {
  const found = new Map<string, PendingEntry>()
  for (const one of index.all()) if (!one.ended && !found.has(one.writeId)) found.set(one.writeId, one)
  const pending = [...found.values()]
    .sort((a, b) => (a.document < b.document ? -1 : 1))
    .map(one => describe(index, one))
    .filter(({ documents }) => documents.some(one => (namespace ?? one.namespace) === one.namespace))
    .slice(0, MAX_PRESENTED)
  return pending.length > 0 ? { pending } : {}
}

function describe(
  index: PendingIndex,
  { keys, writeId, actor, comment, confirmWithin, at }: PendingEntry,
): Pending {
  const { seesNamespace } = currentVisibility()
  return {
    write_id: writeId,
    documents: keys.flatMap(key => {
      const place = parseOverridesKey(key)
      const member = index.at(key)
      return place && member && seesNamespace(place.namespace)
        ? [
            {
              namespace: place.namespace,
              scope: place.scope,
              version: member.version,
              baseline: member.baseline,
            },
          ]
        : []
    }),
    actor,
    comment: comment ?? null,
    confirm_within: confirmWithin,
    at,
  }
}

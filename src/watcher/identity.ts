import type { Backend, Batch } from '../../backends/backend.ts'
import type { Entry } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import { parseHistoryKey } from '../../model/key.ts'
import type { Cache } from './cache.ts'
import { META_KEY, readEpoch } from './epoch.ts'
import { keyOf, markOf } from './store-index.ts'

/**
 * Rejects a live batch after which the store is another one than that of the cache.
 *
 * Invariant: nothing of this release deletes `meta/store`, or the newest record of a document, and only a load
 * or a new epoch changes the text of `meta/store`. So whatever tool did it, this store was wiped, in part or
 * as a whole, or is being loaded.
 * @throws SettingsError HISTORY_LOST, with the reason `rewound` when the store lost content, else `epoch`;
 * STORE_FORMAT while it is being loaded, and for a `meta/store` of another release or program.
 */
export function refuseOtherIdentity(batch: Batch, cache: Pick<Cache, 'meta' | 'stateOf'>): void {
  const meta = batch.changes.find(change => keyOf(change) === META_KEY)
  if (meta?.type === 'delete') throw otherStore('"meta/store" was deleted: the store was wiped', 'rewound')
  if (meta && meta.entry.text !== cache.meta?.text) {
    readEpoch(meta.entry)
    throw otherStore('"meta/store" was replaced: the store was wiped, restored or loaded', 'epoch')
  }
  if (takesRecord(batch, cache)) throw otherStore('The newest history record was deleted', 'rewound')
}

/**
 * Compares known entries with the store: `meta/store`, and the witness of a trail that the watch cannot show
 * again. An entry may have its mark in place of its text.
 * @throws SettingsError HISTORY_LOST, reason `unconfirmed`, when one differs; the errors of the backend.
 */
export async function refuseOtherStore(
  backend: Pick<Backend, 'get'>,
  known: readonly (Entry | undefined)[],
): Promise<void> {
  for (const one of known) {
    if (!one) continue
    const entry = await backend.get(one.key)
    if (entry?.modRevision === one.modRevision && markOf(entry.text) === markOf(one.text)) continue
    throw new SettingsError(
      'HISTORY_LOST',
      `The stored ${one.key} differs from its last known revision: the store was wiped, restored or changed.`,
      { details: { reason: 'unconfirmed' } },
    )
  }
}

/** True when a batch deletes the newest known record of a document, and puts no newer one. */
function takesRecord({ changes }: Batch, cache: Pick<Cache, 'stateOf'>): boolean {
  return changes.some(change => {
    const place = change.type === 'delete' ? parseHistoryKey(change.key) : undefined
    if (!place || cache.stateOf(place.document)?.record?.version !== place.version) return false
    return !changes.some(other => {
      const newer = other.type === 'put' ? parseHistoryKey(other.entry.key) : undefined
      return newer?.document === place.document && newer.version > place.version
    })
  })
}

function otherStore(what: string, reason: 'rewound' | 'epoch'): SettingsError {
  return new SettingsError('HISTORY_LOST', `${what}; listing it again.`, { details: { reason } })
}

import type { Backend } from '../../../backends/backend.ts'
import { historyKey } from '../../../model/key.ts'
import type { Base } from '../../state/document-reader.ts'
import { type DocumentState, documentVersion } from '../../state/document-state.ts'
import { parseRecord } from '../../state/record.ts'
import type { Cache } from '../../watcher/cache.ts'
import type { NextDocument, WrittenDocument } from './change-attempt.ts'

/*
 * Whether the cache is that of the store in which this controller committed.
 *
 * Invariant: a commit is recognized by the `write_id` of its records. A revision or a version proves nothing,
 * because a store that was restored has both again, for other changes.
 */

/** True when the cache has, or had, the record of every committed document. @throws errors of the store. */
export async function areSeen(
  backend: Pick<Backend, 'get'>,
  cache: Cache,
  documents: readonly WrittenDocument<NextDocument>[],
): Promise<boolean> {
  for (const { key, written } of documents) {
    const { record } = written
    if (!written.committed || !record) continue
    const place = historyKey(key, record.version)
    const known = cache.recordedId(place)
    if (known !== undefined) {
      if (known !== record.writeId) return false
    } else {
      // A listing shows only the newest record, and only the latest ones are remembered.
      if ((cache.stateOf(key)?.record?.version ?? 0) <= record.version) return false
      const entry = await backend.get(place)
      if (!entry || parseRecord(entry)?.writeId !== record.writeId) return false
    }
  }
  return true
}

/**
 * True when the cached document has a later version than the one in the store, or another record of the same
 * version, which is impossible within one store.
 */
export function isOfOtherStore(state: DocumentState | undefined, { record }: Base): boolean {
  const version = record?.version ?? 0
  if (documentVersion(state) > version) return true
  return state?.record?.version === version && state.record.writeId !== record?.writeId
}

import { setImmediate as turn } from 'node:timers/promises'
import type { Backend } from '../../backends/backend.ts'
import type { Revision } from '../../model/document.ts'
import { type Key, makePrefix, type Prefix, parseHistoryKey } from '../../model/key.ts'
import { type OverridesPlace, parseOverridesKey } from '../state/document-state.ts'
import { parseRecord, type StoredRecord } from '../state/record.ts'

/** A kept history record of an overrides document. */
export interface KeptRecord extends OverridesPlace {
  readonly key: Key
  readonly record: StoredRecord
}

/** The prefix of all history records. */
export const ALL_RECORDS: Prefix = makePrefix('history')

/**
 * The kept records below a prefix at one revision of the store: document by document in byte order of their
 * keys, each with its versions ascending. One page of them is in memory at a time.
 */
export async function listRecords(
  backend: Backend,
  prefix: Prefix,
): Promise<{ readonly revision: Revision; readonly records: AsyncIterable<KeptRecord> }> {
  const { revision, pages } = await backend.list(prefix)
  async function* records(): AsyncIterable<KeptRecord> {
    for await (const page of pages) {
      for (const entry of page) {
        const key = parseHistoryKey(entry.key)?.document
        const place = key && parseOverridesKey(key)
        const record = place && parseRecord(entry)
        if (key && place && record) yield { ...place, key, record }
      }
      // Parsing a page takes a while, in which other requests must be answered.
      await turn()
    }
  }
  return { revision, records: records() }
}

/** True for a record whose time is before that of the one before it: one of their clocks was wrong. */
export function isBackInTime(record: StoredRecord, before: StoredRecord | undefined): boolean {
  return before !== undefined && Date.parse(record.at) < Date.parse(before.at)
}

import type { Backend } from '../../backends/backend.ts'
import type { Entry, Revision } from '../../model/document.ts'
import { historyPrefix, type Key, parseHistoryKey } from '../../model/key.ts'
import type { JsonObject } from '../../model/value.ts'
import { type DocumentState, isRecorded, revisionOfPut } from './document-state.ts'
import { isRecordOf, parseRecord, type StoredRecord } from './record.ts'
import { parseOverrides } from './stored-overrides.ts'

/** The least number by which a listing of records grows when it found too few of them. */
const MIN_ASKED_MORE = 16

/** The state of a document before a change: its text and its newest record, of one moment. */
export interface Base {
  readonly entry: Entry | undefined
  readonly data: JsonObject | undefined
  readonly record: StoredRecord | undefined
  readonly recorded: boolean
}

/** A document as the cache knows it. */
export function baseFromCache(state: DocumentState | undefined): Base {
  return { entry: state?.entry, data: state?.data, record: state?.record, recorded: isRecorded(state) }
}

/**
 * Reads a document as the store holds it now. Text and record are read one after the other; the guards of the
 * commit detect when they do not belong together.
 */
export async function readBase(backend: Backend, key: Key): Promise<Base> {
  const [record] = await readRecords(backend, key, 1)
  const entry = await backend.get(key)
  if (isRecordedBy(entry, record))
    return { entry, data: entry && parseOverrides(entry.text), record, recorded: true }
  // A change and its record may have been committed between the two reads; otherwise it is a hand edit.
  const [later] = await readRecords(backend, key, 1)
  return {
    entry,
    data: entry && parseOverrides(entry.text),
    record: later,
    recorded: isRecordedBy(entry, later),
  }
}

/**
 * A document by the entries that a failed commit found: the entry at its key, and its newest record among
 * them. Undefined when that record is not the one of the entry, so that the document has to be read.
 */
export function baseFromFound(key: Key, found: readonly Entry[] | undefined): Base | undefined {
  const entry = found?.find(one => one.key === key)
  if (!found || !entry) return undefined
  const data = parseOverrides(entry.text)
  const document = data && { text: entry.text, data }
  const records = found.flatMap(one =>
    parseHistoryKey(one.key)?.document === key ? (parseRecord(one, document) ?? []) : [],
  )
  const record = records.reduce<StoredRecord | undefined>(
    (newest, one) => (newest && newest.version > one.version ? newest : one),
    undefined,
  )
  return isRecordOf(record, entry.modRevision) ? { entry, data, record, recorded: true } : undefined
}

/** True when both are the same document, with the same past. */
export function isSameBase(one: Base, other: Base): boolean {
  return (
    one.entry?.modRevision === other.entry?.modRevision &&
    one.entry?.text === other.entry?.text &&
    one.record?.version === other.record?.version &&
    one.record?.writeId === other.record?.writeId
  )
}

/**
 * True when the record is that of the entry. A record of a later revision may be of a change that came after
 * the entry was read, or put by another program: the adoption of the entry decides.
 */
function isRecordedBy(entry: Entry | undefined, record: StoredRecord | undefined): boolean {
  return entry ? isRecordOf(record, entry.modRevision) : record === undefined || record.kind === 'deleted'
}

/** The newest records of a document, newest first. */
export async function readRecords(backend: Backend, key: Key, limit: number): Promise<StoredRecord[]> {
  return (await readRecordsAt(backend, key, limit)).records
}

/**
 * The newest records of a document, newest first, at one revision of the store. Other keys below its history,
 * which another program put there, are skipped, however many they are.
 */
export async function readRecordsAt(
  backend: Backend,
  key: Key,
  limit: number,
): Promise<{ readonly revision: Revision; readonly records: StoredRecord[] }> {
  for (let asked = limit; ; asked = 4 * asked + MIN_ASKED_MORE) {
    const { revision, pages } = await backend.list(historyPrefix(key), { newest: asked })
    const records: StoredRecord[] = []
    let listed = 0
    for await (const page of pages) {
      listed += page.length
      for (const entry of page) {
        const record = parseHistoryKey(entry.key)?.document === key ? parseRecord(entry) : undefined
        if (record) records.push(record)
      }
    }
    // Ends with the keys of the history: each listing is larger than the one before.
    if (records.length >= limit || listed < asked) return { revision, records: records.slice(0, limit) }
  }
}

/** The revision of the commit that led to this base; 0 before the first. */
export function baseRevision(base: Base): Revision {
  return base.entry ? revisionOfPut(base.entry, base.record) : (base.record?.of ?? 0n)
}

/** True when the cached document is the one that was read: the same text at the same revision, or none. */
export function isAsKnown(state: DocumentState | undefined, { entry }: Base): boolean {
  return state?.entry?.modRevision === entry?.modRevision && state?.entry?.text === entry?.text
}

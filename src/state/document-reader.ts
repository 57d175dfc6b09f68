import type { Backend, Listing } from '../../backends/backend.ts'
import type { Entry, Revision } from '../../model/document.ts'
import { historyPrefix, type Key, parseHistoryKey } from '../../model/key.ts'
import type { JsonObject } from '../../model/value.ts'
import { type DocumentState, isRecorded } from './document-state.ts'
import { parseObject, parseRecord, type StoredRecord } from './record.ts'

/**
 * What a writer has to know of a document before it changes it: the text and the newest record, of one
 * moment.
 */
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
 * A document as the store holds it now. Text and record are read one after the other: the guards of the
 * commit find out when they do not belong together.
 */
export async function readBase(backend: Backend, key: Key): Promise<Base> {
  const [record] = await readRecords(backend, key, 1)
  const entry = await backend.get(key)
  if (isTold(entry, record)) return { entry, data: entry && parseObject(entry.text), record, recorded: true }
  // Somebody may just have made the change and its record, between the two reads; else it is an edit by hand.
  const [later] = await readRecords(backend, key, 1)
  return { entry, data: entry && parseObject(entry.text), record: later, recorded: isTold(entry, later) }
}

/**
 * A document by what a commit found in its way: the entry that stands at its key, and the newest record of it
 * among those; undefined when that does not tell of the entry, so that it has to be read.
 */
export function baseFromFound(key: Key, found: readonly Entry[] | undefined): Base | undefined {
  const entry = found?.find(one => one.key === key)
  if (!found || !entry) return undefined
  const data = parseObject(entry.text)
  const document = data && { text: entry.text, data }
  const records = found.flatMap(one =>
    parseHistoryKey(one.key)?.document === key ? (parseRecord(one, document) ?? []) : [],
  )
  const record = records.reduce<StoredRecord | undefined>(
    (newest, one) => (newest && newest.version > one.version ? newest : one),
    undefined,
  )
  return record?.of === entry.modRevision ? { entry, data, record, recorded: true } : undefined
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

/** A record later than the text is none of ours: there is nothing to be told of the text any more. */
function isTold(entry: Entry | undefined, record: StoredRecord | undefined): boolean {
  return entry ? (record?.of ?? 0n) >= entry.modRevision : record === undefined || record.kind === 'deleted'
}

/** The newest records of a document, newest first. */
export async function readRecords(backend: Backend, key: Key, limit: number): Promise<StoredRecord[]> {
  const { pages } = await backend.list(historyPrefix(key), { newest: limit })
  return recordsOf(pages)
}

/** The records among the entries of a listing, in its order. */
export async function recordsOf(pages: Listing['pages']): Promise<StoredRecord[]> {
  const records: StoredRecord[] = []
  for await (const page of pages) records.push(...page.flatMap(entry => parseRecord(entry) ?? []))
  return records
}

/** The revision of the commit that made the document what this base says; 0 before the first. */
export function baseRevision(base: Base): Revision {
  return base.entry?.modRevision ?? base.record?.of ?? 0n
}

/**
 * True when what is known of a document is what was read of it: the same text at the same revision, or none.
 */
export function isAsKnown(state: DocumentState | undefined, { entry }: Base): boolean {
  return state?.entry?.modRevision === entry?.modRevision && state?.entry?.text === entry?.text
}

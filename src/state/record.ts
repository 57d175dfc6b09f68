import { randomUUID } from 'node:crypto'
import { encodeText } from '../../backends/text-bytes.ts'
import type { ChangeKind, HistoryRecord } from '../../events/nouns.ts'
import { type Actor, parseActor, printActor } from '../../model/actor.ts'
import {
  DOCUMENT_BYTES,
  type Entry,
  parseRevision,
  printRevision,
  type Revision,
} from '../../model/document.ts'
import { nestsWithin } from '../../model/extent.ts'
import { parseJson, printJson } from '../../model/json.ts'
import { parseHistoryKey } from '../../model/key.ts'
import { isObject, type Json, type JsonObject, MAX_DEPTH } from '../../model/value.ts'

/**
 * One history record: the actor, time, comment and result of a change of a document. It is committed together
 * with the change (`of` is then that commit), or, for a hand edit, later by the first controller that saw it
 * (`of` is then the edit's revision).
 */
export interface StoredRecord {
  readonly version: number
  readonly of: Revision
  /**
   * The revision at which the secrets of the document were sealed again, and this record with them; undefined
   * when they were not since the change.
   */
  readonly resealed?: Revision | undefined
  /** The revision at which the record itself was put; it identifies the store that holds the record. */
  readonly stored: Revision
  readonly kind: ChangeKind
  /** Undefined after a deletion, or after a hand edit that left a text that is no JSON object. */
  readonly data: JsonObject | undefined
  readonly actor: Actor
  readonly controller: string
  readonly comment: string | undefined
  readonly at: string
  readonly writeId: string
  /**
   * The seconds within which the change had to be confirmed; undefined for any other change. A document can
   * wait for a confirmation only while its newest record has it.
   */
  readonly confirmWithin?: number | undefined
  /** The number of documents that the commit changed; absent for one. */
  readonly documents?: number
}

/** A record that is not committed yet. */
export type NewRecord = Omit<StoredRecord, 'of' | 'stored' | 'resealed'>

/** The record of a change on top of the newest one; by default with the current time and a new write id. */
export function nextRecord(
  newest: StoredRecord | undefined,
  kind: ChangeKind,
  data: JsonObject | undefined,
  by: Pick<StoredRecord, 'actor' | 'comment' | 'controller'> &
    Partial<Pick<StoredRecord, 'at' | 'writeId' | 'confirmWithin' | 'documents'>>,
): NewRecord {
  const { actor, comment, controller, at = new Date().toISOString(), writeId = randomUUID() } = by
  const { confirmWithin, documents = 1 } = by
  return {
    ...{ version: (newest?.version ?? 0) + 1, kind, data, actor, controller, comment, at, writeId },
    ...(confirmWithin !== undefined && { confirmWithin }),
    ...(documents > 1 && { documents }),
  }
}

/**
 * The text of a record; `adopts` is the revision of a hand edit. `rejected` is the text of an edit that is
 * rejected: the record keeps its bytes, at most those of a document, because the next change replaces it.
 */
export function printRecord(
  record: NewRecord,
  adopts?: Revision,
  rejected?: string,
  isResealed = false,
): string {
  return printJson({
    version: record.version,
    kind: record.kind,
    data: record.data ?? null,
    actor: printActor(record.actor),
    controller: record.controller,
    comment: record.comment ?? null,
    at: record.at,
    write_id: record.writeId,
    ...(record.confirmWithin !== undefined && { confirm_within: record.confirmWithin }),
    ...(record.documents !== undefined && { documents: record.documents }),
    ...(adopts === undefined ? {} : { revision: printRevision(adopts) }),
    ...(isResealed && { resealed: true }),
    ...(rejected === undefined
      ? {}
      : { raw: encodeText(rejected).subarray(0, DOCUMENT_BYTES).toString('base64') }),
  })
}

/**
 * The record of an entry below `history/`; undefined for any other key. A text of another program or a newer
 * release is a record too, of which perhaps only the version is known, because that number is in use and the
 * next change must not fail on it.
 *
 * `document` is the current document where it is parsed already: the record of that change holds the same
 * text, which is then not parsed again.
 */
export function parseRecord(entry: Entry, document?: ParsedDocument): StoredRecord | undefined {
  const place = parseHistoryKey(entry.key)
  if (!place || place.version > MAX_VERSION) return undefined
  const value = (document && parseAround(entry.text, document)) ?? parse(entry.text)
  const fields = isObject(value) ? value : {}
  return {
    version: place.version,
    of:
      (typeof fields.revision === 'string' ? parseRevision(fields.revision) : undefined) ?? entry.modRevision,
    stored: entry.modRevision,
    ...(fields.resealed === true && { resealed: entry.modRevision }),
    kind: isKind(fields.kind) ? fields.kind : 'updated',
    data: isObject(fields.data) ? fields.data : undefined,
    actor: parseActor(fields.actor) ?? UNKNOWN_ACTOR,
    controller: text(fields.controller) ?? '',
    comment: text(fields.comment),
    at: text(fields.at) ?? '',
    writeId: text(fields.write_id) ?? '',
    ...(typeof fields.confirm_within === 'number' && { confirmWithin: fields.confirm_within }),
    ...(typeof fields.documents === 'number' && { documents: fields.documents }),
  }
}

/** The text of a document, and its parsed object. */
export interface ParsedDocument {
  readonly text: string
  readonly data: JsonObject
}

/** The highest version of a document; a higher number leaves no room for the records after it. */
const MAX_VERSION = 900_000_000_000

/** The start of a record's text, up to the text of the document. */
const RECORD_START = /^\{"version":\d+,"kind":"[a-z]+","data":/

/** Parses a record whose data is exactly the text of a document; undefined for any other. */
function parseAround(source: string, { text, data }: ParsedDocument): JsonObject | undefined {
  const [start] = RECORD_START.exec(source) ?? []
  if (start === undefined || !source.startsWith(text, start.length)) return undefined
  // The document is a complete JSON object, so the text after it cannot belong to it.
  const rest = parse(`${start}null${source.slice(start.length + text.length)}`)
  return isObject(rest) && rest.data === null ? { ...rest, data } : undefined
}

/**
 * True for one and the same record, or for none. Its number alone identifies it within one store only: a
 * store that was restored has another record of the same number.
 */
export function isSameRecord(one: StoredRecord | undefined, other: StoredRecord | undefined): boolean {
  return one?.version === other?.version && one?.writeId === other?.writeId
}

/** True when a record is that of a document as it was put at a revision. */
export function isRecordOf(record: StoredRecord | undefined, put: Revision | undefined): boolean {
  return record !== undefined && put !== undefined && (record.of === put || record.resealed === put)
}

/** The record as answers carry it. */
export function presentRecord(record: StoredRecord): HistoryRecord {
  return {
    version: record.version,
    kind: record.kind,
    data: record.data ?? null,
    actor: record.actor,
    controller: record.controller,
    comment: record.comment ?? null,
    at: record.at,
    write_id: record.writeId,
    ...(record.documents !== undefined && { documents: record.documents }),
    revision: printRevision(record.of),
    ...(record.resealed !== undefined && { resealed: printRevision(record.resealed) }),
  }
}

/**
 * Parses an object from a stored text; undefined when it is none, or is nested too deeply for its record to
 * be readable (another program wrote it).
 */
export function parseObject(source: string): JsonObject | undefined {
  const value = parse(source)
  return isObject(value) && nestsWithin(value, MAX_RECORDED_DEPTH) ? value : undefined
}

function parse(source: string): Json | undefined {
  try {
    return parseJson(source)
  } catch {
    return undefined // not JSON: the caller reports it as rejected, with the document's name
  }
}

function isKind(value: Json | undefined): value is ChangeKind {
  return value === 'created' || value === 'updated' || value === 'deleted'
}

/** The depth of a document at which its record is still readable. */
const MAX_RECORDED_DEPTH = MAX_DEPTH - 8
/** The actor of a record that names none. */
const UNKNOWN_ACTOR: Actor = { type: 'file', name: 'unknown' }

function text(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

import { randomUUID } from 'node:crypto'
import type { ChangeKind, HistoryRecord } from '../../events/nouns.ts'
import type { Actor } from '../../model/actor.ts'
import { type Entry, parseRevision, printRevision, type Revision } from '../../model/document.ts'
import { nestsWithin } from '../../model/extent.ts'
import { parseJson, printJson } from '../../model/json.ts'
import { parseHistoryKey } from '../../model/key.ts'
import { isObject, type Json, type JsonObject, MAX_DEPTH } from '../../model/value.ts'

/**
 * One history record: who changed a document, when, why, and what it held afterwards. It is committed
 * together with the change (`of` is then that commit), or, for an edit by hand, later by the first controller
 * that saw it (`of` is then the edit's revision).
 */
export interface StoredRecord {
  readonly version: number
  readonly of: Revision
  /** The revision at which the record itself was put; by it the store is known in which it stands. */
  readonly stored: Revision
  readonly kind: ChangeKind
  /** Undefined once deleted, or when an edit by hand left something that is no JSON object. */
  readonly data: JsonObject | undefined
  readonly actor: Actor
  readonly controller: string
  readonly comment: string | undefined
  readonly at: string
  readonly writeId: string
}

/** A record that is not committed yet. */
export type NewRecord = Omit<StoredRecord, 'of' | 'stored'>

/**
 * The record of a change on top of the newest one; at the controller's clock and with a write id of its own,
 * where none are given.
 */
export function nextRecord(
  newest: StoredRecord | undefined,
  kind: ChangeKind,
  data: JsonObject | undefined,
  by: Pick<StoredRecord, 'actor' | 'comment' | 'controller'> & Partial<Pick<StoredRecord, 'at' | 'writeId'>>,
): NewRecord {
  const { actor, comment, controller, at = new Date().toISOString(), writeId = randomUUID() } = by
  return { version: (newest?.version ?? 0) + 1, kind, data, actor, controller, comment, at, writeId }
}

/** The text of a record; `adopts` names the revision of an edit by hand. */
export function printRecord(record: NewRecord, adopts?: Revision): string {
  return printJson({
    version: record.version,
    kind: record.kind,
    data: record.data ?? null,
    actor: { type: record.actor.type, name: record.actor.name },
    controller: record.controller,
    comment: record.comment ?? null,
    at: record.at,
    write_id: record.writeId,
    ...(adopts === undefined ? {} : { revision: printRevision(adopts) }),
  })
}

/**
 * The record an entry below `history/` holds; undefined for any other key. What another hand or a newer
 * release wrote there is a record too, of which only the version may be known: its number is taken, and the
 * next change must not stumble over it.
 *
 * `document` is what its document holds as far as it is parsed already; a record of that very change holds
 * the same text, which then is not parsed again.
 */
export function parseRecord(entry: Entry, document?: ParsedDocument): StoredRecord | undefined {
  const place = parseHistoryKey(entry.key)
  if (!place) return undefined
  const value = (document && parseAround(entry.text, document)) ?? parse(entry.text)
  const fields = isObject(value) ? value : {}
  return {
    version: place.version,
    of:
      (typeof fields.revision === 'string' ? parseRevision(fields.revision) : undefined) ?? entry.modRevision,
    stored: entry.modRevision,
    kind: isKind(fields.kind) ? fields.kind : 'updated',
    data: isObject(fields.data) ? fields.data : undefined,
    actor: isActor(fields.actor) ? fields.actor : UNKNOWN,
    controller: text(fields.controller) ?? '',
    comment: text(fields.comment),
    at: text(fields.at) ?? '',
    writeId: text(fields.write_id) ?? '',
  }
}

/** The text of a document, and the object it holds. */
export interface ParsedDocument {
  readonly text: string
  readonly data: JsonObject
}

/** How the text of a record begins, up to the document's own. */
const LEAD = /^\{"version":\d+,"kind":"[a-z]+","data":/

/** A record whose data is the text of a document, letter by letter; undefined for any other. */
function parseAround(source: string, { text, data }: ParsedDocument): JsonObject | undefined {
  const [lead] = LEAD.exec(source) ?? []
  if (lead === undefined || !source.startsWith(text, lead.length)) return undefined
  // The document is a whole JSON object, so what follows it cannot belong to it.
  const rest = parse(`${lead}null${source.slice(lead.length + text.length)}`)
  return isObject(rest) && rest.data === null ? { ...rest, data } : undefined
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
    revision: printRevision(record.of),
  }
}

/**
 * An object parsed from a stored text; undefined when it is none, or nests so deep that its record could not
 * be read (another hand wrote it).
 */
export function parseObject(source: string): JsonObject | undefined {
  const value = parse(source)
  return isObject(value) && nestsWithin(value, RECORDED_DEPTH) ? value : undefined
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

/** How deep a document may nest so that its record is JSON that we read. */
const RECORDED_DEPTH = MAX_DEPTH - 8
/** Who wrote a record that does not say it. */
const UNKNOWN: Actor = { type: 'file', name: 'unknown' }

const ACTOR_TYPES: readonly unknown[] = ['napp', 'user', 'file', 'import', 'system'] satisfies Actor['type'][]

function isActor(value: Json | undefined): value is JsonObject & Actor {
  return isObject(value) && ACTOR_TYPES.includes(value.type) && typeof value.name === 'string'
}

function text(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

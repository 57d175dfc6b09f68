import type { ChangeKind, HistoryRecord } from '../../events/map.ts'
import type { Actor } from '../../model/actor.ts'
import { type Entry, parseRevision, printRevision, type Revision } from '../../model/document.ts'
import { parseJson, printJson } from '../../model/json.ts'
import { parseHistoryKey } from '../../model/key.ts'
import { isObject, type Json, type JsonObject } from '../../model/value.ts'

/**
 * One history record: who changed a document, when, why, and what it held afterwards. It is committed together with the change (`of` is then that commit),
 * or, for an edit by hand, later by the first controller that saw it (`of` is then the edit's revision).
 */
export interface StoredRecord {
  readonly version: number
  readonly of: Revision
  readonly kind: ChangeKind
  /** Undefined once deleted, or when an edit by hand left something that is no JSON object. */
  readonly data: JsonObject | undefined
  readonly actor: Actor
  readonly controller: string
  readonly comment: string | undefined
  readonly at: string
  readonly writeId: string
}

/** The text of a record; `adopts` names the revision of an edit by hand. */
export function printRecord(record: Omit<StoredRecord, 'of'>, adopts?: Revision): string {
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

/** The record an entry below `history/` holds; undefined for what we did not write. */
export function parseRecord(entry: Entry): StoredRecord | undefined {
  const place = parseHistoryKey(entry.key)
  const value = parseObject(entry.text)
  if (!place || !value) return undefined
  const actor = value.actor
  if (!isKind(value.kind) || !isActor(actor) || typeof value.write_id !== 'string') return undefined
  return {
    version: place.version,
    of: (typeof value.revision === 'string' ? parseRevision(value.revision) : undefined) ?? entry.revision,
    kind: value.kind,
    data: isObject(value.data) ? value.data : undefined,
    actor,
    controller: text(value.controller) ?? '',
    comment: text(value.comment),
    at: text(value.at) ?? '',
    writeId: value.write_id,
  }
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

/** An object parsed from a stored text; undefined when it is none (another hand wrote it). */
export function parseObject(source: string): JsonObject | undefined {
  try {
    const value = parseJson(source)
    return isObject(value) ? value : undefined
  } catch {
    return undefined // not JSON: the caller reports it as rejected, with the document's name
  }
}

function isKind(value: Json | undefined): value is ChangeKind {
  return value === 'created' || value === 'updated' || value === 'deleted'
}

const ACTOR_TYPES: readonly unknown[] = ['napp', 'user', 'file', 'import', 'system'] satisfies Actor['type'][]

function isActor(value: Json | undefined): value is JsonObject & Actor {
  return isObject(value) && ACTOR_TYPES.includes(value.type) && typeof value.name === 'string'
}

function text(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

import type { Actor } from '../../../model/actor.ts'
import { parseJson } from '../../../model/json.ts'
import { isObject, type Json, type JsonObject } from '../../../model/value.ts'

/** A history record as it stands in the store. */
export interface RecordText {
  /** The key it tells of. */
  readonly document: string
  readonly version: number
  readonly kind: string
  readonly data: JsonObject | null
  readonly actor: Actor | null
  readonly comment: string | null
  /** The one that committed it. */
  readonly controller: string
  readonly writeId: string
  /** The revision of the edit by hand that it records. */
  readonly adopts: bigint | undefined
}

/** The document and version that a key below `history/` names; undefined for any other key. */
export function historyOf(key: string): { readonly document: string; readonly version: number } | undefined {
  const found = /^history\/(.+)\/(\d{12})$/.exec(key)
  return found ? { document: found[1] ?? '', version: Number(found[2]) } : undefined
}

/** The record at a key below `history/`; undefined for any other key. */
export function readRecord(key: string, text: string): RecordText | undefined {
  const place = historyOf(key)
  if (!place) return undefined
  const fields = readObject(text) ?? {}
  return {
    ...place,
    kind: textOf(fields.kind) ?? '',
    data: isObject(fields.data) ? fields.data : null,
    actor: actorOf(fields.actor),
    comment: textOf(fields.comment) ?? null,
    controller: textOf(fields.controller) ?? '',
    writeId: textOf(fields.write_id) ?? '',
    adopts: typeof fields.revision === 'string' ? BigInt(fields.revision) : undefined,
  }
}

/** The actor that a value names; null when it names none. */
export function actorOf(value: Json | undefined): Actor | null {
  // Compared by its two members only, whatever they hold.
  return isObject(value) && typeof value.type === 'string' && typeof value.name === 'string'
    ? (value as unknown as Actor)
    : null
}

/** The object that a stored text holds; undefined when it holds none. */
export function readObject(text: string): JsonObject | undefined {
  try {
    const value = parseJson(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined // another hand wrote it; the caller knows what that means
  }
}

function textOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

import type { PendingKind } from '../../../events/commands/pending-nouns.ts'
import { type Actor, parseActor, printActor } from '../../../model/actor.ts'
import { MAX_CONFIRM_SECONDS, MIN_CONFIRM_SECONDS } from '../../../model/document.ts'
import { printJson } from '../../../model/json.ts'
import { type Key, parseKey } from '../../../model/key.ts'
import { isArray, type Json } from '../../../model/value.ts'
import { parseOverridesKey } from '../../state/document-state.ts'
import { parseObject } from '../../state/record.ts'

/** How a confirmed commit ended. */
export type PendingEnd = Exclude<PendingKind, 'armed' | 'extended'>

/**
 * The stored state of a confirmed commit at one of its documents (`pending/<key>`). After its end, `actor`,
 * `comment` and `at` are those of the end.
 */
export interface StoredPending {
  /** The documents that are pending together, in byte order; this one is among them. */
  readonly keys: readonly Key[]
  /** The last commit that armed or extended it; the same in all documents. */
  readonly writeId: string
  /** The version of this document to which a rollback returns; 0 where it did not exist. */
  readonly baseline: number
  /** The version of this document that waits for the confirmation. */
  readonly version: number
  readonly actor: Actor
  readonly comment: string | undefined
  /** The time for the confirmation, in seconds. */
  readonly confirmWithin: number
  /** ISO 8601, by the clock of the committing controller: for people, never for ordering. */
  readonly at: string
  /** True when a later change restarted the time. */
  readonly isExtended: boolean
  readonly ended: PendingEnd | undefined
  /** Identifies the commit that ended it, so that no other commit contains the same text. */
  readonly endId?: string | undefined
}

const ENDS: readonly PendingEnd[] = ['confirmed', 'cancelled', 'expired', 'overtaken']
/** The actor of a text that another program wrote. */
const UNKNOWN_ACTOR: Actor = { type: 'file', name: 'unknown' }

/** The text of `pending/<key>`. */
export function printPending(pending: StoredPending): string {
  return printJson({
    keys: [...pending.keys],
    write_id: pending.writeId,
    baseline: pending.baseline,
    version: pending.version,
    actor: printActor(pending.actor),
    comment: pending.comment ?? null,
    confirm_within: pending.confirmWithin,
    at: pending.at,
    ...(pending.isExtended && { extended: true }),
    ...(pending.ended && { ended: pending.ended }),
    ...(pending.endId !== undefined && { end_id: pending.endId }),
  })
}

/**
 * Parses the text of `pending/<document>`; undefined for a text of another program. Its documents always
 * include this one.
 */
export function parsePending(text: string, document: Key): StoredPending | undefined {
  const value = parseObject(text)
  if (!value || !isArray(value.keys) || typeof value.write_id !== 'string') return undefined
  const keys = value.keys.flatMap(one => parseDocument(one) ?? [])
  if (keys.length !== value.keys.length || !keys.includes(document)) return undefined
  if (!isCount(value.baseline) || !isCount(value.version)) return undefined
  const within = value.confirm_within
  if (!isCount(within) || within < MIN_CONFIRM_SECONDS || within > MAX_CONFIRM_SECONDS) return undefined
  const ended = ENDS.find(one => one === value.ended)
  if (value.ended !== undefined && !ended) return undefined
  return {
    keys,
    writeId: value.write_id,
    baseline: value.baseline,
    version: value.version,
    actor: parseActor(value.actor) ?? UNKNOWN_ACTOR,
    comment: typeof value.comment === 'string' ? value.comment : undefined,
    confirmWithin: within,
    at: typeof value.at === 'string' ? value.at : '',
    isExtended: value.extended === true,
    ended,
  }
}

/** The text of `armed/<key>`. */
export function printArmed(writeId: string): string {
  return printJson({ write_id: writeId })
}

/** The document of a key `pending/<document>`; undefined for any other key. */
export function parsePendingKey(key: Key): Key | undefined {
  return documentOf(key, 'pending/')
}

/** The document of a key `armed/<document>`; undefined for any other key. */
export function parseArmedKey(key: Key): Key | undefined {
  return documentOf(key, 'armed/')
}

function documentOf(key: Key, prefix: string): Key | undefined {
  return key.startsWith(prefix) ? parseDocument(key.slice(prefix.length)) : undefined
}

function parseDocument(value: Json): Key | undefined {
  const key = typeof value === 'string' ? parseKey(value) : undefined
  return key && parseOverridesKey(key) ? key : undefined
}

function isCount(value: Json | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

import type { PendingKind } from '../../../events/commands/pending-nouns.ts'
import type { ChangeKind } from '../../../events/nouns.ts'
import type { Actor } from '../../../model/actor.ts'
import type { Json, JsonObject } from '../../../model/value.ts'
import type { RecordText } from './record.ts'

/**
 * One revision of the store. Lives that begin with the same history share its moments, so that the lives are
 * the paths of a tree.
 */
export interface Moment {
  readonly revision: bigint
  /** What `meta/store` names from this revision on; 0 before it is there. */
  readonly epoch: number
  readonly parent: Moment | undefined
  /** How many moments come before. */
  readonly depth: number
  /** The lives it stands in, ascending. */
  readonly lives: number[]
  /** What is announced, in byte order of the keys: the one at index i has the place i + 1. */
  readonly steps: readonly Step[]
  readonly records: readonly Recorded[]
  /** Changes of tokens, which are not announced. */
  readonly tokens: readonly TokenStep[]
}

/** A change of one token. */
export interface TokenStep {
  readonly moment: Moment
  readonly key: string
  /** Undefined once revoked. */
  readonly text: string | undefined
}

/** A history record, and the moment that brought it. */
export interface Recorded extends RecordText {
  readonly moment: Moment
}

/** A change of one key that is announced. */
export interface Step {
  readonly moment: Moment
  readonly n: number
  readonly key: string
  /** Undefined once deleted. */
  readonly text: string | undefined
  /** The change that left the key as it was before; undefined when there never was one. */
  readonly before: Step | undefined
  readonly kind: ChangeKind | PendingKind
  /**
   * What a fact about it names: the key, for a schema without its digest. Undefined for a key that means
   * nothing to the service, and for the pruned end of a confirmed commit, which no fact reports.
   */
  readonly subject: string | undefined
  /** Of a document, as facts have it. */
  readonly version: number
  readonly actor: Actor | null
  readonly comment: string | null
  /** Its record came in the same revision. */
  readonly recorded: boolean
  /** Of that record; changes with the same one were asked for together. */
  readonly writeId: string | undefined
  /** What a document, a box or the state of a confirmed commit holds; undefined when it is no JSON object, or gone. */
  readonly content: JsonObject | undefined
}

/** The data of a box that a step left; undefined when there is none. */
export function boxData(step: Step | undefined): Json | undefined {
  return step?.content?.data
}

/** `<epoch>.<revision>.<n>` */
export function cursorOf({ moment, n }: Step): string {
  return `${moment.epoch}.${moment.revision}.${n}`
}

/**
 * True for two documents of one namespace that were changed together: the first fact that counts tells what
 * both came to.
 */
export function areOne(a: Step | undefined, b: Step | undefined): boolean {
  if (a?.writeId === undefined || a.writeId !== b?.writeId) return false
  return addressOf(a.key) === addressOf(b.key)
}

/** The part of a document's key that its namespace makes. */
function addressOf(key: string): string {
  return key.split('/').slice(-2).join('/')
}

/** True for documents of overrides. */
export function isDocument(key: string): boolean {
  return key.startsWith('settings/') || key.startsWith('controllers/')
}

/** True for the keys that are announced and counted in cursors. */
export function isAnnounced(key: string): boolean {
  return isDocument(key) || isPending(key) || key.startsWith('schemas/') || key.startsWith('boxes/')
}

/** True for the states of confirmed commits. */
export function isPending(key: string): boolean {
  return key.startsWith('pending/')
}

const SEGMENTS: Readonly<Record<string, number>> = { settings: 3, controllers: 4, schemas: 4, boxes: 3 }

/** What a fact about this key names; undefined for a key that means nothing. */
export function subjectOf(key: string): string | undefined {
  if (isPending(key)) {
    const document = key.slice('pending/'.length)
    return isDocument(document) && subjectOf(document) !== undefined ? key : undefined
  }
  const parts = key.split('/')
  if (parts.length !== SEGMENTS[parts[0] ?? '']) return undefined
  return parts[0] === 'schemas' ? parts.slice(0, 3).join('/') : key
}

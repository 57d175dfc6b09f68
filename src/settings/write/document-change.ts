import { randomUUID } from 'node:crypto'
import type { Operation } from '../../../backends/backend.ts'
import type { ChangeKind } from '../../../events/nouns.ts'
import type { Actor } from '../../../model/actor.ts'
import {
  COMMIT_OPERATIONS,
  DOCUMENT_BYTES,
  type Revision,
  TRANSACTION_BYTES,
} from '../../../model/document.ts'
import { SettingsError } from '../../../model/errors.ts'
import { printJson } from '../../../model/json.ts'
import { historyKey, type Key } from '../../../model/key.ts'
import type { JsonObject } from '../../../model/value.ts'
import { type Base, baseRevision } from '../../state/document-reader.ts'
import { type NewRecord, nextRecord, printRecord, type StoredRecord } from '../../state/record.ts'

/** A change of one or more documents, in one commit. */
export interface Change {
  /** Each once. */
  readonly keys: readonly Key[]
  readonly actor: Actor
  readonly comment: string | undefined
  /**
   * The overrides of each document after the change, undefined to delete them; made anew from each fresh
   * base. Throws what the caller is to be told.
   */
  readonly make: (
    bases: readonly Base[],
  ) => readonly (JsonObject | undefined)[] | Promise<readonly (JsonObject | undefined)[]>
  /** Further conditions, looked at after `make`, for each try anew. */
  readonly conditions?: () => readonly Operation[]
  /** Begins with what the store holds, not with what is known here: `make` may refuse for good. */
  readonly fresh?: boolean
}

/** A document as a change left it. `committed` is false when there was nothing to change. */
export interface Written extends Base {
  readonly committed: boolean
  readonly revision: Revision
}

/**
 * One document on its way: what it was, what it becomes, and the record of that; without one there is nothing
 * to change.
 */
interface Part {
  readonly key: Key
  readonly base: Base
  readonly data: JsonObject | undefined
  readonly text: string | undefined
  readonly record: NewRecord | undefined
}

/** A change made from one base, ready to be committed. */
export class Draft {
  readonly #parts: readonly Part[]
  readonly writeId = randomUUID()

  /** @throws SettingsError DOCUMENT_TOO_LARGE. */
  constructor(
    { keys, actor, comment }: Change,
    bases: readonly Base[],
    made: readonly (JsonObject | undefined)[],
    controller: string,
  ) {
    const at = new Date().toISOString()
    this.#parts = keys.map((key, i) => {
      const base = neededAt(bases, i)
      const data = made[i]
      const text = data && printJson(data)
      if (isUnchanged(base, data, text))
        return { key, base, data: base.data, text: base.entry?.text, record: undefined }
      const kind: ChangeKind = text === undefined ? 'deleted' : base.entry ? 'updated' : 'created'
      return {
        key,
        base,
        data,
        text,
        record: nextRecord(base.record, kind, data, {
          actor,
          comment,
          controller,
          at,
          writeId: this.writeId,
        }),
      }
    })
    refuseLargeTexts(this.#parts.flatMap(({ text, record }) => (text !== undefined && record ? [text] : [])))
  }

  get isEmpty(): boolean {
    return this.#parts.every(({ record }) => record === undefined)
  }

  /** What a commit of it consists of; all guards when it is empty. */
  get operations(): readonly Operation[] {
    return this.#parts.flatMap(({ key, base, text, record }): Operation[] => {
      const expected = base.entry?.modRevision ?? 'absent'
      if (!record) return [{ key, check: true, expected }]
      return [
        text === undefined ? { key, delete: true, expected } : { key, put: text, expected },
        {
          key: historyKey(key, record.version),
          put: printRecord(record),
          expected: 'absent',
          marker: true,
          lasting: true,
        },
        ...onTopOf(key, base.record),
      ]
    })
  }

  /**
   * The documents as a commit at this revision leaves them; undefined where nothing was committed, as they
   * would be left.
   */
  written(revision: Revision | undefined): readonly Written[] {
    return this.#parts.map(({ key, base, data, text, record }) => {
      if (revision === undefined || !record)
        return { ...base, data, committed: false, revision: baseRevision(base) }
      const entry =
        text === undefined
          ? undefined
          : { key, text, modRevision: revision, createRevision: base.entry?.createRevision ?? revision }
      return {
        entry,
        data,
        record: { ...record, of: revision, stored: revision },
        recorded: true,
        committed: true,
        revision,
      }
    })
  }
}

/**
 * Guards the record that a change was made on top of: a store that was put back meanwhile may have the
 * document at the same revision, with another past.
 */
function onTopOf(key: Key, record: StoredRecord | undefined): Operation[] {
  return record ? [{ key: historyKey(key, record.version), check: true, expected: record.stored }] : []
}

function isUnchanged(base: Base, data: JsonObject | undefined, text: string | undefined): boolean {
  if (data === undefined || base.entry === undefined) return text === base.entry?.text
  // An edit by hand may be laid out otherwise and say the same.
  return text === base.entry.text || (base.data !== undefined && printJson(base.data) === text)
}

/** @throws SettingsError DOCUMENT_TOO_LARGE for overrides that cannot be stored, each or together. */
export function refuseLarge(overrides: readonly JsonObject[]): void {
  refuseLargeTexts(overrides.map(one => printJson(one)))
}

/** @throws SettingsError DOCUMENT_TOO_LARGE for more operations than every store takes in one commit. */
export function refuseMany(operations: readonly Operation[]): void {
  if (operations.length <= COMMIT_OPERATIONS) return
  throw new SettingsError(
    'DOCUMENT_TOO_LARGE',
    `The transaction requires ${operations.length} operations and guards in the store; ${COMMIT_OPERATIONS} are allowed. Split it, or use fewer guards.`,
    { details: { got: operations.length, limit: COMMIT_OPERATIONS } },
  )
}

function refuseLargeTexts(texts: readonly string[]): void {
  const sizes = texts.map(text => Buffer.byteLength(text))
  const largest = Math.max(0, ...sizes)
  if (largest > DOCUMENT_BYTES) {
    throw new SettingsError(
      'DOCUMENT_TOO_LARGE',
      `The overrides would have ${largest} bytes; ${DOCUMENT_BYTES} are allowed. Store NApp data in boxes.`,
      { details: { got: largest, limit: DOCUMENT_BYTES } },
    )
  }
  const sum = sizes.reduce((a, b) => a + b, 0)
  if (sum <= TRANSACTION_BYTES) return
  throw new SettingsError(
    'DOCUMENT_TOO_LARGE',
    `The documents of the transaction would have ${sum} bytes in total; ${TRANSACTION_BYTES} are allowed. Split it.`,
    { details: { got: sum, limit: TRANSACTION_BYTES } },
  )
}

/** A change has as many bases as keys. */
function neededAt<T>(items: readonly T[], i: number): T {
  const item = items[i]
  if (item === undefined) throw new RangeError(`Item ${i} of ${items.length} does not exist.`)
  return item
}

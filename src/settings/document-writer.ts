import { setTimeout as sleep } from 'node:timers/promises'
import type { Backend, Operation } from '../../backends/backend.ts'
import type { ChangeKind } from '../../events/map.ts'
import type { Actor } from '../../model/actor.ts'
import { DOCUMENT_BYTES, type Entry, type Revision } from '../../model/document.ts'
import { isSettingsError, SettingsError } from '../../model/errors.ts'
import { printJson } from '../../model/json.ts'
import { historyKey, type Key } from '../../model/key.ts'
import type { JsonObject } from '../../model/value.ts'
import { Turnstile } from '../turnstile.ts'
import { adoptEdit, commitAside, type Edit } from './adoption.ts'
import { type Base, baseRevision, readBase } from './document-reader.ts'
import { nextRecord, printRecord, type StoredRecord } from './record.ts'

/*
 * Changes of overrides documents.
 *
 * Invariants:
 *  1. A document and the record of its change are one commit. The document is guarded by the revision that was read, the record by its absence: of two
 *     changes made from the same base one is committed, the other is made again from a fresh read, checks included.
 *  2. Versions are 1, 2, 3 ... without a hole: a record is only written on top of the record before it, whose presence is guarded too, so that what was read
 *     from a store that was put back meanwhile is committed to no other. A document that changed without its record (an edit by hand) gets that record first.
 *  3. A change that leaves the stored text as it was commits nothing.
 *  4. A change is refused only on a base read from the store; what the cache knows may be older.
 */

/** Milliseconds for which a lost race is run again. */
const PATIENCE = 5_000

export interface Change {
  readonly key: Key
  readonly actor: Actor
  readonly comment: string | undefined
  /** The overrides after the change, undefined to delete them; made anew from each fresh base. Throws what the caller is to be told. */
  readonly make: (base: Base) => JsonObject | undefined | Promise<JsonObject | undefined>
  /** Further conditions, made anew for each base; with `once` a failed condition ends the change with REVISION_MISMATCH instead of another try. */
  readonly conditions?: (base: Base) => readonly Operation[]
  readonly once?: boolean
}

/** A document as a change left it. `committed` is false when there was nothing to change. */
export interface Written extends Base {
  readonly committed: boolean
  readonly revision: Revision
}

export interface WriterOptions {
  readonly backend: Backend
  readonly controller: string
  /** What the cache knows of a document. */
  readonly cached: (key: Key) => Base
  /** When the cache saw an absent document go. */
  readonly goneAt: (key: Key) => Revision | undefined
  /** The document `meta/store` as the cache knows it. */
  readonly meta: () => Entry | undefined
  /** Called after a document got one more record. */
  readonly recorded?: (key: Key, version: number) => void
}

export class DocumentWriter {
  readonly #options: WriterOptions
  readonly #turnstile = new Turnstile()
  /** What own commits left behind, until the cache has seen it: the base of the next one in the row. */
  readonly #recent = new Map<Key, Base>()

  constructor(options: WriterOptions) {
    this.#options = options
  }

  /**
   * Commits a change.
   * @throws SettingsError CONTENTION after 5 s of lost races, REVISION_MISMATCH with `once`, DOCUMENT_TOO_LARGE, OUTCOME_UNKNOWN with the `write_id`, and
   * what `make` throws.
   */
  write(change: Change): Promise<Written> {
    // One writer a document within this process: they would only race each other. Twins in another case take the same turn.
    return this.#turnstile.run(change.key.toLowerCase(), () => this.#write(change))
  }

  /** Records an edit by hand, unless another controller did it first, or a later change was recorded already. */
  adopt(edit: Edit): Promise<void> {
    return this.#turnstile.run(edit.key.toLowerCase(), () => this.#adopt(edit))
  }

  async #write(change: Change): Promise<Written> {
    const { backend } = this.#options
    const deadline = performance.now() + PATIENCE
    // What is known may be older than the store, so nobody is refused because of it; with one try only there is no second look.
    let isFresh = change.once === true
    let base = isFresh ? await readBase(backend, change.key) : this.#newestKnown(change.key)
    for (let attempt = 1; ; attempt++) {
      if (base.recorded) {
        const made = await make(change, base, isFresh)
        const written = made && (await this.#attempt(change, base, made))
        if (written) return written
        if (change.once) throw new SettingsError('REVISION_MISMATCH', 'The settings changed meanwhile. Read them again, then decide.')
      } else await this.#adopt(this.#editOf(change.key, base))
      if (performance.now() > deadline) {
        throw new SettingsError(
          'CONTENTION',
          `Others changed "${change.key}" ${attempt} times while this change was tried for ${PATIENCE / 1000} s. Nothing was changed; try again.`,
        )
      }
      // Equal pauses would let the same controllers meet again.
      if (attempt > 1) await sleep(Math.random() * Math.min(2 ** attempt, 50))
      base = await readBase(backend, change.key)
      isFresh = true
    }
  }

  /** One try on one base; undefined when the race was lost. */
  async #attempt(change: Change, base: Base, { data, text }: Made): Promise<Written | undefined> {
    const { key } = change
    const guard = base.entry?.revision ?? 'absent'
    const conditions = change.conditions?.(base) ?? []
    if (isUnchanged(base, data, text)) {
      // The base may be older than the store: only the store can say that there is nothing to do.
      const outcome = await commitAside(this.#options.backend, [{ key, check: true, expected: guard }, ...conditions])
      return outcome.committed ? { ...base, committed: false, revision: baseRevision(base) } : undefined
    }

    const kind: ChangeKind = text === undefined ? 'deleted' : base.entry ? 'updated' : 'created'
    const record = nextRecord(base.record, kind, data, { ...change, controller: this.#options.controller })
    const operations: Operation[] = [
      text === undefined ? { key, delete: true, expected: guard } : { key, put: text, expected: guard },
      { key: historyKey(key, record.version), put: printRecord(record), expected: 'absent', marker: true },
      ...onTopOf(key, base.record),
      ...conditions,
    ]
    const outcome = await this.#commit(operations, record.writeId)
    if (!outcome.committed) return undefined
    return this.#remember(change.key, text, data, { ...record, of: outcome.revision, stored: outcome.revision }, base.entry, outcome.revision)
  }

  async #commit(operations: readonly Operation[], writeId: string) {
    try {
      return await this.#options.backend.commit(operations)
    } catch (error) {
      if (!isSettingsError(error, 'OUTCOME_UNKNOWN')) throw error
      throw new SettingsError(
        'OUTCOME_UNKNOWN',
        `${error.message} Look for the write_id ${writeId} in the history: it is there if the change was made.`,
        {
          cause: error,
          details: { ...error.details, write_id: writeId },
        },
      )
    }
  }

  async #adopt(edit: Edit): Promise<void> {
    const version = await adoptEdit(edit, { ...this.#options, meta: this.#options.meta() })
    if (version === undefined) return
    this.#recent.delete(edit.key)
    this.#options.recorded?.(edit.key, version)
  }

  #editOf(key: Key, base: Base): Edit {
    if (base.entry) return { key, data: base.data, gone: false, revision: base.entry.revision }
    const goneAt = this.#options.goneAt(key)
    const isLater = goneAt !== undefined && goneAt > (base.record?.of ?? 0n)
    return { key, data: undefined, gone: true, revision: isLater ? goneAt : undefined }
  }

  #remember(
    key: Key,
    text: string | undefined,
    data: JsonObject | undefined,
    record: StoredRecord,
    before: Entry | undefined,
    revision: Revision,
  ): Written {
    const entry: Entry | undefined = text === undefined ? undefined : { key, text, revision, created: before?.created ?? revision }
    const base: Base = { entry, data, record, recorded: true }
    this.#recent.set(key, base)
    this.#options.recorded?.(key, record.version)
    return { ...base, committed: true, revision }
  }

  #newestKnown(key: Key): Base {
    const cached = this.#options.cached(key)
    const recent = this.#recent.get(key)
    if (recent && (recent.record?.version ?? 0) > (cached.record?.version ?? 0)) return recent
    this.#recent.delete(key)
    return cached
  }
}

/** Guards the record that a change was made on top of: a store that was put back meanwhile may have the document at the same revision, with another past. */
function onTopOf(key: Key, record: StoredRecord | undefined): Operation[] {
  return record ? [{ key: historyKey(key, record.version), check: true, expected: record.stored }] : []
}

/** What a change makes of a base. */
interface Made {
  readonly data: JsonObject | undefined
  readonly text: string | undefined
}

/** Undefined when the change cannot be made from this base, but perhaps from a fresh one. */
async function make(change: Change, base: Base, isFresh: boolean): Promise<Made | undefined> {
  try {
    const data = await change.make(base)
    const text = data && printJson(data)
    if (text && Buffer.byteLength(text) > DOCUMENT_BYTES) throw tooLarge(text)
    return { data, text }
  } catch (error) {
    if (isFresh) throw error
    return undefined
  }
}

function isUnchanged(base: Base, data: JsonObject | undefined, text: string | undefined): boolean {
  if (data === undefined || base.entry === undefined) return text === base.entry?.text
  // An edit by hand may be laid out otherwise and say the same.
  return text === base.entry.text || (base.data !== undefined && printJson(base.data) === text)
}

function tooLarge(text: string): SettingsError {
  return new SettingsError(
    'DOCUMENT_TOO_LARGE',
    `The overrides would have ${Buffer.byteLength(text)} bytes; a settings document holds ${DOCUMENT_BYTES} at most. Data of a NApp belongs into boxes.`,
    {
      details: { got: Buffer.byteLength(text), limit: DOCUMENT_BYTES },
    },
  )
}

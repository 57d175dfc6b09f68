import type { Backend, Operation } from '../../../backends/backend.ts'
import type { Entry, Revision } from '../../../model/document.ts'
import { isSettingsError, SettingsError } from '../../../model/errors.ts'
import type { Key } from '../../../model/key.ts'
import { KeyedMutex } from '../../../model/keyed-mutex.ts'
import { type Base, baseFromFound, isSameBase, readBase } from '../../state/document-reader.ts'
import { adoptEdit, commitAside, type Edit } from './adoption.ts'
import { type Change, Draft, refuseMany, type Written } from './document-change.ts'
import { WinnerBackoff } from './winner-backoff.ts'

/*
 * Changes of overrides documents.
 *
 * Invariants:
 *  1. The documents of a change and the records of it are one commit. Each document is guarded by the
 *     revision that was read, each record by its absence: of two changes made from the same base one is
 *     committed, the other is made again from a fresh read, checks included.
 *  2. Versions are 1, 2, 3 ... without a hole: a record is only written on top of the record before it, whose
 *     presence is guarded too, so that what was read from a store that was put back meanwhile is committed to
 *     no other. A document that changed without its record (an edit by hand) gets that record first.
 *  3. A change that leaves the stored text as it was commits nothing.
 *  4. A change is refused only on a base read from the store; what the cache knows may be older.
 */

/** Milliseconds for which a lost race is run again. */
const PATIENCE = 5_000
/** Milliseconds that a change may wait for those before it. */
const QUEUE = 20_000

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
  readonly #mutex = new KeyedMutex()
  /** What own commits left behind, until the cache has seen it: the base of the next one in the row. */
  readonly #recent = new Map<Key, Base>()
  /** None where no other controller can be. */
  readonly #courtesy: WinnerBackoff | undefined

  constructor(options: WriterOptions) {
    this.#options = options
    this.#courtesy = options.backend.supports.sharing ? new WinnerBackoff() : undefined
  }

  /**
   * Commits a change of all its documents or of none; gives them in the order of its keys.
   * @throws SettingsError CONTENTION after 5 s of lost races, or 20 s behind others who change the same,
   * DOCUMENT_TOO_LARGE, OUTCOME_UNKNOWN with the `write_id`, and what `make` throws.
   */
  write(change: Change): Promise<readonly Written[]> {
    // One writer a document within this process: they would only race each other. Twins in another case take
    // the same turn; all take them in one order.
    const asked = performance.now()
    const names = [...new Set(change.keys.map(key => key.toLowerCase()))].sort()
    const work = names.reduceRight<() => Promise<readonly Written[]>>(
      (inner, name) => () => this.#mutex.run(name, inner),
      () => {
        // Who asked is about to stop waiting, and must not find it done later.
        if (performance.now() - asked > QUEUE) throw queued(change.keys)
        return this.#write(change)
      },
    )
    return work()
  }

  /**
   * What the documents would be after a change, from what the store holds now; nothing is written.
   * @throws what `make` throws, DOCUMENT_TOO_LARGE.
   */
  async rehearse(change: Change): Promise<readonly Written[]> {
    const bases = await this.#readAll(change.keys)
    return new Draft(change, bases, await change.make(bases), this.#options.controller).written(undefined)
  }

  /**
   * Records an edit by hand, unless another controller did it first, or a later change was recorded already.
   */
  adopt(edit: Edit): Promise<void> {
    return this.#mutex.run(edit.key.toLowerCase(), () => this.#adopt(edit))
  }

  async #write(change: Change): Promise<readonly Written[]> {
    const { keys } = change
    await this.#courtesy?.wait(keys)
    const deadline = performance.now() + PATIENCE
    // What is known may be older than the store, so nobody is refused because of it.
    let isFresh = change.fresh === true
    let bases = isFresh ? await this.#readAll(keys) : keys.map(key => this.#newestKnown(key))
    this.#courtesy?.followed(
      keys.filter(
        (_, i) => (bases[i]?.record?.controller ?? this.#options.controller) !== this.#options.controller,
      ),
    )
    for (let attempt = 1; ; attempt++) {
      const edited = keys.filter((_, i) => !bases[i]?.recorded)
      const tried: Tried = edited.length > 0 ? {} : await this.#try(change, bases, isFresh)
      if (tried.written) return tried.written
      for (const key of edited) await this.#adopt(this.#editOf(key, neededBase(bases, keys.indexOf(key))))
      if (performance.now() > deadline) throw contention(keys, attempt)
      const before = bases
      bases = await this.#readAll(keys, tried.found)
      isFresh = true
      if (tried.refused && keys.every((_, i) => isSameBase(neededBase(bases, i), neededBase(before, i))))
        throw tried.refused.reason
    }
  }

  async #readAll(keys: readonly Key[], found?: readonly Entry[]): Promise<readonly Base[]> {
    return Promise.all(keys.map(key => baseFromFound(key, found) ?? readBase(this.#options.backend, key)))
  }

  /**
   * One try on one base: what was written, what stood in the way of it, or, from a base that may be old, why
   * it was refused.
   */
  async #try(change: Change, bases: readonly Base[], isFresh: boolean): Promise<Tried> {
    let draft: Draft
    try {
      draft = new Draft(change, bases, await change.make(bases), this.#options.controller)
    } catch (reason) {
      if (isFresh) throw reason
      return { refused: { reason } }
    }
    const operations = [...draft.operations, ...(change.conditions?.() ?? [])]
    // The base may be older than the store: only the store can say that there is nothing to do.
    refuseMany(operations)
    const sent = performance.now()
    const outcome = draft.isEmpty
      ? await commitAside(this.#options.backend, operations)
      : await this.#commit(operations, draft.writeId)
    if (!outcome.committed) {
      this.#courtesy?.met(change.keys)
      return { found: outcome.found }
    }
    if (!draft.isEmpty) this.#courtesy?.won(change.keys, performance.now() - sent)
    const written = draft.written(draft.isEmpty ? undefined : outcome.revision)
    for (const [i, document] of written.entries())
      if (document.committed) this.#remember(neededKey(change.keys, i), document)
    return { written }
  }

  async #commit(operations: readonly Operation[], writeId: string) {
    try {
      return await this.#options.backend.commit(operations)
    } catch (error) {
      if (!isSettingsError(error, 'OUTCOME_UNKNOWN')) throw error
      throw new SettingsError(
        'OUTCOME_UNKNOWN',
        `${error.message} Search the history for the write_id ${writeId}: it is listed if the change was applied.`,
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
    if (base.entry) return { key, data: base.data, gone: false, revision: base.entry.modRevision }
    const goneAt = this.#options.goneAt(key)
    const isLater = goneAt !== undefined && goneAt > (base.record?.of ?? 0n)
    return { key, data: undefined, gone: true, revision: isLater ? goneAt : undefined }
  }

  #remember(key: Key, { entry, data, record }: Written): void {
    this.#recent.set(key, { entry, data, record, recorded: true })
    if (record) this.#options.recorded?.(key, record.version)
  }

  #newestKnown(key: Key): Base {
    const cached = this.#options.cached(key)
    const recent = this.#recent.get(key)
    if (recent && (recent.record?.version ?? 0) > (cached.record?.version ?? 0)) return recent
    this.#recent.delete(key)
    return cached
  }
}

/** How a try ended. */
interface Tried {
  readonly written?: readonly Written[]
  /** What the guarded keys held instead. */
  readonly found?: readonly Entry[]
  readonly refused?: { readonly reason: unknown }
}

function queued(keys: readonly Key[]): SettingsError {
  const what = keys.map(key => `"${key}"`).join(', ')
  return new SettingsError(
    'CONTENTION',
    `Earlier changes of ${what} took more than ${QUEUE / 1000} s. Nothing was changed; retry.`,
  )
}

function contention(keys: readonly Key[], attempts: number): SettingsError {
  return new SettingsError(
    'CONTENTION',
    `Concurrent changes of ${keys.map(key => `"${key}"`).join(', ')} won ${attempts} times in ${PATIENCE / 1000} s. Nothing was changed; retry.`,
  )
}

/** A change has as many bases as keys, in the same order. */
function neededBase(bases: readonly Base[], i: number): Base {
  const base = bases[i]
  if (!base) throw new RangeError(`Base ${i} of ${bases.length} does not exist.`)
  return base
}

function neededKey(keys: readonly Key[], i: number): Key {
  const key = keys[i]
  if (key === undefined) throw new RangeError(`Key ${i} of ${keys.length} does not exist.`)
  return key
}

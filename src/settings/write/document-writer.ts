import type { Backend, Operation } from '../../../backends/backend.ts'
import type { Entry, Revision } from '../../../model/document.ts'
import { isSettingsError, SettingsError } from '../../../model/errors.ts'
import type { Key } from '../../../model/key.ts'
import { KeyedMutex } from '../../../model/keyed-mutex.ts'
import type { Base } from '../../state/document-reader.ts'
import {
  ADOPTION_RETRY_MS,
  adoptEdit,
  commitAuxiliary,
  type UnrecordedEdit,
  unrecordedEdit,
} from './adoption.ts'
import { BaseReader } from './base-reader.ts'
import type {
  ChangeAttempt,
  Decision,
  NextDocument,
  ReadDocument,
  Target,
  WriteOptions,
  WriteResult,
  Written,
} from './change-attempt.ts'
import { PreparedCommit } from './prepared-commit.ts'
import { refuseMany } from './size-limits.ts'
import { WinnerBackoff } from './winner-backoff.ts'

/*
 * Changes of overrides documents.
 *
 * Invariants:
 *  1. The documents of a change and their records are one commit. Each document is guarded by the revision
 *     that was read, each record by its absence. Of two changes of the same base one is committed; the other
 *     is decided again from a fresh read, checks included.
 *  2. Versions are 1, 2, 3 ... without a gap: a record is written only on top of the record before it. The
 *     presence of that one is guarded too, so that a base of a store that was restored meanwhile is not
 *     committed to another one. A document that changed without its record (a hand edit) gets it first.
 *  3. A change that leaves the stored text as it was commits nothing.
 *  4. A change is rejected only on a base that was read from the store, because the cache may be older.
 */

/** How long a change is retried after lost races. */
const LOST_RACE_RETRY_MS = 5_000
/** How long a change may wait for earlier changes of its documents. */
const MAX_QUEUED_MS = 20_000

export interface WriterOptions {
  readonly backend: Backend
  readonly controller: string
  /** The document as the cache knows it. */
  readonly cached: (key: Key) => Base
  /** The revision at which the cache saw an absent document being deleted. */
  readonly goneAt: (key: Key) => Revision | undefined
  /** The document `meta/store` as the cache knows it. */
  readonly meta: () => Entry | undefined
  /** Called after one more record of a document was committed. */
  readonly recorded?: (key: Key, version: number) => void
}

export class DocumentWriter {
  readonly #options: WriterOptions
  readonly #mutex = new KeyedMutex()
  readonly #reader: BaseReader
  /** Undefined for a store that no other controller can share. */
  readonly #backoff: WinnerBackoff | undefined

  constructor(options: WriterOptions) {
    this.#options = options
    this.#reader = new BaseReader(options.backend, options.cached)
    this.#backoff = options.backend.supports.sharing ? new WinnerBackoff() : undefined
  }

  /**
   * Commits a change of all these documents, each named once, or of none.
   * @throws SettingsError CONTENTION after 5 s of lost races, or 20 s behind earlier changes of the same
   * documents, DOCUMENT_TOO_LARGE, OUTCOME_UNKNOWN with the `write_id`, and the errors of `attempt`.
   */
  write<Document extends Target, Next extends NextDocument, Result>(
    documents: readonly Document[],
    attempt: ChangeAttempt<Document, Next, Result>,
    options: WriteOptions,
  ): Promise<WriteResult<Next, Result>> {
    // One change at a time of a document within this process, because they would only race each other. Names
    // that differ only in case share one queue; all changes enter the queues in one order.
    const requestedAt = performance.now()
    const names = [...new Set(documents.map(({ key }) => key.toLowerCase()))].sort()
    const work = names.reduceRight<() => Promise<WriteResult<Next, Result>>>(
      (inner, name) => () => this.#mutex.run(name, inner),
      () => {
        // The caller is about to stop waiting, and must not find the change committed later.
        if (performance.now() - requestedAt > MAX_QUEUED_MS) throw queued(keysOf(documents))
        return this.#write(documents, attempt, options)
      },
    )
    return work()
  }

  /**
   * Computes the documents after a change of their current state in the store; nothing is written.
   * @throws the errors of `attempt`, and DOCUMENT_TOO_LARGE.
   */
  async rehearse<Document extends Target, Next extends NextDocument, Result>(
    documents: readonly Document[],
    attempt: ChangeAttempt<Document, Next, Result>,
    options: WriteOptions,
  ): Promise<WriteResult<Next, Result>> {
    const { next, result } = await attempt(await this.#reader.read(documents), false)
    return { documents: this.#prepare(next, options).written(undefined), result }
  }

  /**
   * Records a hand edit, unless another controller recorded it first, or recorded a later change.
   */
  adopt(edit: UnrecordedEdit): Promise<void> {
    // The store is that of the moment when the edit was seen.
    const meta = this.#options.meta()
    return this.#mutex.run(edit.key.toLowerCase(), () =>
      this.#adopt(edit, meta, performance.now() + ADOPTION_RETRY_MS),
    )
  }

  async #write<Document extends Target, Next extends NextDocument, Result>(
    targets: readonly Document[],
    attempt: ChangeAttempt<Document, Next, Result>,
    options: WriteOptions,
  ): Promise<WriteResult<Next, Result>> {
    const keys = keysOf(targets)
    await this.#backoff?.wait(keys)
    const deadline = performance.now() + LOST_RACE_RETRY_MS
    // The cache may be older than the store, so it rejects no change.
    let isFresh = options.fresh === true
    let isRetry = false
    let documents = isFresh ? await this.#reader.read(targets) : this.#reader.known(targets)
    this.#backoff?.followed(keysOf(documents.filter(document => this.#isForeign(document))))
    for (let round = 1; ; round++) {
      const edited = documents.filter(({ base }) => !base.recorded)
      let tried: Tried<Next, Result> | undefined
      if (edited.length === 0) {
        tried = await this.#try(keys, () => attempt(documents, isRetry), options, isFresh)
        isRetry = true
      }
      if (tried?.ended === 'committed') return tried.written
      for (const { key, base } of edited)
        await this.#adopt(
          unrecordedEdit(key, base, this.#options.goneAt(key)),
          this.#options.meta(),
          deadline,
        )
      if (performance.now() > deadline) throw contention(keys, round)
      const now = await this.#reader.readAgain(documents, tried?.ended === 'lost' ? tried.found : undefined)
      documents = now.documents
      isFresh = true
      if (tried?.ended === 'rejected' && now.isUnchanged) throw tried.reason
    }
  }

  /** True for a document whose last change was made by another controller. */
  #isForeign({ base }: ReadDocument): boolean {
    return base.record !== undefined && base.record.controller !== this.#options.controller
  }

  #prepare<Next extends NextDocument>(next: readonly Next[], options: WriteOptions): PreparedCommit<Next> {
    const { actor, comment, confirmWithin } = options
    return new PreparedCommit(next, { actor, comment, confirmWithin, controller: this.#options.controller })
  }

  /** One attempt on one read of the documents. */
  async #try<Next extends NextDocument, Result>(
    keys: readonly Key[],
    decide: () => Decision<Next, Result> | Promise<Decision<Next, Result>>,
    options: WriteOptions,
    isFresh: boolean,
  ): Promise<Tried<Next, Result>> {
    let decision: Decision<Next, Result>
    let prepared: PreparedCommit<Next>
    try {
      decision = await decide()
      prepared = this.#prepare(decision.next, options)
    } catch (reason) {
      if (isFresh) throw reason
      return { ended: 'rejected', reason }
    }
    const armed = decision.arm?.(prepared) ?? []
    const operations = [...prepared.operations, ...decision.guards, ...armed]
    refuseMany(operations)
    const sentAt = performance.now()
    // The base may be older than the store, so an empty change is committed too: its guards ask the store.
    const outcome =
      prepared.isEmpty && armed.length === 0
        ? await commitAuxiliary(this.#options.backend, operations)
        : await this.#commit(operations, prepared.writeId)
    if (!outcome.committed) {
      this.#backoff?.met(keys)
      return { ended: 'lost', found: outcome.found }
    }
    if (!prepared.isEmpty) this.#backoff?.won(keys, performance.now() - sentAt)
    const documents = prepared.written(prepared.isEmpty ? undefined : outcome.revision)
    for (const { key, written } of documents) if (written.committed) this.#remember(key, written)
    return { ended: 'committed', written: { documents, result: decision.result } }
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

  async #adopt(edit: UnrecordedEdit, meta: Entry | undefined, deadline: number): Promise<void> {
    const version = await adoptEdit(edit, { ...this.#options, meta, deadline })
    if (version === undefined) return
    this.#reader.forget(edit.key)
    this.#options.recorded?.(edit.key, version)
  }

  #remember(key: Key, written: Written): void {
    this.#reader.remember(key, written)
    if (written.record) this.#options.recorded?.(key, written.record.version)
  }
}

/** The end of one attempt. */
type Tried<Next extends NextDocument, Result> =
  | { readonly ended: 'committed'; readonly written: WriteResult<Next, Result> }
  /** `found` are the entries at the guarded keys. */
  | { readonly ended: 'lost'; readonly found: readonly Entry[] }
  /** The attempt threw on a base that may be older than the store. */
  | { readonly ended: 'rejected'; readonly reason: unknown }

function keysOf(documents: readonly Target[]): readonly Key[] {
  return documents.map(({ key }) => key)
}

function queued(keys: readonly Key[]): SettingsError {
  const what = keys.map(key => `"${key}"`).join(', ')
  return new SettingsError(
    'CONTENTION',
    `Earlier changes of ${what} took more than ${MAX_QUEUED_MS / 1000} s. Nothing was changed; retry.`,
  )
}

function contention(keys: readonly Key[], attempts: number): SettingsError {
  return new SettingsError(
    'CONTENTION',
    `Concurrent changes of ${keys.map(key => `"${key}"`).join(', ')} won ${attempts} times in ${LOST_RACE_RETRY_MS / 1000} s. Nothing was changed; retry.`,
  )
}

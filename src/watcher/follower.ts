import type { Backend, Batch } from '../../backends/backend.ts'
import { joinSignals } from '../../backends/joint-signal.ts'
import type { Entry, Revision } from '../../model/document.ts'
import { isSettingsError, SettingsError } from '../../model/errors.ts'
import type { Key } from '../../model/key.ts'
import { ForeignKeys } from '../state/foreign-keys.ts'
import type { Cache } from './cache.ts'
import { claimEpoch, readEpoch, touchStore } from './epoch.ts'
import { refuseOtherIdentity, refuseOtherStore } from './identity.ts'
import { isCompacted, isOverwritten, putsOf, resumePointOf } from './resume-point.ts'
import { surveyStore } from './survey.ts'
import { ResumeCheck, Trail } from './trail.ts'

/**
 * The number of listings in a row that end with a write to `meta/store`; the next attempt follows a pause.
 */
const MAX_LISTINGS = 8

/** Receives the content of the store, one call at a time, in order. */
export interface FollowerListener {
  /** Delivers one revision of the store. */
  onBatch(batch: Batch): Promise<void>
  /** Delivers the whole difference between the cache and a listing of the store, which has this epoch. */
  onListing(batch: Batch, epoch: number): Promise<void>
  /** Reports keys that no document of this store has, each once. */
  onForeign(keys: readonly Key[]): void
  /** The watch is open and has delivered everything up to this revision, as far as the server reports it. */
  onCaughtUp(revision: Revision): void
  /** The watch was resumed, but the store may be another one, which only a comparison shows. */
  onDoubt(): void
}

export interface FollowerOptions {
  readonly backend: Backend
  /** Contains everything that was delivered; epoch 0 before the first delivery. */
  readonly cache: Cache
  readonly signal: AbortSignal
  /** The longest time, in milliseconds, for which a caught-up watch may withhold the batch delivered last. */
  readonly confirmation: number
}

interface WatchOptions {
  readonly onAlive: () => void
  /** An entry that the store must have, in place of a trail that the watch cannot show again. */
  readonly witness: Entry | undefined
  /** True when another store may show the trail, too. */
  readonly isDoubtful: boolean
}

/**
 * Lists a store once and follows its watch from there, across lost connections, compaction and restored
 * backups. After a failure it resumes where it was.
 *
 * Invariants:
 *  1. A watch is resumed at the beginning of the {@link Trail} of batches that were *delivered*. All of them
 *     must come again, else the store is another one. Progress moves neither the trail nor the revision of
 *     the cache, because it may precede the changes that it reports. When no text of the trail is unique,
 *     another store may show it, too: the store is then compared with the cache beside the watch.
 *  2. When steps are lost, or the store is another one, the whole store is listed. A store that was wiped or
 *     rewound first receives a new epoch, so that (epoch, revision) never decreases.
 *  3. A live batch is never applied when it changes the identity of the store: when it deletes or replaces
 *     `meta/store`, or takes away the newest record of a document. The store is then listed again, so that a
 *     wipe or a load, by any tool, is one difference and not a series of deletions in the old epoch.
 *  4. When the cache turns out to be wrong about an unchanged store, the whole store is listed in the same
 *     epoch, at a revision above all that were announced. The repair of the cache is then an ordinary step.
 *     The store counts as unchanged only if it shows the last delivered batch again, at every other key.
 */
export class Follower {
  readonly #options: FollowerOptions
  readonly #listener: FollowerListener
  #isOpen = false
  #isListed = false
  /** No watch was opened since the last listing, so its newest entry may be the oldest step left. */
  #justListed = false
  /** The store is known to differ from the cache's store, whatever its revisions are. */
  #isRewound = false
  #trail: Trail | undefined
  readonly #foreignKeys = new ForeignKeys()
  /** Keys at which the cache differs from the store without a watch event. */
  #damaged: ReadonlySet<Key> = new Set()
  /** Ends the open watch; undefined without one. */
  #interrupt: ((error: SettingsError) => void) | undefined

  constructor(options: FollowerOptions, listener: FollowerListener) {
    this.#options = options
    this.#listener = listener
  }

  /**
   * Follows until the signal aborts, and calls `onAlive` at each batch and progress of the watch.
   * @throws the error that ended it; call it again after a pause.
   */
  async follow(onAlive: () => void): Promise<void> {
    try {
      if (!this.#isOpen) await this.#options.backend.open()
      this.#isOpen = true
      if (!this.#isListed) await this.#list()
      await this.#watch(onAlive)
    } catch (error) {
      this.#learnFrom(error)
      throw error
    }
  }

  /** Ends the open watch, if any, as if it had failed with this error. */
  interrupt(error: SettingsError): void {
    this.#interrupt?.(error)
  }

  /** Lists the store again, because the cache differs from it at these keys without a watch event. */
  repair(damaged: ReadonlySet<Key>): void {
    if (!this.#interrupt) return
    this.#damaged = damaged
    const message = `The cache differed from the store in ${damaged.size} keys without a watch event.`
    this.#interrupt(new SettingsError('HISTORY_LOST', message, { details: { reason: 'damaged' } }))
  }

  #learnFrom(error: unknown): void {
    // STORE_FORMAT: the store was replaced, and has to be listed when it is valid again.
    if (!isSettingsError(error) || error.code === 'INTERNAL_ERROR' || error.code === 'STORE_FORMAT')
      this.#isListed = false
    else if (error.code === 'HISTORY_LOST') {
      this.#isListed = false
      if (error.details.reason === 'rewound' || error.details.reason === 'other store') this.#isRewound = true
    }
  }

  async #list(): Promise<void> {
    const { backend } = this.#options
    const point = this.#trail?.last
    if (this.#damaged.size > 0 && point && (await isOverwritten(point, this.#damaged, this.#options)))
      this.#isRewound = true
    for (let n = 1; n <= MAX_LISTINGS; n++) if (await this.#listOnce()) return
    throw new SettingsError(
      'STORE_UNREACHABLE',
      `The store of the ${backend.name} backend still had no valid "meta/store" after it was written ${MAX_LISTINGS} times. Another program removes or replaces this document; stop it.`,
    )
  }

  /** Lists the store and delivers the difference; false when `meta/store` had to be written first. */
  async #listOnce(): Promise<boolean> {
    const { backend, cache } = this.#options
    const survey = await surveyStore(backend, cache, this.#damaged, this.#foreignKeys)
    this.#listener.onForeign(survey.foreign)
    const epoch = readEpoch(survey.meta)
    const known = cache.epoch
    const isRewound = known > 0 && (this.#isRewound || survey.rewound)
    if (epoch === 0 || epoch < known || (epoch === known && isRewound)) {
      await claimEpoch(backend, survey.meta, known)
      return false
    }
    const isRepair = this.#damaged.size > 0 && epoch === known
    if (isRepair && survey.meta && survey.batch.revision <= cache.revision) {
      await touchStore(backend, survey.meta)
      return false
    }
    await this.#listener.onListing(survey.batch, epoch)
    this.#trail = survey.trail
    this.#isRewound = false
    this.#damaged = new Set()
    this.#isListed = true
    this.#justListed = true
    return true
  }

  async #watch(onAlive: () => void): Promise<void> {
    const { cache } = this.#options
    const trail = this.#trail
    const witness = trail?.base.witness
    const justListed = this.#justListed
    this.#justListed = false
    let check = new ResumeCheck(trail)
    for (let isFirst = true; ; isFirst = false) {
      const since = trail ? trail.base.revision - 1n : cache.revision
      try {
        return await this.#watchFrom(since, check, {
          onAlive,
          witness: isFirst ? undefined : witness,
          isDoubtful: !justListed && trail?.isUnique === false,
        })
      } catch (error) {
        if (!justListed || check.confirmed || !isCompacted(error)) throw error
      }
      // The base of the listing was compacted. Its newest entry may be kept.
      if (!trail?.shorten()) break
      check = new ResumeCheck(trail)
    }
    // The store is quiet: its newest entry was compacted, too, and nothing has changed since the listing.
    trail?.break()
    const options = { onAlive, witness, isDoubtful: false }
    await this.#watchFrom(cache.revision, new ResumeCheck(undefined), options)
  }

  async #watchFrom(
    since: Revision,
    check: ResumeCheck,
    { onAlive, witness, isDoubtful }: WatchOptions,
  ): Promise<void> {
    const { backend, cache, signal, confirmation } = this.#options
    const late = new AbortController()
    const end = joinSignals(signal, late.signal)
    let timer: NodeJS.Timeout | undefined
    let hasBegun = false
    let isInDoubt = isDoubtful
    let interruption: SettingsError | undefined
    this.#interrupt = error => {
      interruption ??= error
      late.abort()
    }
    try {
      for await (const batch of backend.watch(since, end.signal)) {
        onAlive()
        if (!hasBegun) await refuseOtherStore(backend, [cache.meta, witness])
        hasBegun = true
        const isNext = check.see(batch)
        const isNew = batch.revision > cache.revision
        if (isNext && !isNew) this.#trail?.add(batch)
        if (check.confirmed || batch.changes.length > 0) {
          clearTimeout(timer)
          timer = undefined
        }
        if (!check.confirmed) {
          timer ??= setTimeout(() => late.abort(), confirmation)
          continue
        }
        if (isInDoubt) this.#listener.onDoubt()
        isInDoubt = false
        if (batch.changes.length === 0) this.#listener.onCaughtUp(batch.revision)
        else if (isNext && isNew) await this.#deliver(batch)
      }
    } finally {
      end.release()
      clearTimeout(timer)
      this.#interrupt = undefined
    }
    if (interruption) throw interruption
    if (!signal.aborted) check.conclude()
  }

  async #deliver(batch: Batch): Promise<void> {
    refuseOtherIdentity(batch, this.#options.cache)
    await this.#listener.onBatch(batch)
    const point = resumePointOf(batch)
    if (this.#trail) this.#trail.add(batch)
    else if (point) this.#trail = new Trail(point)
    this.#listener.onForeign(this.#foreignKeys.among(putsOf(batch.changes).map(({ key }) => key)))
  }
}

import type { Backend, Batch } from '../../backends/backend.ts'
import { joinSignals } from '../../backends/joint-signal.ts'
import type { Entry, Revision } from '../../model/document.ts'
import { isSettingsError, SettingsError } from '../../model/errors.ts'
import type { Key } from '../../model/key.ts'
import type { Cache } from './cache.ts'
import { claimEpoch, META_KEY, readEpoch, touchStore } from './epoch.ts'
import { ResumeCheck, type ResumePoint, resumePointOf } from './resume-point.ts'
import { keyOf } from './store-index.ts'
import { surveyStore } from './survey.ts'

/*
 * Brings what the store says, across cuts, compactions and restored backups.
 *
 * Invariants:
 *  1. A watch is resumed at the last batch that was *delivered*, and that batch must come again and be the
 *     same: else the store is another one. Progress moves neither the place to resume from nor the revision
 *     of the cache, for it may run ahead of what it stands for.
 *  2. When steps are gone, or the store is another one, the whole store is listed. One that was wiped or
 *     rewound gets a new epoch first, so that (epoch, revision) never goes back.
 *  3. Where the cache turned out to be wrong about a store that is as it was, the whole store is listed in
 *     the same epoch, at a revision above all that was announced: what mends the cache is a step like any
 *     other.
 */

export interface FollowerOptions {
  readonly backend: Backend
  /** What was delivered so far; epoch 0 before anything was. */
  readonly cache: Cache
  readonly signal: AbortSignal
  /** Milliseconds that a watch which is caught up may withhold the batch that was delivered last. */
  readonly confirmation: number
  /** Takes one revision of the store. */
  readonly live: (batch: Batch) => Promise<void>
  /** Takes the whole difference to a store that was listed, which is in this epoch. */
  readonly listed: (batch: Batch, epoch: number) => Promise<void>
  /** The watch stands and has given everything up to this revision, as far as the server lets one know. */
  readonly caughtUp: (revision: Revision) => void
}

/** Lists a store once and follows its watch from there; after a failure it goes on where it was. */
export class Follower {
  readonly #options: FollowerOptions
  #opened = false
  #listed = false
  /** Nothing was followed since the last listing, whose newest entry may be the oldest step left. */
  #fresh = false
  /** The store is known to be another one than the cache's, whatever its revisions say. */
  #rewound = false
  #anchor: ResumePoint | undefined
  /** Keys of which the cache holds something else than the store had. */
  #damaged: ReadonlySet<Key> = new Set()
  /** Ends the watch that stands. */
  #interrupt: ((error: SettingsError) => void) | undefined

  constructor(options: FollowerOptions) {
    this.#options = options
  }

  /**
   * Follows until the signal aborts, calling `standing` at each sign of life.
   * @throws what ended it; call it again after a pause.
   */
  async follow(standing: () => void): Promise<void> {
    try {
      if (!this.#opened) await this.#options.backend.open()
      this.#opened = true
      if (!this.#listed) await this.#list()
      await this.#watch(standing)
    } catch (error) {
      this.#learnFrom(error)
      throw error
    }
  }

  /** Ends the watch that stands, if there is one, as if it had failed so. */
  interrupt(error: SettingsError): void {
    this.#interrupt?.(error)
  }

  /**
   * Lists the store anew, because the cache holds something else at these keys although the watch went on.
   */
  mend(damaged: ReadonlySet<Key>): void {
    if (!this.#interrupt) return
    this.#damaged = damaged
    const message = `The cache differed from the store in ${damaged.size} keys without a watch event.`
    this.#interrupt(new SettingsError('HISTORY_LOST', message, { details: { reason: 'damaged' } }))
  }

  #learnFrom(error: unknown): void {
    if (!isSettingsError(error) || error.code === 'INTERNAL_ERROR') this.#listed = false
    else if (error.code === 'HISTORY_LOST') {
      this.#listed = false
      if (error.details.reason === 'rewound' || error.details.reason === 'other store') this.#rewound = true
    }
  }

  async #list(): Promise<void> {
    const { backend, cache, listed } = this.#options
    const survey = await surveyStore(backend, cache, this.#damaged)
    const epoch = readEpoch(survey.meta)
    const known = cache.epoch
    const rewound = known > 0 && (this.#rewound || survey.rewound)
    if (epoch === 0 || epoch < known || (epoch === known && rewound)) {
      await claimEpoch(backend, survey.meta, known)
      return this.#list()
    }
    if (this.#damaged.size > 0 && survey.meta && survey.batch.revision <= cache.revision) {
      await touchStore(backend, survey.meta)
      return this.#list()
    }
    await listed(survey.batch, epoch)
    this.#anchor = survey.anchor
    this.#rewound = false
    this.#damaged = new Set()
    this.#listed = true
    this.#fresh = true
  }

  async #watch(standing: () => void): Promise<void> {
    const { cache } = this.#options
    const fresh = this.#fresh
    this.#fresh = false
    const check = new ResumeCheck(this.#anchor)
    try {
      await this.#watchFrom(this.#anchor ? this.#anchor.revision - 1n : cache.revision, check, standing)
    } catch (error) {
      if (!fresh || check.confirmed || !isCompacted(error)) throw error
      // Nothing happened since the listing but that its newest entry was compacted: a quiet store.
      await this.#watchFrom(cache.revision, new ResumeCheck(undefined), standing, this.#anchor?.witness)
    }
  }

  async #watchFrom(
    since: Revision,
    check: ResumeCheck,
    standing: () => void,
    witness?: Entry,
  ): Promise<void> {
    const { backend, cache, signal, confirmation, caughtUp } = this.#options
    const late = new AbortController()
    const end = joinSignals(signal, late.signal)
    let timer: NodeJS.Timeout | undefined
    let begun = false
    let interrupted: SettingsError | undefined
    this.#interrupt = error => {
      interrupted ??= error
      late.abort()
    }
    try {
      for await (const batch of backend.watch(since, end.signal)) {
        standing()
        if (!begun) await this.#refuseOtherStore(witness)
        begun = true
        check.see(batch)
        if (check.confirmed) clearTimeout(timer)
        else timer ??= setTimeout(() => late.abort(), confirmation)
        if (!check.confirmed) continue
        if (batch.changes.length === 0) caughtUp(batch.revision)
        else if (batch.revision > cache.revision) await this.#take(batch)
      }
    } finally {
      end.release()
      clearTimeout(timer)
      this.#interrupt = undefined
    }
    if (interrupted) throw interrupted
    if (!signal.aborted) check.conclude()
  }

  async #take(batch: Batch): Promise<void> {
    const meta = batch.changes.find(change => keyOf(change) === META_KEY)
    if (meta?.type === 'put' && readEpoch(meta.entry) !== this.#options.cache.epoch) {
      throw new SettingsError(
        'HISTORY_LOST',
        'The store was wiped or restored; another controller started a new epoch.',
        {
          details: { reason: 'epoch' },
        },
      )
    }
    await this.#options.live(batch)
    this.#anchor = resumePointOf(batch) ?? this.#anchor
  }

  /** Looks at `meta/store`, and at the witness when the watch cannot show its anchor again. */
  async #refuseOtherStore(witness: Entry | undefined): Promise<void> {
    const { backend, cache } = this.#options
    for (const known of [cache.meta, witness]) {
      if (!known) continue
      const entry = await backend.get(known.key)
      if (entry?.modRevision === known.modRevision && entry.text === known.text) continue
      throw new SettingsError(
        'HISTORY_LOST',
        `The stored ${known.key} differs from its last known revision: the store was wiped, restored or changed.`,
        {
          details: { reason: 'unconfirmed' },
        },
      )
    }
  }
}

/** True for lost history that says nothing against the store. */
function isCompacted(error: unknown): boolean {
  return isSettingsError(error, 'HISTORY_LOST') && (error.details.reason ?? 'compacted') === 'compacted'
}

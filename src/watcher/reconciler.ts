import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { Backend, Batch } from '../../backends/backend.ts'
import type { Entry, Revision } from '../../model/document.ts'
import { SettingsError, toSettingsError } from '../../model/errors.ts'
import { EVERYTHING, type Key } from '../../model/key.ts'
import type { Log } from '../log/log.ts'
import type { Cache } from './cache.ts'
import { META_KEY } from './epoch.ts'
import { isKept, keyOf, markOf } from './store-index.ts'
import { RoundTimer } from './waiting/round-timer.ts'

/** Receives the result of each comparison. */
export interface ReconcilerListener {
  /** The cache differs from the store at these keys. */
  onDamaged(keys: ReadonlySet<Key>): void
  /** The open watch delivers nothing although the store has more; the error is the one to end it with. */
  onBehind(error: SettingsError): void
  /** The cache equals the store. */
  onEqual(): void
  /** The watch was resumed on another store; the error is the one to end it with. */
  onOtherStore(error: SettingsError): void
}

export interface ReconcilerOptions {
  readonly backend: Backend
  readonly cache: Cache
  readonly log: Log
  /** Milliseconds between two rounds; 0 for none but those after a doubtful resumption. */
  readonly interval: number
  /**
   * The longest time, in milliseconds, for which a watch may withhold a batch after reporting its revision.
   */
  readonly confirmation: number
  readonly signal: AbortSignal
  /** False while the cache is known to be behind, when a comparison has no meaning. */
  readonly ready: () => boolean
}

/** The entries of the store at the keys where the cache differs; undefined where the store has no entry. */
type Differences = ReadonlyMap<Key, Entry | undefined>

const NONE: Differences = new Map()
/** The number of entries that are compared in one turn of the event loop. */
const MAX_ENTRIES_PER_TURN = 500
/** The longest wait until the cache has passed a listing, in multiples of `confirmation`. */
const MAX_CONFIRMATIONS = 4

/**
 * Compares the cache with the store at intervals, beside the live watch and without delaying it.
 *
 * Invariants:
 *  1. A round lists the store at one revision R and is evaluated when the cache has passed R. Keys that a
 *     live batch touched since the listing was requested, or was touching then, are left to the next round.
 *     At every other key the listing must equal the cache: absent in both, or with the same revision and
 *     text. The same holds for `meta/store`.
 *  2. The cache has passed R when a batch of R or later was applied. It has also passed R after progress of R
 *     or later and then no batch for a while, because there are servers whose progress precedes their events.
 *  3. A difference is damage only when it persists for a while, untouched, under the same watch. A watch that
 *     ends meanwhile, for any reason, cancels the round: the next watch delivers the right content, or the
 *     next round finds the difference.
 *  4. A watch that was resumed in doubt is compared soon, also without an interval. A difference then shows
 *     that the store is another one. The doubt ends with a result or a listing.
 *  5. Only the differences of a listing are kept. The cache's own index records that a key was listed.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions
  readonly #listener: ReconcilerListener
  readonly #timer: RoundTimer
  /** The keys that live batches touched since the listing was requested; undefined between rounds. */
  #touched: Set<Key> | undefined
  #listings = 0
  #rounds = 0
  #endedWatches = 0
  /** The highest revision that the watch reported as delivered. */
  #caughtUpTo: Revision = 0n
  /** When the watch delivered its last batch, by `performance.now`. */
  #lastBatchAt = 0
  /** The live batch that is being applied. */
  #applying: Batch | undefined

  constructor(options: ReconcilerOptions, listener: ReconcilerListener) {
    this.#options = options
    this.#listener = listener
    this.#timer = new RoundTimer(options)
  }

  /** The number of rounds that had a result. */
  get rounds(): number {
    return this.#rounds
  }

  /** Compares until the signal aborts; never rejects. */
  async run(): Promise<void> {
    const { signal, ready } = this.#options
    while (!signal.aborted) {
      await this.#timer.next()
      if (!signal.aborted && ready()) await this.#round()
    }
  }

  /** The store of the resumed watch may be another one than that of the cache. */
  doubt(): void {
    this.#timer.request()
  }

  /** The cache is that of the store. */
  trust(): void {
    this.#timer.fulfil()
  }

  /** A live batch is about to be applied; must be called before the cache contains any of it. */
  applying(batch: Batch): void {
    this.#applying = batch
    for (const change of batch.changes) this.#touched?.add(keyOf(change))
  }

  /** The live batch is in the cache. */
  applied(): void {
    this.#applying = undefined
    this.#lastBatchAt = performance.now()
  }

  /** The watch reports that it has delivered everything up to this revision. */
  caughtUp(revision: Revision): void {
    if (revision > this.#caughtUpTo) this.#caughtUpTo = revision
  }

  /** The watch ended. */
  watchEnded(): void {
    this.#endedWatches++
    this.#caughtUpTo = 0n
    this.#applying = undefined
  }

  async #round(): Promise<void> {
    const { log, signal } = this.#options
    const endedBefore = this.#endedWatches
    this.#timer.begin()
    const isOver = () => endedBefore !== this.#endedWatches || signal.aborted
    const touched = new Set(this.#applying?.changes.map(keyOf))
    this.#touched = touched
    try {
      const found = await this.#compare(touched, isOver)
      if (!found || isOver()) return
      this.#rounds++
      const { isRequested } = this.#timer
      this.trust()
      if (found.size === 0) return this.#listener.onEqual()
      if (isRequested) return this.#listener.onOtherStore(otherStore(found))
      for (const [key, entry] of found)
        log.error(`REPAIR: the cached ${key} differs from the store, which has ${describe(entry)}.`)
      this.#listener.onDamaged(new Set(found.keys()))
    } catch (thrown) {
      const error = toSettingsError(thrown)
      // The watch reports a store that is unavailable.
      if (!isOver() && !error.retryable)
        log.warn(`The comparison of the cache with the store failed: ${error.message}`)
    } finally {
      this.#touched = undefined
    }
  }

  /** Lists and compares; undefined without a result. */
  async #compare(touched: ReadonlySet<Key>, isOver: () => boolean): Promise<Differences | undefined> {
    const { backend, cache, confirmation, signal } = this.#options
    const requestedAt = performance.now()
    const known = cache.revision
    const { revision, pages } = await backend.list(EVERYTHING)
    if (revision < known) {
      if (!isOver())
        this.#listener.onBehind(lagging(`the store is at revision ${revision}, behind ${known} of the watch`))
      return undefined
    }
    const found = await this.#differences(pages, isOver)
    if (!(await this.#passed(revision, requestedAt, isOver))) {
      if (!isOver() && this.#isQuiet(requestedAt))
        this.#listener.onBehind(
          lagging(`the store is at revision ${revision}, the watch still at ${cache.revision}`),
        )
      return undefined
    }
    const remaining = () =>
      new Map([...found].filter(([key, entry]) => !touched.has(key) && !this.#agrees(key, entry)))
    // Leaves the watch time to notice a lost connection or another store.
    if (remaining().size > 0) await sleep(confirmation, undefined, { signal }).catch(() => {})
    await nextTurn()
    return remaining()
  }

  /** The keys at which the cache differs from the listing. */
  async #differences(pages: AsyncIterable<readonly Entry[]>, isOver: () => boolean): Promise<Differences> {
    const { cache } = this.#options
    const found = new Map<Key, Entry | undefined>()
    const listing = ++this.#listings
    let meta: Entry | undefined
    for await (const page of pages) {
      for (let at = 0; at < page.length; at += MAX_ENTRIES_PER_TURN) {
        for (const entry of page.slice(at, at + MAX_ENTRIES_PER_TURN)) {
          if (entry.key === META_KEY) meta = entry
          // The mark stands in for the text, so that no large text is kept.
          else if (isKept(entry.key) && !cache.index.see(entry, listing))
            found.set(entry.key, { ...entry, text: markOf(entry.text) })
        }
        await nextTurn()
        if (isOver()) return NONE
      }
    }
    if (!this.#agrees(META_KEY, meta)) found.set(META_KEY, meta)
    for (const key of cache.index.unseen(listing)) found.set(key, undefined)
    return found
  }

  #agrees(key: Key, entry: Entry | undefined): boolean {
    const { cache } = this.#options
    if (key === META_KEY)
      return cache.meta?.modRevision === entry?.modRevision && cache.meta?.text === entry?.text
    return entry ? cache.index.holds(entry) : !cache.index.has(key)
  }

  /** True once the cache has passed a revision; false after the deadline, or when the watch ended. */
  async #passed(revision: Revision, requestedAt: number, isOver: () => boolean): Promise<boolean> {
    const { cache, confirmation, signal } = this.#options
    const deadline = performance.now() + MAX_CONFIRMATIONS * confirmation
    for (;;) {
      // Lets a lost watch end, and a batch that has arrived be applied.
      await nextTurn()
      if (isOver()) return false
      const hasApplied = cache.revision >= revision
      if (!this.#applying && (hasApplied || (this.#caughtUpTo >= revision && this.#isQuiet(requestedAt))))
        return true
      if (performance.now() > deadline) return false
      await sleep(Math.max(1, confirmation / 20), undefined, { signal }).catch(() => {})
    }
  }

  /** True when the watch has delivered no batch for `confirmation` milliseconds, nor since the given time. */
  #isQuiet(since: number): boolean {
    const quietSince = Math.max(this.#lastBatchAt, since)
    return !this.#applying && performance.now() - quietSince >= this.#options.confirmation
  }
}

function describe(entry: Entry | undefined): string {
  return entry ? `revision ${entry.modRevision} of it` : 'no such document'
}

function otherStore(found: Differences): SettingsError {
  const [key = ''] = found.keys()
  return new SettingsError(
    'HISTORY_LOST',
    `The store has another history than before the connection was lost: ${key} differs, in all ${found.size} keys.`,
    { details: { reason: 'rewound' } },
  )
}

function lagging(reason: string): SettingsError {
  return new SettingsError('STORE_UNREACHABLE', `The watch differs from the store (${reason}); reopening it.`)
}

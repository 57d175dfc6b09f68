import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import type { Backend, Batch } from '../../backends/backend.ts'
import type { Entry, Revision } from '../../model/document.ts'
import { SettingsError, toSettingsError } from '../../model/errors.ts'
import { EVERYTHING, type Key } from '../../model/key.ts'
import type { Log } from '../log/log.ts'
import type { Cache } from './cache.ts'
import { META_KEY } from './epoch.ts'
import { isKept, keyOf, markOf } from './store-index.ts'

/*
 * Looks now and then whether the cache really is the store, beside the live watch and without holding it up.
 *
 * Invariants:
 *  1. A look lists the store at one revision R and is taken when the cache has passed R. A key that no live
 *     batch has touched since the listing was asked for, nor was touching then, must be in the listing
 *     exactly as it is in the cache: absent in both, or with the same revision and text; so must
 *     `meta/store`. What was touched is left to the next round.
 *  2. The cache has passed R when it was given a batch of R or later; or progress of R or later and then
 *     nothing for a while, for there are servers whose progress runs ahead of their events.
 *  3. A difference is damage only when it stands for a while, untouched, under a watch that goes on. A watch
 *     that ended meanwhile, for whatever reason, takes the round with it: what a new one brings is right, or
 *     is found by the next round.
 *  4. What is held of the store is its differences; that a key was seen in the listing stands in the cache's
 *     own index.
 */

export interface ReconcilerOptions {
  readonly backend: Backend
  readonly cache: Cache
  readonly log: Log
  /** Milliseconds between two rounds; 0 for none. */
  readonly every: number
  /** Milliseconds that a watch may withhold what it says it has given. */
  readonly patience: number
  readonly signal: AbortSignal
  /** False while the cache is known to be behind: there is nothing to compare. */
  readonly ready: () => boolean
  /** Takes the keys of which the cache holds something else than the store. */
  readonly damaged: (keys: ReadonlySet<Key>) => void
  /** Takes the failure of a watch that stands, silent, behind what the store holds. */
  readonly behind: (error: SettingsError) => void
  /** The cache was found equal to the store. */
  readonly equal: () => void
}

/** What the store has at the keys where the cache has something else; undefined where it has nothing. */
type Differences = ReadonlyMap<Key, Entry | undefined>

const NONE: Differences = new Map()
/** How many entries are compared in one turn of the event loop. */
const SLICE = 500
/** For how many times its patience a look waits until the cache has passed the listing. */
const TIMES = 4

/** Compares the cache with the store, periodically. */
export class Reconciler {
  readonly #options: ReconcilerOptions
  /** The keys that live batches touched since the listing was asked for; undefined while there is none. */
  #touched: Set<Key> | undefined
  #looks = 0
  #rounds = 0
  /** Counts the watches that ended. */
  #ended = 0
  /** What the watch said last that it has given, and when it gave something last, by `performance.now`. */
  #told: Revision = 0n
  #heard = 0
  /** The live batch that is being applied. */
  #applying: Batch | undefined

  constructor(options: ReconcilerOptions) {
    this.#options = options
  }

  /** Rounds that came to a verdict. */
  get rounds(): number {
    return this.#rounds
  }

  /** Compares until the signal aborts; never rejects. */
  async run(): Promise<void> {
    const { every, signal, ready } = this.#options
    while (every > 0 && !signal.aborted) {
      // Controllers on one store should not all list it at once.
      await sleep(every * (0.9 + 0.2 * Math.random()), undefined, { signal }).catch(() => {})
      if (!signal.aborted && ready()) await this.#round()
    }
  }

  /** A live batch is about to be applied; to be called before the cache has any of it. */
  taking(batch: Batch): void {
    this.#applying = batch
    for (const change of batch.changes) this.#touched?.add(keyOf(change))
  }

  /** The live batch is in the cache. */
  taken(): void {
    this.#applying = undefined
    this.#heard = performance.now()
  }

  /** The watch says that it has given everything up to this revision. */
  told(revision: Revision): void {
    if (revision > this.#told) this.#told = revision
  }

  /** The watch ended. */
  ended(): void {
    this.#ended++
    this.#told = 0n
    this.#applying = undefined
  }

  async #round(): Promise<void> {
    const { log, damaged, equal, signal } = this.#options
    const life = this.#ended
    const over = () => life !== this.#ended || signal.aborted
    const touched = new Set(this.#applying?.changes.map(keyOf))
    this.#touched = touched
    try {
      const found = await this.#look(touched, over)
      if (!found || over()) return
      this.#rounds++
      if (found.size === 0) return equal()
      for (const [key, entry] of found)
        log.error(`REPAIR: the cached ${key} differs from the store, which has ${describe(entry)}.`)
      damaged(new Set(found.keys()))
    } catch (thrown) {
      const error = toSettingsError(thrown)
      // A store that went away is the watch's to tell.
      if (!over() && !error.retryable)
        log.warn(`The comparison of the cache with the store failed: ${error.message}`)
    } finally {
      this.#touched = undefined
    }
  }

  /** Lists and compares; undefined when it came to nothing. */
  async #look(touched: ReadonlySet<Key>, over: () => boolean): Promise<Differences | undefined> {
    const { backend, cache, behind, patience, signal } = this.#options
    const asked = performance.now()
    const known = cache.revision
    const { revision, pages } = await backend.list(EVERYTHING)
    if (revision < known) {
      if (!over()) behind(lagging(`the store is at revision ${revision}, behind ${known} of the watch`))
      return undefined
    }
    const found = await this.#differences(pages, over)
    if (!(await this.#passed(revision, asked, over))) {
      if (!over() && this.#isQuiet(asked))
        behind(lagging(`the store is at revision ${revision}, the watch still at ${cache.revision}`))
      return undefined
    }
    const open = () =>
      new Map([...found].filter(([key, entry]) => !touched.has(key) && !this.#agrees(key, entry)))
    // Time to notice that the line is dead, or the store another one, if so it is.
    if (open().size > 0) await sleep(patience, undefined, { signal }).catch(() => {})
    await turn()
    return open()
  }

  /** Where the cache is not what is listed. */
  async #differences(pages: AsyncIterable<readonly Entry[]>, over: () => boolean): Promise<Differences> {
    const { cache } = this.#options
    const found = new Map<Key, Entry | undefined>()
    const number = ++this.#looks
    let meta: Entry | undefined
    for await (const page of pages) {
      for (let at = 0; at < page.length; at += SLICE) {
        for (const entry of page.slice(at, at + SLICE)) {
          if (entry.key === META_KEY) meta = entry
          // What is held of a text is its mark, which stands for it.
          else if (isKept(entry.key) && !cache.see(entry, number))
            found.set(entry.key, { ...entry, text: markOf(entry.text) })
        }
        await turn()
        if (over()) return NONE
      }
    }
    if (!this.#agrees(META_KEY, meta)) found.set(META_KEY, meta)
    for (const key of cache.unseen(number)) found.set(key, undefined)
    return found
  }

  #agrees(key: Key, entry: Entry | undefined): boolean {
    const { cache } = this.#options
    if (key === META_KEY)
      return cache.meta?.modRevision === entry?.modRevision && cache.meta?.text === entry?.text
    return entry ? cache.holds(entry) : !cache.has(key)
  }

  /**
   * True once the cache has passed a revision, false when it does not within the time, or the watch ended.
   */
  async #passed(revision: Revision, asked: number, over: () => boolean): Promise<boolean> {
    const { cache, patience, signal } = this.#options
    const deadline = performance.now() + TIMES * patience
    for (;;) {
      // Lets a watch that was cut end, and a batch that is there be taken.
      await turn()
      if (over()) return false
      if (!this.#applying && (cache.revision >= revision || (this.#told >= revision && this.#isQuiet(asked))))
        return true
      if (performance.now() > deadline) return false
      await sleep(Math.max(1, patience / 20), undefined, { signal }).catch(() => {})
    }
  }

  /** True when the watch has given nothing for a while, nor since then. */
  #isQuiet(since: number): boolean {
    return !this.#applying && performance.now() - Math.max(this.#heard, since) >= this.#options.patience
  }
}

function describe(entry: Entry | undefined): string {
  return entry ? `revision ${entry.modRevision} of it` : 'no such document'
}

function lagging(why: string): SettingsError {
  return new SettingsError('STORE_UNREACHABLE', `The watch differs from the store (${why}); reopening it.`)
}

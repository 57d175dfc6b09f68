import { setTimeout as sleep } from 'node:timers/promises'
import type { Batch, Problem } from '../../backends/backend.ts'
import type { Revision } from '../../model/document.ts'
import { SettingsError, toSettingsError } from '../../model/errors.ts'
import { parseHistoryKey } from '../../model/key.ts'
import type { Namespace } from '../../model/namespace.ts'
import type { SchemaDocument } from '../schema/schema-document.ts'
import { readRecords } from '../state/document-reader.ts'
import { Announcer } from './announcer.ts'
import { Cache } from './cache.ts'
import { rejectedEditFact } from './facts.ts'
import { Follower } from './follower.ts'
import { Observers } from './observers.ts'
import { type Health, needsOperator, type Position, Readiness } from './readiness.ts'
import { Reconciler } from './reconciler.ts'
import { keyOf } from './store-index.ts'
import { Deferred } from './waiting/deferred.ts'
import type { WatcherListener } from './watcher-listener.ts'
import { DEFAULT_PACE, type Pace, type WatcherOptions } from './watcher-options.ts'

/** The number of history records that are searched for a valid version. */
const MAX_SEARCHED_RECORDS = 50

/**
 * Follows the store, keeps the cache equal to it, and announces each change.
 *
 * Invariants:
 *  1. A revision is announced when its content is in the cache, whole, once, in order. Only then does
 *     `passed` release the callers that wait for it.
 *  2. Differences that a listing shows are announced with `origin: "resync"`, and no other changes are.
 *  3. READY means that the watch is open and has been caught up since it was opened.
 */
export class Watcher {
  readonly cache: Cache
  readonly #options: WatcherOptions
  readonly #listener: WatcherListener
  readonly #pace: Pace
  readonly #announcer: Announcer
  readonly #observers: Observers
  readonly #readiness: Readiness
  readonly #follower: Follower
  readonly #reconciler: Reconciler
  readonly #stopping = new AbortController()
  readonly #started = new Deferred()
  #running: Promise<void> = Promise.resolve()
  #wasReady = false

  constructor(options: WatcherOptions, listener: WatcherListener) {
    const { backend, controller, log, environment, secrets } = options
    const { signal } = this.#stopping
    this.#options = options
    this.#listener = listener
    this.#pace = { ...DEFAULT_PACE, ...options.pace }
    const { confirmation, reconcile } = this.#pace
    this.cache = new Cache(controller, document => readRecords(backend, document, MAX_SEARCHED_RECORDS), {
      ...(environment && { environment }),
      ...(secrets && { secrets }),
      strict: options.strict ?? false,
    })
    this.#observers = new Observers({
      ready: () => this.#readiness.ready,
      position: () => this.position,
      stopped: () => signal.aborted,
    })
    this.#announcer = new Announcer(this.cache, log, listener, this.#observers)
    this.#readiness = new Readiness({
      log,
      position: () => this.position,
      announce: content => this.#announcer.announce({ name: 'settings.state', content }).id,
      remote: backend.supports.sharing,
    })
    this.#follower = new Follower(
      { backend, cache: this.cache, signal, confirmation },
      {
        onBatch: batch => this.#deliverBatch(batch),
        onListing: (batch, epoch) => this.#deliverListing(batch, epoch),
        onForeign: keys => this.#announcer.reportForeign(keys),
        onCaughtUp: revision => {
          this.#reconciler.caughtUp(revision)
          this.#becomeReady()
        },
        onDoubt: () => this.#reconciler.doubt(),
      },
    )
    this.#reconciler = new Reconciler(
      {
        backend,
        cache: this.cache,
        log,
        interval: reconcile,
        confirmation,
        signal,
        ready: () => this.#readiness.ready,
      },
      {
        onDamaged: keys => {
          this.#readiness.repaired(keys.size)
          this.#follower.repair(keys)
        },
        onBehind: error => this.#follower.interrupt(error),
        onEqual: () => listener.onReconciled(),
        onOtherStore: error => this.#follower.interrupt(error),
      },
    )
  }

  /** Everything up to here is in the cache and has been announced. */
  get position(): Position {
    return this.#announcer.position
  }

  /** True while the cache contains a revision that is about to be announced. */
  get announcing(): boolean {
    return this.#announcer.announcing
  }

  get health(): Health {
    return { ...this.#readiness.health, reconciles: this.#reconciler.rounds }
  }

  /**
   * Uses the state that an earlier process had, which equalled the store `age` milliseconds ago. Reads return
   * it, marked STALE, until the store is available.
   */
  async preload(batch: Batch, epoch: number, age: number): Promise<void> {
    await this.#announcer.preload(batch, epoch)
    this.#readiness.markFresh(age)
  }

  /**
   * Starts to follow the store; resolves when there are settings to return (READY, or STALE from
   * {@link preload}).
   * @throws SettingsError START_TIMEOUT after `timeout` milliseconds without settings; at once for an error
   * that an operator has to fix.
   */
  async start(timeout: number): Promise<void> {
    this.#running = this.#run()
    // It ends by itself after stop(), which does not wait for a listing in progress.
    void this.#reconciler.run()
    if (await this.#started.wait(timeout)) return
    throw new SettingsError(
      'START_TIMEOUT',
      `The store was not available within ${timeout / 1000} s ([settings] start_timeout): ${this.health.reason ?? 'it did not respond'}`,
    )
  }

  /** See {@link Observers.passed}. */
  passed(revision: Revision, before: Position): Promise<boolean> {
    return this.#observers.passed(revision, before)
  }

  /** True when READY, now or within so many milliseconds. */
  ready(within: number): Promise<boolean> {
    return this.#observers.ready(within)
  }

  /** True when the condition on the cache holds, now or within so many milliseconds. */
  until(condition: () => boolean, within: number): Promise<boolean> {
    return this.#observers.until(condition, within)
  }

  /**
   * Registers the schema of a NApp of this process, see {@link Cache.register}, and announces the list of
   * rejected members if it changed.
   */
  async register(namespace: Namespace, document: SchemaDocument | undefined, local = false): Promise<void> {
    const list = await this.cache.register(namespace, document, local)
    if (list) this.#announcer.announceRejected(namespace, list)
  }

  /** Announces that a manual edit of a file was rejected. */
  reject(problem: Problem): void {
    this.#announcer.announce(rejectedEditFact(problem, this.cache.revision))
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#started.reject(new SettingsError('SERVICE_STOPPING', 'The service is stopping.'))
    this.#observers.close()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    const [shortest, longest] = this.#pace.pauses
    let pause = shortest
    while (!signal.aborted) {
      try {
        await this.#follower.follow(() => {
          pause = shortest
        })
      } catch (error) {
        if (signal.aborted) break
        if (!this.#canRetry(error)) return
      } finally {
        this.#reconciler.watchEnded()
      }
      await sleep(pause * (0.5 + Math.random()), undefined, { signal }).catch(() => {})
      pause = Math.min(pause * 2, longest)
    }
  }

  /**
   * Takes the error that ended listing or watching; false when the store is unusable until an operator fixes
   * it.
   */
  #canRetry(thrown: unknown): boolean {
    const error = toSettingsError(thrown)
    if (error.code === 'INTERNAL_ERROR')
      this.#options.log.error(`Internal error in the watcher; listing the store again: ${error.message}`)
    this.#readiness.setState(this.#loaded ? 'STALE' : 'OFFLINE', error.message)
    if (!this.#wasReady && needsOperator(error, this.#options.backend.supports.sharing)) {
      this.#started.reject(error)
      this.#listener.onFatal(error)
      return false
    }
    // A snapshot has settings to return, so other NApps may start.
    if (this.#loaded) this.#started.resolve()
    return true
  }

  get #loaded(): boolean {
    return this.cache.epoch > 0
  }

  async #deliverBatch(batch: Batch): Promise<void> {
    this.#reconciler.applying(batch)
    await this.#announcer.deliver(batch, 'live')
    this.#reconciler.applied()
    if (this.#readiness.ready) this.#readiness.markFresh()
    // A history record may show that a later change of the document has none.
    const documents = batch.changes.map(change => parseHistoryKey(keyOf(change))?.document ?? keyOf(change))
    this.#announcer.reportUnrecorded(documents.map(key => this.cache.stateOf(key)))
  }

  async #deliverListing(batch: Batch, epoch: number): Promise<void> {
    const isFirst = !this.#loaded
    if (!isFirst) this.#readiness.resynced()
    this.#reconciler.trust()
    await this.#announcer.deliver(batch, isFirst ? undefined : 'resync', { epoch })
    this.#readiness.markFresh()
    if (isFirst) this.#announcer.announceAllRejected()
  }

  #becomeReady(): void {
    const wasReady = this.#readiness.ready
    this.#readiness.setState('READY', null)
    // Includes the documents whose record could not be written while the store was unavailable.
    if (!wasReady) this.#announcer.reportUnrecorded([...this.cache.documents()])
    this.#wasReady = true
    this.#started.resolve()
    this.#observers.becameReady()
  }
}

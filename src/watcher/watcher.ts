import { setTimeout as sleep } from 'node:timers/promises'
import type { Backend, Batch, Problem } from '../../backends/backend.ts'
import type { KytosEvent } from '../../events/event.ts'
import type { Facts, Origin } from '../../events/map.ts'
import { printRevision, type Revision } from '../../model/document.ts'
import { SettingsError, toSettingsError } from '../../model/errors.ts'
import { parseHistoryKey } from '../../model/key.ts'
import type { Namespace } from '../../model/namespace.ts'
import { isTokenKey } from '../../model/token-key.ts'
import type { Log } from '../log/log.ts'
import type { SchemaDocument } from '../schema/schema-document.ts'
import { readRecords } from '../state/document-reader.ts'
import { type DocumentState, isRecorded, parseOverridesKey } from '../state/document-state.ts'
import type { Environment } from '../state/environment.ts'
import { type ApplyOptions, Cache } from './cache.ts'
import { Deferred } from './deferred.ts'
import { type Fact, factsOf, rejectedFact } from './facts.ts'
import { Follower } from './follower.ts'
import { Observers } from './observers.ts'
import { type Health, type Position, Readiness } from './readiness.ts'
import { Reconciler } from './reconciler.ts'
import { recordsIn } from './snapshot.ts'
import { keyOf } from './store-index.ts'

/*
 * The only one who says facts: it brings the cache and the bus forward together.
 *
 * Invariants:
 *  1. A revision is announced when its content is in the cache, whole, once, in order; only then does
 *     `passed` let those go who wait for it.
 *  2. What a listing shows to be different is announced with `origin: "resync"`, nothing else is.
 *  3. READY means: the watch stands and has been caught up since it was opened.
 */

/** How the watcher paces itself, in milliseconds. */
export interface Pace {
  /** Between two tries to reach the store: the shortest pause, and the longest one that it grows to. */
  readonly pauses: readonly [shortest: number, longest: number]
  /** How long a watch that is caught up may withhold the batch that was delivered last. */
  readonly confirmation: number
  /** Between two comparisons of the cache with the store; 0 for none. */
  readonly reconcile: number
}

/** The pace of a controller at work. */
const PACE: Pace = { pauses: [50, 1_000], confirmation: 5_000, reconcile: 300_000 }

export interface WatcherOptions {
  readonly backend: Backend
  readonly controller: string
  readonly announce: <N extends keyof Facts>(name: N, content: Facts[N]) => KytosEvent
  readonly log: Log
  readonly pace?: Partial<Pace>
  /** The variables that may hold settings; none when absent. */
  readonly environment?: Environment
  /** Called for every fact after it was said, with its weight in bytes, roughly. */
  readonly said?: (event: KytosEvent, weight: number) => void
  /**
   * Called when all of a revision was said and {@link Watcher.position} is there; `bySteps` when no revision
   * of the store was passed over.
   */
  readonly moved?: (bySteps: boolean) => void
  /**
   * Called when the store turns out to be a wrong one before it was ever READY, also after {@link
   * Watcher.start} resolved from a snapshot.
   */
  readonly fatal?: (error: SettingsError) => void
  /** Called when documents were found that changed without a record: edits by hand. Must not throw. */
  readonly unrecorded?: (documents: readonly DocumentState[]) => void
  /** Called when the cache has other tokens than before. Must not throw. */
  readonly tokensChanged?: () => void
  /** Called when the cache was compared with the store and found equal. */
  readonly reconciled?: () => void
}

/** How far back a valid version is looked for. */
const KEPT_RECORDS = 50

export class Watcher {
  readonly cache: Cache
  readonly #options: WatcherOptions
  readonly #pace: Pace
  readonly #standing: Readiness
  readonly #follower: Follower
  readonly #reconciler: Reconciler
  readonly #stopping = new AbortController()
  readonly #observers: Observers
  readonly #started = new Deferred()
  #running: Promise<void> = Promise.resolve()
  #wasReady = false
  #position: Position = { epoch: 0, revision: 0n }

  constructor(options: WatcherOptions) {
    this.#options = options
    this.#pace = { ...PACE, ...options.pace }
    this.cache = new Cache(
      options.controller,
      document => readRecords(options.backend, document, KEPT_RECORDS),
      options.environment,
    )
    this.#standing = new Readiness({
      log: options.log,
      position: () => this.#position,
      announce: content => this.#say({ name: 'settings.state', content }).id,
      remote: options.backend.supports.sharing,
    })
    this.#observers = new Observers({
      ready: () => this.#standing.ready,
      position: () => this.#position,
      stopped: () => this.#stopping.signal.aborted,
    })
    this.#follower = new Follower({
      backend: options.backend,
      cache: this.cache,
      signal: this.#stopping.signal,
      confirmation: this.#pace.confirmation,
      live: batch => this.#live(batch),
      listed: (batch, epoch) => this.#listed(batch, epoch),
      caughtUp: revision => {
        this.#reconciler.told(revision)
        this.#beReady()
      },
    })
    this.#reconciler = new Reconciler({
      backend: options.backend,
      cache: this.cache,
      log: options.log,
      every: this.#pace.reconcile,
      patience: this.#pace.confirmation,
      signal: this.#stopping.signal,
      ready: () => this.#standing.ready,
      damaged: keys => {
        this.#standing.repaired(keys.size)
        this.#follower.mend(keys)
      },
      behind: error => this.#follower.interrupt(error),
      equal: () => options.reconciled?.(),
    })
  }

  /** Everything up to here is in the cache and has been announced. */
  get position(): Position {
    return this.#position
  }

  /** True while the cache holds what is about to be announced. */
  get announcing(): boolean {
    return this.cache.epoch !== this.#position.epoch || this.cache.revision !== this.#position.revision
  }

  get health(): Health {
    return { ...this.#standing.health, reconciles: this.#reconciler.rounds }
  }

  /**
   * Takes what a former process knew as the state to begin with, which was the store's so many milliseconds
   * ago: reads are answered from it, marked STALE, until the store is there.
   */
  async preload(batch: Batch, epoch: number, ago: number): Promise<void> {
    // The store is not there yet: what counts in place of rejected overrides came with them.
    await this.cache.apply(batch, { epoch, readHistory: async document => recordsIn(batch, document) })
    this.#position = { epoch, revision: batch.revision }
    this.#standing.markFresh(ago)
  }

  /**
   * Begins to follow the store; resolves when there is data to answer from (READY, or STALE from {@link
   * preload}).
   * @throws SettingsError START_TIMEOUT when there is none within `timeout` milliseconds; at once for what a
   * person has to mend.
   */
  async start(timeout: number): Promise<void> {
    this.#running = this.#run()
    // It ends by itself when stopped; nobody need wait for a listing that is under way.
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
   * Brings a schema that a NApp of this process registered into use, see {@link Cache.register}; announces
   * the overrides that it does not accept.
   */
  async register(namespace: Namespace, document: SchemaDocument, local = false): Promise<void> {
    for (const state of await this.cache.register(namespace, document, local)) this.#say(rejectedFact(state))
  }

  /** Announces that a document which another hand wrote was not taken over. */
  reject(problem: Problem): void {
    const namespace = (problem.key && parseOverridesKey(problem.key)?.namespace) ?? null
    const source = problem.source ?? problem.key ?? ''
    this.#say({
      name: 'settings.rejected',
      content: { namespace, source, errors: [{ pointer: '', rule: 'json', message: problem.message }] },
    })
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#started.fail(new SettingsError('SERVICE_STOPPING', 'The service is stopping.'))
    this.#observers.close()
    await this.#running
  }

  async #run(): Promise<void> {
    const [shortest, longest] = this.#pace.pauses
    let pause = shortest
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#follower.follow(() => {
          pause = shortest
        })
      } catch (error) {
        if (this.#stopping.signal.aborted) break
        if (!this.#explain(error)) return
      } finally {
        this.#reconciler.ended()
      }
      await sleep(pause * (0.5 + Math.random()), undefined, { signal: this.#stopping.signal }).catch(() => {})
      pause = Math.min(pause * 2, longest)
    }
  }

  /**
   * Draws the conclusion from what ended listing or watching; false when the store is a wrong one, which only
   * a person can mend.
   */
  #explain(thrown: unknown): boolean {
    const error = toSettingsError(thrown)
    if (error.code === 'INTERNAL_ERROR')
      this.#options.log.error(`Internal error in the watcher; listing the store again: ${error.message}`)
    this.#standing.become(this.#loaded ? 'STALE' : 'OFFLINE', error.message)
    if (!error.retryable && !this.#wasReady && error.code !== 'INTERNAL_ERROR') {
      this.#started.fail(error)
      this.#options.fatal?.(error)
      return false
    }
    // With a snapshot there is data to answer from: the others may start.
    if (this.#loaded) this.#started.open()
    return true
  }

  get #loaded(): boolean {
    return this.cache.epoch > 0
  }

  async #live(batch: Batch): Promise<void> {
    this.#reconciler.taking(batch)
    await this.#deliver(batch, 'live')
    this.#reconciler.taken()
    if (this.#standing.ready) this.#standing.markFresh()
    // A record may show that what came after it has none.
    const documents = batch.changes.map(change => parseHistoryKey(keyOf(change))?.document ?? keyOf(change))
    this.#reportUnrecorded(documents.map(key => this.cache.stateOf(key)))
  }

  async #listed(batch: Batch, epoch: number): Promise<void> {
    const first = !this.#loaded
    if (!first) this.#standing.resynced()
    await this.#deliver(batch, first ? undefined : 'resync', { epoch })
    this.#standing.markFresh()
    if (first)
      for (const state of this.cache.documents())
        if (state.rejected.length > 0) this.#say(rejectedFact(state))
  }

  async #deliver(batch: Batch, origin: Origin | undefined, options: ApplyOptions = {}): Promise<void> {
    const steps = await this.cache.apply(batch, options)
    // First: who is shut out by it must not hear of what came with it.
    if (batch.changes.some(change => isTokenKey(keyOf(change)))) this.#options.tokensChanged?.()
    for (const [key, reason] of this.cache.takeUnreadable())
      this.#options.log.warn(`Ignored the stored schema ${key}: ${reason}`)
    const { epoch, revision } = this.cache
    if (origin) {
      const occasion = {
        epoch,
        revision,
        origin,
        last: steps.at(-1),
        schema: this.cache.schema.bind(this.cache),
      }
      for (const step of steps) {
        const text = step.type === 'settings' ? step.state.entry?.text : undefined
        for (const fact of factsOf(step, occasion)) this.#say(fact, text?.length)
      }
    }
    this.#position = { epoch, revision }
    this.#options.moved?.(origin === 'live')
    this.#observers.moved()
  }

  #say(fact: Fact, weight = 0): KytosEvent {
    // Name and content belong together by the type of Fact, which a call cannot see through.
    const event = this.#options.announce(fact.name, fact.content as never)
    if (fact.name === 'settings.rejected') {
      const { namespace, source, errors } = fact.content
      const message = `${namespace}: rejected ${source}: ${errors.map(({ message }) => message).join(' ')} The last valid settings stay in use.`
      this.#options.log.warn(message, {
        event: fact.name,
        event_id: event.id,
        namespace,
        source,
        revision: printRevision(this.#position.revision),
      })
    }
    this.#options.said?.(event, weight)
    return event
  }

  #beReady(): void {
    const before = this.#standing.ready
    this.#standing.become('READY', null)
    // Also those whose record could not be written while the store was away.
    if (!before) this.#reportUnrecorded([...this.cache.documents()])
    this.#wasReady = true
    this.#started.open()
    this.#observers.becameReady()
  }

  #reportUnrecorded(documents: readonly (DocumentState | undefined)[]): void {
    const unrecorded = documents.flatMap(state => (state && !isRecorded(state) ? [state] : []))
    if (unrecorded.length > 0) this.#options.unrecorded?.(unrecorded)
  }
}

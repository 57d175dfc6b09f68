import { setTimeout as sleep } from 'node:timers/promises'
import type { Backend, Batch, Change, Problem } from '../../backends/backend.ts'
import type { KytosEvent } from '../../events/event.ts'
import type { Facts, Origin, ServiceState } from '../../events/map.ts'
import { printRevision, type Revision } from '../../model/document.ts'
import { isSettingsError, SettingsError, toSettingsError } from '../../model/errors.ts'
import type { Key } from '../../model/key.ts'
import type { Log } from '../log.ts'
import { readRecords } from '../settings/document-reader.ts'
import type { StoredRecord } from '../settings/record.ts'
import { type Anchor, AnchorCheck, anchorOf } from './anchor.ts'
import { Cache } from './cache.ts'
import { isRecorded, parseOverridesKey } from './document-state.ts'
import { claimEpoch, readEpoch } from './epoch.ts'
import { type Fact, factsOf, rejectedFact } from './facts.ts'
import { surveyStore } from './survey.ts'
import { Waiters } from './waiters.ts'

/*
 * The only one who says facts. It lists the store, then follows its watch, and brings the cache and the bus forward together.
 *
 * Invariants:
 *  1. A revision is announced when its content is in the cache, whole, once, in order; only then does `passed` let those go who wait for it.
 *  2. A watch is resumed at the last batch that was *delivered*, and that batch must come again and be the same: else the store is another one. Progress
 *     never moves the place to resume from.
 *  3. When steps are gone, or the store is another one, the whole store is listed and what differs is announced with `origin: "resync"`. A store that was
 *     wiped or rewound gets a new epoch first, so that (epoch, revision) never goes back.
 *  4. READY means: the watch stands and has been caught up since it was opened.
 */

export interface Health {
  readonly state: ServiceState
  readonly revision: Revision
  readonly epoch: number
  /** ISO 8601: when the state began. */
  readonly since: string
  readonly reason: string | null
}

export interface WatcherOptions {
  readonly backend: Backend
  readonly controller: string
  readonly announce: <N extends keyof Facts>(name: N, content: Facts[N]) => KytosEvent
  readonly log: Log
  /** Called for every fact after it was said, with its weight in bytes, roughly. */
  readonly said?: (event: KytosEvent, weight: number) => void
  /** Called when the store turns out to be a wrong one before it was ever READY, also after {@link Watcher.start} resolved from a snapshot. */
  readonly fatal?: (error: SettingsError) => void
  /** Called when documents were found that changed without a record: edits by hand. Must not throw. */
  readonly unrecorded?: (documents: readonly Key[]) => void
}

const STARTING = 'The service is starting.'
/** How far back a valid version is looked for. */
const KEPT_RECORDS = 50
const SHORTEST_PAUSE = 50
const LONGEST_PAUSE = 1_000
/** Milliseconds that a write waits for an unready watch before it answers unobserved. */
const OBSERVE = 2_000
/** Milliseconds that a write waits for a watch that stands but lags. */
const OBSERVE_READY = 30_000

export class Watcher {
  readonly cache: Cache
  readonly #backend: Backend
  readonly #options: WatcherOptions
  readonly #stopping = new AbortController()
  readonly #passed = new Waiters()
  readonly #ready = new Waiters()
  readonly #started: Promise<void>
  #settleStart: { resolve: () => void; reject: (error: unknown) => void } = { resolve: () => {}, reject: () => {} }
  #running: Promise<void> = Promise.resolve()
  #opened = false
  #loaded = false
  #listed = false
  /** Nothing was followed since the last listing: there is no batch to see again, and the listing's revision may be the oldest one left. */
  #fresh = false
  #wasReady = false
  /** The store is known to be another one than the cache's, whatever its revisions say. */
  #rewound = false
  #anchor: Anchor | undefined
  #epoch = 0
  #state: ServiceState = 'OFFLINE'
  #reason: string | null = STARTING
  #since = new Date()

  constructor(options: WatcherOptions) {
    this.#options = options
    this.#backend = options.backend
    this.cache = new Cache(options.controller, (document, patient) => this.#readHistory(document, patient))
    this.#started = new Promise((resolve, reject) => {
      this.#settleStart = { resolve, reject }
    })
    // Whoever calls start() hears of it; a stop before that is nobody's failure.
    this.#started.catch(() => {})
  }

  get epoch(): number {
    return this.#epoch
  }

  get health(): Health {
    return { state: this.#state, revision: this.cache.revision, epoch: this.#epoch, since: this.#since.toISOString(), reason: this.#reason }
  }

  /** Takes what a former process knew as the state to begin with: reads are answered from it, marked STALE, until the store is there. */
  async preload(batch: Batch, epoch: number): Promise<void> {
    await this.cache.apply(batch)
    this.#epoch = epoch
    this.#loaded = true
  }

  /**
   * Begins to follow the store; resolves when there is data to answer from (READY, or STALE from {@link preload}).
   * @throws SettingsError START_TIMEOUT when there is none within `timeout` milliseconds; at once for what a person has to mend.
   */
  async start(timeout: number): Promise<void> {
    this.#running = this.#run()
    let timer: NodeJS.Timeout | undefined
    const expired = new Promise<'expired'>(resolve => {
      timer = setTimeout(() => resolve('expired'), timeout)
    })
    const first = await Promise.race([this.#started, expired]).finally(() => clearTimeout(timer))
    if (first === 'expired') {
      throw new SettingsError(
        'START_TIMEOUT',
        `There are no settings to start with after ${timeout / 1000} s ([settings] start_timeout): ${this.#reason ?? 'the store did not answer'}`,
      )
    }
  }

  /** True once the cache is at or past the revision; false when the watch was down for 2 s meanwhile. */
  async passed(revision: Revision): Promise<boolean> {
    const there = () => this.cache.revision >= revision
    if (there() || (await this.#passed.wait(there, OBSERVE))) return true
    return this.#state === 'READY' && this.#passed.wait(there, OBSERVE_READY)
  }

  /** True when READY, now or within so many milliseconds. */
  async ready(within: number): Promise<boolean> {
    const isReady = () => this.#state === 'READY'
    return isReady() || this.#ready.wait(isReady, within)
  }

  /** True when the condition on the cache holds, now or within so many milliseconds. */
  async until(condition: () => boolean, within: number): Promise<boolean> {
    return condition() || this.#passed.wait(condition, within)
  }

  /** Announces that a document which another hand wrote was not taken over. */
  reject(problem: Problem): void {
    const namespace = (problem.key && parseOverridesKey(problem.key)?.namespace) ?? null
    const source = problem.source ?? problem.key ?? ''
    this.#say({ name: 'settings.rejected', content: { namespace, source, errors: [{ pointer: '', rule: 'json', message: problem.message }] } }, 0)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#settleStart.reject(new SettingsError('SERVICE_STOPPING', 'The service is stopping.'))
    this.#passed.close()
    this.#ready.close()
    await this.#running
  }

  async #run(): Promise<void> {
    let pause = SHORTEST_PAUSE
    while (!this.#stopping.signal.aborted) {
      try {
        if (!this.#opened) await this.#backend.open()
        this.#opened = true
        if (!this.#listed) await this.#list()
        await this.#follow(() => {
          pause = SHORTEST_PAUSE
        })
      } catch (error) {
        if (this.#stopping.signal.aborted) break
        if (!this.#explain(error)) return
      }
      await sleep(pause * (0.5 + Math.random()), undefined, { signal: this.#stopping.signal }).catch(() => {})
      pause = Math.min(pause * 2, LONGEST_PAUSE)
    }
  }

  /** Draws the conclusion from what ended listing or watching; false when the store is a wrong one, which only a person can mend. */
  #explain(thrown: unknown): boolean {
    const error = toSettingsError(thrown)
    if (error.code === 'HISTORY_LOST') {
      this.#listed = false
      if (error.details.reason === 'rewound' || error.details.reason === 'other store') this.#rewound = true
    }
    if (error.code === 'INTERNAL_ERROR') this.#options.log.error(`The watcher met an error of its own and lists again: ${error.message}`)
    if (error.code === 'INTERNAL_ERROR') this.#listed = false
    this.#become(this.#loaded ? 'STALE' : 'OFFLINE', error.message)
    if (!error.retryable && !this.#wasReady && error.code !== 'INTERNAL_ERROR') {
      this.#settleStart.reject(error)
      this.#options.fatal?.(error)
      return false
    }
    // With a snapshot there is data to answer from: the others may start.
    if (this.#loaded) this.#settleStart.resolve()
    return true
  }

  /** Brings the cache to the store's state; what differs from what was known before is announced as `resync`. */
  async #list(): Promise<void> {
    const survey = await surveyStore(this.#backend, this.cache)
    const epoch = readEpoch(survey.meta)
    const rewound = this.#loaded && (this.#rewound || survey.rewound)
    if (epoch === 0 || epoch < this.#epoch || (epoch === this.#epoch && rewound)) {
      await claimEpoch(this.#backend, survey.meta, this.#epoch)
      return this.#list()
    }
    if (epoch !== this.#epoch) this.cache.forgetRecords()
    this.#epoch = epoch
    this.#rewound = false
    await this.#deliver(survey.batch, this.#loaded ? 'resync' : undefined)
    if (!this.#loaded) for (const state of this.cache.documents()) if (state.rejected.length > 0) this.#say(rejectedFact(state), 0)
    this.#anchor = survey.newest && { revision: survey.newest.revision, key: survey.newest.key, text: survey.newest.text }
    this.#loaded = true
    this.#listed = true
    this.#fresh = true
    this.#reportUnrecorded([...this.cache.documents()].filter(state => !isRecorded(state)).map(state => state.key))
  }

  async #follow(standing: () => void): Promise<void> {
    const anchor = this.#fresh ? undefined : this.#anchor
    this.#fresh = false
    const check = new AnchorCheck(anchor)
    const since = anchor ? anchor.revision - 1n : this.cache.revision
    for await (const batch of this.#backend.watch(since, this.#stopping.signal)) {
      standing()
      check.see(batch)
      if (batch.changes.length === 0 && check.confirmed) this.#become('READY', null)
      if (batch.revision <= this.cache.revision) continue
      this.#refuseNewEpoch(batch)
      await this.#deliver(batch, 'live')
      this.#reportUnrecorded(documentsOf(batch).filter(key => !isRecorded(this.cache.stateOf(key))))
    }
  }

  #refuseNewEpoch(batch: Batch): void {
    const change = batch.changes.find(one => one.type === 'put' && one.entry.key === 'meta/store')
    if (change?.type === 'put' && readEpoch(change.entry) !== this.#epoch) {
      throw new SettingsError('HISTORY_LOST', 'Another controller found the store wiped or restored and began a new epoch.', {
        details: { reason: 'epoch' },
      })
    }
  }

  async #deliver(batch: Batch, origin: Origin | undefined): Promise<void> {
    const steps = await this.cache.apply(batch)
    for (const [key, reason] of this.cache.takeUnreadable()) this.#options.log.warn(`The stored schema ${key} is not used: ${reason}`)
    if (origin) {
      const occasion = { epoch: this.#epoch, revision: batch.revision, origin, schema: this.cache.schema.bind(this.cache) }
      for (const step of steps) {
        const text = step.type === 'settings' ? step.state.entry?.text : undefined
        for (const fact of factsOf(step, occasion)) this.#say(fact, text?.length ?? 0)
      }
    }
    if (origin === 'live') this.#anchor = anchorOf(batch) ?? this.#anchor
    this.#passed.check()
  }

  #say(fact: Fact, weight: number): void {
    // Name and content belong together by the type of Fact, which a call cannot see through.
    const event = this.#options.announce(fact.name, fact.content as never)
    this.#options.said?.(event, weight)
  }

  #become(state: ServiceState, reason: string | null): void {
    if (this.#state === state && this.#reason === reason) return
    const changed = this.#state !== state
    if (changed || this.#reason === STARTING) this.#log(state, reason)
    this.#state = state
    this.#reason = reason
    if (!changed) return
    this.#since = new Date()
    this.#say(
      {
        name: 'settings.state',
        content: { state, revision: printRevision(this.cache.revision), epoch: this.#epoch, since: this.#since.toISOString(), reason },
      },
      0,
    )
    if (state !== 'READY') return
    this.#wasReady = true
    this.#settleStart.resolve()
    this.#ready.check()
  }

  #log(state: ServiceState, reason: string | null): void {
    const { log } = this.#options
    const effect = {
      READY: '',
      STALE: 'Reads are answered from what is known, writes are refused.',
      OFFLINE: 'There is nothing to answer from yet.',
    }[state]
    if (state === 'READY') log.info(`The store is followed, from revision ${this.cache.revision} on.`)
    else log.warn(`${state}: ${reason} ${effect} Trying again.`)
  }

  #reportUnrecorded(documents: readonly Key[]): void {
    if (documents.length > 0) this.#options.unrecorded?.(documents)
  }

  /** The records of a document, newest first; a patient one asks until the store answers, for the cache cannot go on without them. */
  async #readHistory(document: Key, patient: boolean): Promise<readonly StoredRecord[]> {
    for (let pause = SHORTEST_PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      try {
        return await readRecords(this.#backend, document, KEPT_RECORDS)
      } catch (error) {
        if (!patient || this.#stopping.signal.aborted || !isSettingsError(error, 'STORE_UNREACHABLE', 'HISTORY_LOST')) throw error
        this.#become(this.#loaded ? 'STALE' : 'OFFLINE', error.message)
        await sleep(pause, undefined, { signal: this.#stopping.signal }).catch(() => {})
      }
    }
  }
}

/** The documents of settings a batch changed. */
function documentsOf(batch: Batch): Key[] {
  return batch.changes
    .map((change: Change) => (change.type === 'put' ? change.entry.key : change.key))
    .filter(key => key.startsWith('settings/') || key.startsWith('controllers/'))
}

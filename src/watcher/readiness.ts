import type { Facts, ServiceState } from '../../events/map.ts'
import { printRevision, type Revision } from '../../model/document.ts'
import type { Log, LogFields } from '../log/log.ts'

export interface Health {
  readonly state: ServiceState
  readonly revision: Revision
  readonly epoch: number
  /** ISO 8601: when the state began. */
  readonly since: string
  readonly reason: string | null
  /**
   * Seconds since what this controller answers was last known to equal the store: near 0 while READY and the
   * line is alive, since the last sign of life while STALE, of a state from a snapshot since that was good;
   * null when there is nothing.
   */
  readonly age: number | null
  /** How often a listing took the place of steps, after the first state. */
  readonly resyncs: number
  /** Keys that the periodic comparison with the store found different here. */
  readonly repairs: number
  /** How often the periodic comparison came to a verdict. */
  readonly reconciles: number
}

/** How far this controller is: everything up to this revision of this epoch has been announced here. */
export interface Position {
  readonly epoch: number
  readonly revision: Revision
}

export interface ReadinessOptions {
  readonly position: () => Position
  /** Says it, and gives the id of the event. */
  readonly announce: (content: Facts['settings.state']) => string
  readonly log: Log
  /** True for a store behind a line that gives signs of life; what happens in any other is here at once. */
  readonly remote: boolean
}

const STARTING = 'The service is starting.'

/** How far the cache can be trusted, and since when: told to the log, and as a fact each time it changes. */
export class Readiness {
  readonly #options: ReadinessOptions
  #state: ServiceState = 'OFFLINE'
  #reason: string | null = STARTING
  #since = new Date()
  /** When the state was last known to be the store's, in milliseconds of `performance.now`. */
  #good: number | undefined
  #resyncs = 0
  #repairs = 0

  constructor(options: ReadinessOptions) {
    this.#options = options
  }

  get ready(): boolean {
    return this.#state === 'READY'
  }

  get health(): Omit<Health, 'reconciles'> {
    return {
      state: this.#state,
      ...this.#options.position(),
      since: this.#since.toISOString(),
      reason: this.#reason,
      age: this.#age,
      resyncs: this.#resyncs,
      repairs: this.#repairs,
    }
  }

  /**
   * What is known was the store's so many milliseconds ago: now, at a sign of life, or when a snapshot was
   * good.
   */
  markFresh(ago = 0): void {
    this.#good = performance.now() - ago
  }

  /** A listing took the place of steps. */
  resynced(): void {
    this.#resyncs++
  }

  /** So many keys were found different from the store. */
  repaired(keys: number): void {
    this.#repairs += keys
  }

  become(state: ServiceState, reason: string | null): void {
    const changed = this.#state !== state
    if (state === 'READY' || (this.ready && !this.#options.remote)) this.markFresh()
    const isNews = changed || this.#reason === STARTING
    this.#state = state
    this.#reason = reason
    if (changed) this.#since = new Date()
    const { revision, epoch } = this.#options.position()
    const place = { state, revision: printRevision(revision), epoch }
    const told = changed && {
      event_id: this.#options.announce({
        ...place,
        since: this.#since.toISOString(),
        reason,
        age: this.#age,
      }),
    }
    if (isNews) this.#log(state, reason, { event: 'settings.state', ...place, ...told })
  }

  get #age(): number | null {
    if (this.#good === undefined) return null
    return this.ready && !this.#options.remote ? 0 : (performance.now() - this.#good) / 1_000
  }

  #log(state: ServiceState, reason: string | null, fields: LogFields): void {
    const { log } = this.#options
    const effect = {
      READY: '',
      STALE: 'Reads return the last known settings; writes are rejected.',
      OFFLINE: 'Settings are not available yet.',
    }[state]
    if (state === 'READY') log.info(`Watching the store from revision ${fields.revision}.`, fields)
    else log.warn(`${state}: ${reason} ${effect} Retrying.`, fields)
  }
}

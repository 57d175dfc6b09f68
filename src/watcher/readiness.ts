import type { Facts } from '../../events/map.ts'
import type { ServiceState } from '../../events/nouns.ts'
import { printRevision, type Revision } from '../../model/document.ts'
import type { SettingsError } from '../../model/errors.ts'
import type { Log, LogFields } from '../log/log.ts'

export interface Health {
  readonly state: ServiceState
  readonly revision: Revision
  readonly epoch: number
  /** ISO 8601: when the state began. */
  readonly since: string
  readonly reason: string | null
  /**
   * Seconds since the cache was last known to equal the store; null without a cache. Near 0 while READY with
   * a live connection; while STALE, since the last response. For a state from a snapshot, since that equalled
   * the store.
   */
  readonly age: number | null
  /** The number of listings that replaced the changes of single revisions, without the first listing. */
  readonly resyncs: number
  /** The number of keys that the periodic comparison found different from the store. */
  readonly repairs: number
  /** The number of periodic comparisons that had a result. */
  readonly reconciles: number
}

/** Everything up to this revision of this epoch has been announced on this controller. */
export interface Position {
  readonly epoch: number
  readonly revision: Revision
}

export interface ReadinessOptions {
  readonly position: () => Position
  /** Publishes the fact and returns the id of its event. */
  readonly announce: (content: Facts['settings.state']) => string
  readonly log: Log
  /** True for a store behind a connection that can be lost; changes of any other store arrive at once. */
  readonly remote: boolean
}

/**
 * True for an error of the store that ends only when an operator acts. A store that another process can fill
 * becomes valid by itself, and after an internal error the store is listed again.
 */
export function needsOperator({ retryable, code, details }: SettingsError, isShared: boolean): boolean {
  const isFilled = isShared && details.reason === 'filling'
  return !retryable && code !== 'INTERNAL_ERROR' && !isFilled
}

const STARTING = 'The service is starting.'

/**
 * The state READY, STALE or OFFLINE, and the age of the cache. Each change of state is logged and announced.
 */
export class Readiness {
  readonly #options: ReadinessOptions
  #state: ServiceState = 'OFFLINE'
  #reason: string | null = STARTING
  #since = new Date()
  /** When the cache was last known to equal the store, by `performance.now`; undefined without a cache. */
  #freshAt: number | undefined
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

  /** Records that the cache equalled the store `age` milliseconds ago. */
  markFresh(age = 0): void {
    this.#freshAt = performance.now() - age
  }

  /** Counts a listing that replaced the changes of single revisions. */
  resynced(): void {
    this.#resyncs++
  }

  /** Counts keys that were found different from the store. */
  repaired(keys: number): void {
    this.#repairs += keys
  }

  setState(state: ServiceState, reason: string | null): void {
    const changed = this.#state !== state
    if (state === 'READY' || (this.ready && !this.#options.remote)) this.markFresh()
    const isReported = changed || this.#reason === STARTING
    this.#state = state
    this.#reason = reason
    if (changed) this.#since = new Date()
    const { revision, epoch } = this.#options.position()
    const position = { state, revision: printRevision(revision), epoch }
    const announced = changed && {
      event_id: this.#options.announce({
        ...position,
        since: this.#since.toISOString(),
        reason,
        age: this.#age,
      }),
    }
    if (isReported) this.#log(state, reason, { event: 'settings.state', ...position, ...announced })
  }

  get #age(): number | null {
    if (this.#freshAt === undefined) return null
    return this.ready && !this.#options.remote ? 0 : (performance.now() - this.#freshAt) / 1_000
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

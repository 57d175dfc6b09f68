import { setTimeout as sleep } from 'node:timers/promises'
import { joinSignals } from '../../../backends/joint-signal.ts'

/** The shortest wait before a round that was requested, as a part of `confirmation`. */
const HASTE = 1 / 5
/** The wait between rounds without an interval, in milliseconds: about the longest timer of Node. */
const FOREVER_MS = 2 ** 30
/** The most times that the wait before a requested round is doubled. */
const MAX_DOUBLINGS = 20

export interface RoundTimes {
  /** Milliseconds between two rounds; 0 for none but those that are requested. */
  readonly interval: number
  readonly confirmation: number
  readonly signal: AbortSignal
}

/**
 * Waits between rounds of a comparison; a requested round comes soon.
 *
 * Invariant: until a request is fulfilled, each of its rounds waits twice as long as the one before, up to the
 * interval. So a round that never has a result does not occupy the store.
 */
export class RoundTimer {
  readonly #times: RoundTimes
  /** The number of attempts of a request; undefined without one. */
  #attempts: number | undefined
  /** Ends a wait that began without a request. */
  #wake = (): void => {}

  constructor(times: RoundTimes) {
    this.#times = times
  }

  get isRequested(): boolean {
    return this.#attempts !== undefined
  }

  /** Requests a round soon. */
  request(): void {
    this.#attempts ??= 0
    this.#wake()
  }

  /** A round begins. */
  begin(): void {
    if (this.#attempts !== undefined) this.#attempts++
  }

  /** The request is fulfilled. */
  fulfil(): void {
    this.#attempts = undefined
  }

  /** Resolves when the next round is due, or the signal aborts. */
  async next(): Promise<void> {
    if (await this.#wait(this.#usual)) return
    await this.#wait(this.#usual)
  }

  get #usual(): number {
    return this.#times.interval > 0 ? this.#times.interval : FOREVER_MS
  }

  /** Waits for the usual time, or less for a request; false when a request ended a longer wait. */
  async #wait(usual: number): Promise<boolean> {
    const { confirmation, signal } = this.#times
    const attempts = this.#attempts
    const wait =
      attempts === undefined
        ? usual
        : Math.min(usual, confirmation * HASTE * 2 ** Math.min(attempts, MAX_DOUBLINGS))
    const early = new AbortController()
    if (attempts === undefined) this.#wake = () => early.abort()
    const end = joinSignals(signal, early.signal)
    // Random, so that the controllers of one store do not all list it at the same time.
    await sleep(wait * (0.9 + 0.2 * Math.random()), undefined, { signal: end.signal }).catch(() => {})
    end.release()
    this.#wake = () => {}
    return !early.signal.aborted
  }
}

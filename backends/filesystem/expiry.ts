import type { Operation, Outcome } from '../backend.ts'
import type { State } from './journal/state.ts'

/** The longest delay (ms) between two looks, so that a clock that was set forward is noticed. */
const MAX_SLEEP_MS = 10_000
/** The delay (ms) before a failed deletion is retried. */
const RETRY_MS = 1_000

/**
 * Deletes expired keys, by ordinary commits.
 *
 * Invariant: a key is deleted only while its entry is that of the put with the ttl, and never before its time
 * by the clock of this machine.
 */
export class Expiry {
  readonly #state: State
  readonly #commit: (operations: readonly Operation[]) => Promise<Outcome>
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(state: State, commit: (operations: readonly Operation[]) => Promise<Outcome>) {
    this.#state = state
    this.#commit = commit
  }

  /** Schedules the next deletion; to be called when the expiries changed. */
  arm(): void {
    clearTimeout(this.#timer)
    if (this.#stopped || this.#state.expires.size === 0) return
    let next = Number.POSITIVE_INFINITY
    for (const at of this.#state.expires.values()) next = Math.min(next, at)
    this.#sweepIn(Math.max(0, Math.min(next - Date.now(), MAX_SLEEP_MS)))
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #sweepIn(delay: number): void {
    if (this.#stopped) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#sweep(), delay).unref()
  }

  async #sweep(): Promise<void> {
    const now = Date.now()
    const due = [...this.#state.expires]
      .filter(([, at]) => at <= now)
      .flatMap(([key]) => this.#state.get(key) ?? [])
    const commits = due.map(({ key, modRevision: revision }) =>
      this.#commit([{ key, delete: true, expected: revision }]),
    )
    const results = await Promise.allSettled(commits)
    // The journal cannot be written now: callers of commits get the error, and expired keys stay until it
    // can.
    if (results.some(result => result.status === 'rejected')) this.#sweepIn(RETRY_MS)
    else this.arm()
  }
}

import type { Operation, Outcome } from '../backend.ts'
import type { State } from './journal/state.ts'

/** The longest nap in milliseconds: a clock that was set forward is noticed by then. */
const MAX_SLEEP_MS = 10_000
/** How long after a failed deletion it is tried again. */
const RETRY_MS = 1_000

/**
 * Deletes keys whose time has come, by commits like any other.
 *
 * Invariant: a key is deleted only while it is the very put that carried the ttl, and never before its time
 * by this machine's clock.
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

  /** Looks at the expiries anew: call it when they changed. */
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
    // The journal cannot be written now; callers of commits are told so, and expired keys stay until it can.
    if (results.some(result => result.status === 'rejected')) this.#sweepIn(RETRY_MS)
    else this.arm()
  }
}

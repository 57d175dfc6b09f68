import type { Revision } from '../../model/document.ts'
import type { Position } from './readiness.ts'
import { Condition } from './waiting/condition.ts'

/** The state of the watcher that callers wait for. */
interface ObservedState {
  readonly ready: () => boolean
  readonly position: () => Position
  readonly stopped: () => boolean
}

/** The time after which a write stops waiting for a watch that is not READY. */
const OBSERVE_MS = 2_000
/** The longest wait for a watch that is READY but lags, in multiples of {@link OBSERVE_MS}. */
const MAX_OBSERVE_ROUNDS = 15

/**
 * Callers that wait for the watcher: until a commit has been announced, until it is READY, or until a
 * condition on the cache holds.
 */
export class Observers {
  readonly #state: ObservedState
  readonly #onAdvance = new Condition()
  readonly #onReady = new Condition()

  constructor(state: ObservedState) {
    this.#state = state
  }

  /**
   * True once a commit of this revision is in the cache and has been announced. `before` is the position
   * before the commit was sent. False when the outcome is unknown here: the watch was down for 2 s meanwhile,
   * or the store turned out to be another one.
   */
  async passed(revision: Revision, before: Position): Promise<boolean> {
    const isOtherStore = () => this.#state.position().epoch !== before.epoch
    // A store that returns a revision announced before the commit was rewound. Its revisions prove nothing
    // until the watcher notices that.
    const hasPassed = () =>
      !isOtherStore() && revision > before.revision && this.#state.position().revision >= revision
    const isSettled = () => isOtherStore() || hasPassed()
    for (let round = 0; !isSettled() && round < MAX_OBSERVE_ROUNDS; round++) {
      const wasReady = this.#state.ready()
      if (!(await this.#onAdvance.wait(isSettled, OBSERVE_MS)) && !wasReady && !this.#state.ready()) break
      if (this.#state.stopped()) break
    }
    return hasPassed()
  }

  /** True when READY, now or within so many milliseconds. */
  async ready(within: number): Promise<boolean> {
    const isReady = () => this.#state.ready()
    return isReady() || this.#onReady.wait(isReady, within)
  }

  /** True when the condition on the cache holds, now or within so many milliseconds. */
  async until(condition: () => boolean, within: number): Promise<boolean> {
    return condition() || this.#onAdvance.wait(condition, within)
  }

  /** The position of the watcher advanced, which releases the callers that wait for it. */
  advanced(): void {
    this.#onAdvance.check()
  }

  becameReady(): void {
    this.#onReady.check()
  }

  close(): void {
    this.#onAdvance.close()
    this.#onReady.close()
  }
}

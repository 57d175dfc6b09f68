import type { Unsubscribe } from '../../../events/event.ts'
import type { AnswerBudget, AnswerShare } from '../connections/answer-budget.ts'

interface Step {
  /** The estimated size of the answer; undefined for a frame without one. */
  readonly bytes: number | undefined
  readonly run: (share: AnswerShare | undefined) => void
}

/**
 * The frames of one connection in their order. A command waits until its caller has a share of the budget for
 * unread answers, and all frames behind it wait, too.
 */
export class AdmissionQueue {
  readonly #budget: AnswerBudget
  readonly #caller: string
  readonly #onAdvance: () => void
  readonly #steps: Step[] = []
  #cancel: Unsubscribe | undefined

  /** Calls `onAdvance` when a command no longer waits. */
  constructor(budget: AnswerBudget, caller: string, onAdvance: () => void) {
    this.#budget = budget
    this.#caller = caller
    this.#onAdvance = onAdvance
  }

  /** True while a command waits for its share: the connection must not be read. */
  get isWaiting(): boolean {
    return this.#cancel !== undefined
  }

  /** Runs a step after all steps before it. */
  add(bytes: number | undefined, run: (share: AnswerShare | undefined) => void): void {
    this.#steps.push({ bytes, run })
    this.#advance()
  }

  /** Drops all steps that wait. */
  clear(): void {
    this.#steps.length = 0
    this.#cancel?.()
    this.#cancel = undefined
  }

  #advance(): void {
    while (!this.#cancel) {
      const step = this.#steps[0]
      if (!step) return
      const bytes = step.bytes === undefined ? undefined : Math.min(step.bytes, this.#budget.limits.caller)
      const share = bytes === undefined ? undefined : this.#budget.take(this.#caller, bytes)
      if (bytes !== undefined && !share) {
        this.#cancel = this.#budget.wait(this.#caller, bytes, granted => this.#grant(granted))
        return
      }
      this.#steps.shift()
      step.run(share)
    }
  }

  #grant(share: AnswerShare): void {
    this.#cancel = undefined
    const step = this.#steps.shift()
    if (step) step.run(share)
    else share.release()
    this.#advance()
    this.#onAdvance()
  }
}

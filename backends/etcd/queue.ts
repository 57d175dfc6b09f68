import type { Operation, Outcome } from '../backend.ts'
import { isWrite, textBytes } from '../operations.ts'
import { KeyLocks } from './key-locks.ts'

/** A commit that waits or is under way. */
export interface Pending {
  readonly operations: readonly Operation[]
  readonly bytes: number
  /** It shares no transaction with others: too many operations, or a lease. */
  readonly alone: boolean
  /** On the monotonic clock, in ms: when it has waited too long to be sent at all. */
  readonly expires: number
  readonly resolve: (outcome: Outcome) => void
  readonly reject: (error: unknown) => void
}

/**
 * Outer and inner operations of a nested transaction are 128 together at most: 63 commits of up to 64
 * operations, and one of its own.
 */
export const MOST_COMMITS = 63
export const MOST_NESTED_OPERATIONS = 64
/** etcd takes requests up to 1.5 MiB by default. */
const BATCH_BYTES = 1_200_000

/**
 * Commits in the order they came, taken out in batches.
 *
 * Invariant: two commits that share a key one of them writes are never under way at once, and never overtake
 * one another. So a batch's guards, which etcd evaluates all before it applies any of them, see what they
 * would have seen one after the other; and commits on a key happen in the order they were made.
 */
export class Queue {
  readonly #locks = new KeyLocks()
  #waiting: Pending[] = []

  get empty(): boolean {
    return this.#waiting.length === 0
  }

  add(pending: Pending): void {
    this.#waiting.push(pending)
  }

  /**
   * Takes commits whose keys are free, as many as one transaction holds; none when all must wait. They are
   * under way until {@link done}.
   */
  take(): readonly Pending[] {
    const batch: Pending[] = []
    const overtaken = new KeyLocks()
    const rest: Pending[] = []
    let bytes = 0
    let full = false
    for (const pending of this.#waiting) {
      const fits = batch.length === 0 || (!pending.alone && bytes + pending.bytes <= BATCH_BYTES)
      if (!full && fits && this.#locks.free(pending.operations) && overtaken.free(pending.operations)) {
        this.#locks.hold(pending.operations)
        batch.push(pending)
        bytes += pending.bytes
        full = pending.alone || batch.length === MOST_COMMITS
      } else {
        if (!full) overtaken.hold(pending.operations)
        rest.push(pending)
      }
    }
    this.#waiting = rest
    return batch
  }

  done({ operations }: Pending): void {
    this.#locks.release(operations)
  }

  /** Takes out those that have waited too long. */
  expired(now: number): readonly Pending[] {
    const late = this.#waiting.filter(({ expires }) => expires <= now)
    if (late.length > 0) this.#waiting = this.#waiting.filter(({ expires }) => expires > now)
    return late
  }
}

/** How many bytes a commit takes in a request, roughly and rather more. */
export function weigh(operations: readonly Operation[], prefix: string): number {
  return operations.reduce(
    (sum, operation) =>
      sum + (isWrite(operation) ? 3 : 2) * (operation.key.length + prefix.length + 24) + textBytes(operation),
    0,
  )
}

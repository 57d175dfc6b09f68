import type { Operation, Outcome } from '../backend.ts'
import { isWrite, textBytes } from '../operations.ts'
import { KeyLocks } from './key-locks.ts'

/** A commit that waits or is in flight. */
export interface Pending {
  readonly operations: readonly Operation[]
  readonly bytes: number
  /** True when it shares no transaction with other commits: too many operations, or a lease. */
  readonly alone: boolean
  /** The time, on the monotonic clock in ms, after which it is not sent any more. */
  readonly expires: number
  readonly resolve: (outcome: Outcome) => void
  readonly reject: (error: unknown) => void
}

/**
 * The largest numbers of commits in a transaction and of operations in each: etcd allows 128 outer and inner
 * operations together, of which one is that of {@link nest}.
 */
export const MAX_COMMITS = 63
export const MAX_NESTED_OPERATIONS = 64
/** The largest batch: by default etcd accepts requests of up to 1.5 MiB. */
const MAX_BATCH_BYTES = 1_200_000

/**
 * The queue of commits, in the order they were made, taken out in batches.
 *
 * Invariant: two commits with a common key that one of them writes are never in flight at the same time, and
 * never overtake each other. etcd evaluates all guards of a batch before it applies any commit; so the guards
 * see the same as if the commits were applied one after the other. Commits on a key are applied in the order
 * they were made.
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
   * Takes commits whose keys are free, as many as fit one transaction; none when all must wait. They are in
   * flight until {@link done}.
   */
  take(): readonly Pending[] {
    const batch: Pending[] = []
    const overtaken = new KeyLocks()
    const rest: Pending[] = []
    let bytes = 0
    let full = false
    for (const pending of this.#waiting) {
      const fits = batch.length === 0 || (!pending.alone && bytes + pending.bytes <= MAX_BATCH_BYTES)
      if (!full && fits && this.#locks.free(pending.operations) && overtaken.free(pending.operations)) {
        this.#locks.hold(pending.operations)
        batch.push(pending)
        bytes += pending.bytes
        full = pending.alone || batch.length === MAX_COMMITS
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

  /** Takes out the commits that have waited too long. */
  expired(now: number): readonly Pending[] {
    const late = this.#waiting.filter(({ expires }) => expires <= now)
    if (late.length > 0) this.#waiting = this.#waiting.filter(({ expires }) => expires > now)
    return late
  }
}

/** An upper estimate of the bytes that a commit takes in a request. */
export function weigh(operations: readonly Operation[], prefix: string): number {
  return operations.reduce(
    (sum, operation) =>
      sum + (isWrite(operation) ? 3 : 2) * (operation.key.length + prefix.length + 24) + textBytes(operation),
    0,
  )
}

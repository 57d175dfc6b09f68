import type { IKeyValue } from 'etcd3'

/** Keys of a first page, of which nobody knows yet how heavy they are. */
const FIRST = 32
const MOST = 5000
const LEAST = 8
/** What a page should weigh, in bytes: little enough that parsing it does not stop the process for long. */
const WEIGHT = 4 * 1024 * 1024
/** How much smaller pages become when one did not come in time, and how small at most. */
const STEP = 4
const SMALLEST = 1 / 64

/**
 * How many keys are asked for at a time. A page that does not come in time makes those of the next listing
 * smaller, one that was read to its end lets them grow again: so a store of large documents behind a slow
 * line is listed in the end, whatever a call may take.
 */
export class PageSizer {
  #share = 1

  get first(): number {
    return Math.max(1, Math.floor(FIRST * this.#share))
  }

  /**
   * How many entries like these weigh as much as a page should; at most eight times as many as there were, in
   * case the next ones are heavier.
   */
  next(kvs: readonly IKeyValue[]): number {
    const weight = kvs.reduce((sum, { key, value }) => sum + key.length + value.length, 0)
    const fitting = Math.floor((WEIGHT * this.#share * kvs.length) / Math.max(1, weight))
    return Math.max(1, Math.floor(LEAST * this.#share), Math.min(fitting, 8 * kvs.length, MOST))
  }

  /** A page did not come. */
  shrink(): void {
    this.#share = Math.max(SMALLEST, this.#share / STEP)
  }

  /** A listing of several pages came to its end. */
  grow(): void {
    this.#share = Math.min(1, this.#share * 2)
  }
}

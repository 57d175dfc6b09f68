import type { Revision } from '../../../model/document.ts'
import type { Batch } from '../../backend.ts'
import { historyLost } from '../../history-lost.ts'

/** The limits of the batches that are kept for watches. */
export interface WindowLimits {
  readonly batches: number
  readonly bytes: number
}

/**
 * The recent batches, shared by all watches. A watch is a position in it, so a slow one costs no memory, and
 * fails with HISTORY_LOST once its position is no longer kept.
 *
 * Invariant: it contains every batch above `floor`, in order, without a gap. Batches that are appended
 * together are kept until the next append, so a watch that reads them at once never loses its position.
 */
export class BatchWindow {
  readonly #limits: WindowLimits
  #batches: Batch[] = []
  #sizes: number[] = []
  /** The number of dropped batches that are still in the array, which is cut only now and then. */
  #forgotten = 0
  #dropped = 0
  #bytes = 0
  #floor: Revision
  #waiting: (() => void)[] = []

  constructor(limits: WindowLimits, floor: Revision) {
    this.#limits = limits
    this.#floor = floor
  }

  /** The last revision that is no longer kept, like all before it. */
  get floor(): Revision {
    return this.#floor
  }

  get last(): Revision {
    return this.#batches.at(-1)?.revision ?? this.#floor
  }

  append(batches: readonly Batch[]): void {
    for (const batch of batches) {
      const size = sizeOf(batch)
      this.#batches.push(batch)
      this.#sizes.push(size)
      this.#bytes += size
    }
    while (this.#tooMuch() && this.#count() > batches.length) this.#forgetOldest()
    if (this.#forgotten > this.#batches.length / 2) this.#cut()
    this.wake()
  }

  /** Wakes all waiting watches. */
  wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** Resolves at the next append or {@link wake}. */
  nextChange(): Promise<void> {
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  /** The position after a revision. @throws SettingsError HISTORY_LOST. */
  after(since: Revision): number {
    if (since > this.last)
      throw historyLost(`revision ${since} is later than the store, which is at ${this.last}`)
    if (since < this.#floor)
      throw historyLost(`the revisions after ${since} are no longer kept, only those after ${this.#floor}`)
    let low = this.#forgotten
    let high = this.#batches.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const batch = this.#batches[middle]
      if (batch && batch.revision <= since) low = middle + 1
      else high = middle
    }
    return this.#dropped + low
  }

  /**
   * The batch at a position; undefined when there is none yet.
   * @throws SettingsError HISTORY_LOST when the position is no longer kept.
   */
  at(position: number): Batch | undefined {
    const place = position - this.#dropped
    if (place < this.#forgotten)
      throw historyLost('the watch is further behind than the kept revisions reach')
    return this.#batches[place]
  }

  #count(): number {
    return this.#batches.length - this.#forgotten
  }

  #tooMuch(): boolean {
    return this.#count() > this.#limits.batches || this.#bytes > this.#limits.bytes
  }

  #forgetOldest(): void {
    const oldest = this.#batches[this.#forgotten]
    if (oldest) this.#floor = oldest.revision
    this.#bytes -= this.#sizes[this.#forgotten] ?? 0
    this.#forgotten++
  }

  #cut(): void {
    this.#batches = this.#batches.slice(this.#forgotten)
    this.#sizes = this.#sizes.slice(this.#forgotten)
    this.#dropped += this.#forgotten
    this.#forgotten = 0
  }
}

function sizeOf(batch: Batch): number {
  return batch.changes.reduce(
    (sum, change) => sum + 100 + (change.type === 'put' ? change.entry.text.length : 0),
    0,
  )
}

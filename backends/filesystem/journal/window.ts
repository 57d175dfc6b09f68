import type { Revision } from '../../../model/document.ts'
import type { Batch } from '../../backend.ts'
import { historyLost } from '../../history-lost.ts'

/** How much of the recent past is kept for watches. */
export interface WindowLimits {
  readonly batches: number
  readonly bytes: number
}

/**
 * The recent batches, one log for all watchers: a watcher is a position in it, so a slow one costs nothing
 * and is told HISTORY_LOST once it fell out.
 *
 * Invariant: it holds every batch above `floor`, in order, without a hole; what is added together stays
 * together until the next addition, so a watcher that is awake never falls out.
 */
export class BatchWindow {
  readonly #limits: WindowLimits
  #batches: Batch[] = []
  #sizes: number[] = []
  /** How many of the batches in the array are already forgotten; the array is cut only now and then. */
  #forgotten = 0
  #dropped = 0
  #bytes = 0
  #floor: Revision
  #waiting: (() => void)[] = []

  constructor(limits: WindowLimits, floor: Revision) {
    this.#limits = limits
    this.#floor = floor
  }

  /** The last revision whose steps, it and before, are gone. */
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

  /** Lets all waiting watchers look again. */
  wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** Settles at the next addition or {@link wake}. */
  nextChange(): Promise<void> {
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  /** The position just after a revision. @throws SettingsError HISTORY_LOST. */
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
   * The batch at a position; undefined when it is yet to come.
   * @throws SettingsError HISTORY_LOST when the watcher fell out of the window.
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

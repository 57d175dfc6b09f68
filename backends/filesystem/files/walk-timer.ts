/**
 * Decides when the folders of the readable files are walked over.
 *
 * Invariant: one walk runs at a time, and at most one waits for it; a walk that was requested starts within
 * its time, however often it is delayed. Once stopped, no walk is running and none ever will.
 */
export class WalkTimer {
  readonly #walk: () => Promise<void>
  #timer: NodeJS.Timeout | undefined
  /** The latest start of the next walk, by `performance.now`. */
  #deadline = Number.POSITIVE_INFINITY
  /** True from when a walk is due until it starts: it serves a request that is made meanwhile. */
  #isDue = false
  #walking = Promise.resolve()
  #stopped = false

  /** `walk` never rejects. */
  constructor(walk: () => Promise<void>) {
    this.#walk = walk
  }

  /** Requests a walk within this many ms; a walk that was requested before keeps its time. */
  within(delay: number): void {
    this.#deadline = performance.now() + delay
    if (!this.#timer) this.later(delay)
  }

  /**
   * Delays the next walk until this many ms from now, but not beyond its time, so that frequent calls cannot
   * prevent it.
   */
  later(delay: number): void {
    if (this.#stopped || this.#isDue) return
    clearTimeout(this.#timer)
    const wait = Math.max(0, Math.min(delay, this.#deadline - performance.now()))
    this.#timer = setTimeout(() => this.#enqueue(), wait).unref()
  }

  /** Resolves when the running walk, if any, has ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#walking
  }

  #enqueue(): void {
    this.#timer = undefined
    this.#isDue = true
    this.#walking = this.#walking.then(() => {
      this.#isDue = false
      this.#deadline = Number.POSITIVE_INFINITY
      return this.#stopped ? undefined : this.#walk()
    })
  }
}

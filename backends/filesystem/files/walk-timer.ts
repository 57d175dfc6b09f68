/**
 * When the folders of the readable files are walked over.
 *
 * Invariant: one walk at a time, and at most one waits for it; one that is asked for comes within its time,
 * however often it is put off. Once stopped, none is under way and none ever will be.
 */
export class WalkTimer {
  readonly #walk: () => Promise<void>
  #timer: NodeJS.Timeout | undefined
  /** When the next walk is to begin at the latest, by `performance.now`. */
  #by = Number.POSITIVE_INFINITY
  /** True from when a walk is due until it begins: one that is asked for meanwhile is that one. */
  #isDue = false
  #walking = Promise.resolve()
  #stopped = false

  /** `walk` never rejects. */
  constructor(walk: () => Promise<void>) {
    this.#walk = walk
  }

  /** The next walk is to begin within so many ms; one that is asked for already comes at its own time. */
  within(delay: number): void {
    this.#by = performance.now() + delay
    if (!this.#timer) this.later(delay)
  }

  /**
   * Puts the next walk off until so many ms from now, but not beyond its time: who asks all the time would
   * keep it from ever coming.
   */
  later(delay: number): void {
    if (this.#stopped || this.#isDue) return
    clearTimeout(this.#timer)
    const wait = Math.max(0, Math.min(delay, this.#by - performance.now()))
    this.#timer = setTimeout(() => this.#enqueue(), wait).unref()
  }

  /** Resolves when the walk under way, if any, is over. */
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
      this.#by = Number.POSITIVE_INFINITY
      return this.#stopped ? undefined : this.#walk()
    })
  }
}

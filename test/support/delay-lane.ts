/** One direction of a connection on which chunks arrive late, but in order. */
export class DelayLane {
  readonly #write: (chunk: Buffer) => void
  readonly #latency: () => number
  readonly #waiting: { readonly due: number; readonly chunk: Buffer }[] = []
  #last = 0

  /** `latency` returns the minimum delay of each chunk in milliseconds. */
  constructor(write: (chunk: Buffer) => void, latency: () => number) {
    this.#write = write
    this.#latency = latency
  }

  push(chunk: Buffer): void {
    const now = performance.now()
    const due = Math.max(this.#last, now + this.#latency())
    if (this.#waiting.length === 0 && due <= now) {
      this.#write(chunk)
      return
    }
    this.#last = due
    this.#waiting.push({ due, chunk })
    if (this.#waiting.length === 1) this.#wait(due - now)
  }

  #wait(ms: number): void {
    setTimeout(() => this.#drain(), ms)
  }

  #drain(): void {
    // A timer may fire up to a millisecond early.
    const now = performance.now() + 1
    for (let first = this.#waiting[0]; first && first.due <= now; first = this.#waiting[0]) {
      this.#waiting.shift()
      this.#write(first.chunk)
    }
    const [next] = this.#waiting
    if (next) this.#wait(next.due - performance.now())
  }
}

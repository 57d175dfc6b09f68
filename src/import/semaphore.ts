/**
 * Semaphore for so many bytes. What asks for more than is free waits, in the order it came; what is larger than
 * all of it goes alone.
 */
export class Semaphore {
  readonly #size: number
  readonly #waiting: { readonly bytes: number; readonly enter: () => void }[] = []
  #held = 0

  constructor(size: number) {
    this.#size = size
  }

  /** Does something that holds so many bytes. */
  async hold<Result>(bytes: number, work: () => Promise<Result>): Promise<Result> {
    await new Promise<void>(enter => {
      this.#waiting.push({ bytes, enter })
      this.#admit()
    })
    try {
      return await work()
    } finally {
      this.#held -= bytes
      this.#admit()
    }
  }

  #admit(): void {
    for (
      let next = this.#waiting[0];
      next && (this.#held === 0 || this.#held + next.bytes <= this.#size);
      next = this.#waiting[0]
    ) {
      this.#waiting.shift()
      this.#held += next.bytes
      next.enter()
    }
  }
}

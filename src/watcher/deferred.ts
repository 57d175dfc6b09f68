/** What others wait for: it opens once or fails once, whichever comes first, and stays so. */
export class Deferred {
  readonly #settled: Promise<void>
  #settle: { resolve: () => void; reject: (error: unknown) => void } = { resolve: () => {}, reject: () => {} }

  constructor() {
    this.#settled = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    // Whoever waits hears of it; a failure that nobody waits for is nobody's.
    this.#settled.catch(() => {})
  }

  open(): void {
    this.#settle.resolve()
  }

  fail(error: unknown): void {
    this.#settle.reject(error)
  }

  /** True once it is open, false after so many milliseconds. @throws what it failed with. */
  async wait(within: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<false>(resolve => {
      timer = setTimeout(() => resolve(false), within)
    })
    return Promise.race([this.#settled.then(() => true), late]).finally(() => clearTimeout(timer))
  }
}

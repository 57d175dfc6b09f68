/** A promise that is resolved or rejected from outside; the first outcome is final. */
export class Deferred {
  readonly #settled: Promise<void>
  #settle: { resolve: () => void; reject: (error: unknown) => void } = { resolve: () => {}, reject: () => {} }

  constructor() {
    this.#settled = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    // Every caller of wait() receives the error; without a caller it must not count as unhandled.
    this.#settled.catch(() => {})
  }

  resolve(): void {
    this.#settle.resolve()
  }

  reject(error: unknown): void {
    this.#settle.reject(error)
  }

  /** True once resolved, false after so many milliseconds. @throws the error it was rejected with. */
  async wait(within: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<false>(resolve => {
      timer = setTimeout(() => resolve(false), within)
    })
    return Promise.race([this.#settled.then(() => true), late]).finally(() => clearTimeout(timer))
  }
}

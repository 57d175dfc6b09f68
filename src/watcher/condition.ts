/** Those who wait until something holds; each is let go in the `check` at which it does. */
export class Condition {
  readonly #waiting = new Set<{ readonly holds: () => boolean; readonly settle: (held: boolean) => void }>()
  #closed = false

  /** True at the first check at which it holds, false after so many milliseconds or when closed. */
  wait(holds: () => boolean, within: number): Promise<boolean> {
    if (this.#closed) return Promise.resolve(false)
    return new Promise(resolve => {
      const waiter = {
        holds,
        settle: (held: boolean) => {
          clearTimeout(timer)
          this.#waiting.delete(waiter)
          resolve(held)
        },
      }
      const timer = setTimeout(() => waiter.settle(false), within)
      this.#waiting.add(waiter)
    })
  }

  check(): void {
    for (const waiter of this.#waiting) if (waiter.holds()) waiter.settle(true)
  }

  close(): void {
    this.#closed = true
    for (const waiter of this.#waiting) waiter.settle(false)
  }
}

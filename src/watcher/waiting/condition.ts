/**
 * Callers that wait until a condition holds; each is released by the first `check` at which its condition
 * holds.
 */
export class Condition {
  readonly #waiters = new Set<{ readonly holds: () => boolean; readonly settle: (held: boolean) => void }>()
  #closed = false

  /** True at the first check at which `holds` is true; false after so many milliseconds, or when closed. */
  wait(holds: () => boolean, within: number): Promise<boolean> {
    if (this.#closed) return Promise.resolve(false)
    return new Promise(resolve => {
      const waiter = {
        holds,
        settle: (held: boolean) => {
          clearTimeout(timer)
          this.#waiters.delete(waiter)
          resolve(held)
        },
      }
      const timer = setTimeout(() => waiter.settle(false), within)
      this.#waiters.add(waiter)
    })
  }

  check(): void {
    for (const waiter of this.#waiters) if (waiter.holds()) waiter.settle(true)
  }

  close(): void {
    this.#closed = true
    for (const waiter of this.#waiters) waiter.settle(false)
  }
}

/**
 * The outcome of the calls of one listener, which may overlap.
 *
 * Invariant: `failure` is absent only if the newest call that has ended well is newer than every call that
 * failed. So a late success of an old call never hides the failure of a newer one.
 */
export class ListenerOutcome {
  #calls = 0
  #running = 0
  #newestSuccess = 0
  #newestFailure = 0
  #failure: unknown

  /** Begins a call; the first function that is called ends it. */
  begin(): { readonly succeed: () => void; readonly fail: (error: unknown) => void } {
    const call = ++this.#calls
    let hasEnded = false
    const end = (): boolean => {
      if (hasEnded) return false
      hasEnded = true
      this.#running--
      return true
    }
    this.#running++
    return {
      succeed: () => {
        if (end()) this.#newestSuccess = Math.max(this.#newestSuccess, call)
      },
      fail: error => {
        if (!end() || call < this.#newestFailure) return
        this.#newestFailure = call
        this.#failure = error
      },
    }
  }

  /** True while a call has not returned. */
  get isRunning(): boolean {
    return this.#running > 0
  }

  /** The error of the listener; undefined when it has none, or a newer call succeeded. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#newestFailure > this.#newestSuccess ? { error: this.#failure } : undefined
  }
}

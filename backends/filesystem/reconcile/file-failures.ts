/** The first delay (ms) before a file that could not be read or written is reconciled again. */
export const RETRY_MS = 1_000
/** The longest delay is this many times {@link RETRY_MS}. */
const MAX_RETRY_FACTOR = 10
/** How many different messages are reported until the file shows its document again. */
const MAX_REPORTED_MESSAGES = 8

/** The failures of reconciling one readable file, until it shows its document again. */
export class FileFailures {
  /** Why the file does not show its document; undefined when it does, as far as is known. */
  reason: string | undefined
  #count = 0
  readonly #reported = new Set<string>()

  /** The delay before the next attempt: it grows with the failures in a row. */
  get retryMs(): number {
    return RETRY_MS * Math.min(this.#count, MAX_RETRY_FACTOR)
  }

  /** Counts a failure that is not reported, because the file shows its document. */
  ignore(): void {
    this.reason = undefined
    this.#count++
  }

  /** Counts a failure; true when its message is to be reported. */
  add(message: string): boolean {
    this.#count++
    if (this.#reported.has(message) || this.#reported.size >= MAX_REPORTED_MESSAGES) return false
    this.#reported.add(message)
    return true
  }

  /** Forgets what was reported, so that it is reported again. */
  clear(): void {
    this.#count = 0
    this.#reported.clear()
  }
}

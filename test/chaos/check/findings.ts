/** How many violations are told in words. */
const TOLD = 50

/** Collects what is wrong, and counts. */
export class Findings {
  lost = 0
  doubled = 0
  reordered = 0
  resyncs = 0
  facts = 0
  readonly #violations: string[] = []
  #untold = 0

  wrong(sentence: string): void {
    if (this.#violations.length < TOLD - 1) this.#violations.push(sentence)
    else this.#untold++
  }

  /** One sentence each; the last one says how many more there are. */
  get violations(): readonly string[] {
    return this.#untold === 0 ? this.#violations : [...this.#violations, `And ${this.#untold} more.`]
  }
}

import type { Key } from '../../../model/key.ts'

/**
 * The largest number of files that are reconciled at the same time: fewer than the threads of Node for file
 * access, so that the journal never waits for them.
 */
const MAX_CONCURRENT_FILES = 3

/**
 * Decides which readable files are reconciled, and when.
 *
 * Invariant: a file is never reconciled twice at the same time; a file touched while it is being reconciled
 * is reconciled once more. Once finished, no file is being reconciled and none ever will be, because the
 * files may belong to another process by then.
 */
export class Schedule {
  readonly #reconcile: (key: Key) => Promise<number | undefined>
  readonly #ready = new Set<Key>()
  readonly #running = new Set<Key>()
  readonly #later = new Map<Key, { readonly timer: NodeJS.Timeout; readonly at: number }>()
  #waiting: (() => void)[] = []
  #closing = false
  #finished = false

  /** `reconcile` never rejects; it resolves with the milliseconds until the file is reconciled again. */
  constructor(reconcile: (key: Key) => Promise<number | undefined>) {
    this.#reconcile = reconcile
  }

  /** Has a file reconciled in `delay` ms, or earlier when that is scheduled already. */
  touch(key: Key, delay = 0): void {
    if (delay <= 0) this.#makeReady(key)
    else if (!this.#closing && !this.#ready.has(key)) this.#schedule(key, delay)
  }

  /** Resolves when no file is ready, running or, unless closing, scheduled; or after `deadline` ms. */
  async settled(deadline: number): Promise<void> {
    const end = performance.now() + deadline
    while (this.#busy() && performance.now() < end) {
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, end - performance.now())
        this.#waiting.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }

  /**
   * Makes all scheduled files ready, also those that running calls ask for, and schedules no more; resolves
   * when all are reconciled. After `deadline` ms no further file is started, and it resolves when the running
   * ones have ended, however long that takes.
   */
  async finish(deadline: number): Promise<void> {
    this.#closing = true
    for (const key of [...this.#later.keys(), ...this.#running]) this.#makeReady(key)
    await this.settled(deadline)
    this.#finished = true
    this.#ready.clear()
    while (this.#busy()) await new Promise<void>(resolve => this.#waiting.push(resolve))
  }

  #makeReady(key: Key): void {
    if (this.#finished) return
    clearTimeout(this.#later.get(key)?.timer)
    this.#later.delete(key)
    this.#ready.add(key)
    this.#startReady()
  }

  #schedule(key: Key, delay: number): void {
    const at = performance.now() + delay
    const earlier = this.#later.get(key)
    if (earlier && earlier.at <= at) return
    clearTimeout(earlier?.timer)
    this.#later.set(key, { timer: setTimeout(() => this.#makeReady(key), delay).unref(), at })
  }

  #startReady(): void {
    for (const key of this.#ready) {
      if (this.#running.size >= MAX_CONCURRENT_FILES) return
      if (this.#running.has(key)) continue
      this.#ready.delete(key)
      this.#running.add(key)
      void this.#reconcile(key).then(again => {
        this.#running.delete(key)
        if (again !== undefined) this.touch(key, again)
        this.#startReady()
        if (!this.#busy()) for (const resolve of this.#waiting.splice(0)) resolve()
      })
    }
  }

  #busy(): boolean {
    return this.#ready.size + this.#running.size + this.#later.size > 0
  }
}

import type { Key } from '../../../model/key.ts'

/**
 * How many files are worked on at the same time: fewer than Node has threads for files, so that the journal
 * never waits for them.
 */
const HANDS = 3

/**
 * Which readable files want attention, and when.
 *
 * Invariant: one file is in one pair of hands at a time; a file touched while it is being attended to is
 * attended to once more. Once finished, none is in hands and none ever will be: the files may be another
 * process's by then.
 */
export class Schedule {
  readonly #attend: (key: Key) => Promise<number | undefined>
  readonly #ready = new Set<Key>()
  readonly #running = new Set<Key>()
  readonly #later = new Map<Key, { readonly timer: NodeJS.Timeout; readonly at: number }>()
  #waiting: (() => void)[] = []
  #closing = false
  #over = false

  /** `attend` never rejects; it gives the milliseconds after which the file wants attention again. */
  constructor(attend: (key: Key) => Promise<number | undefined>) {
    this.#attend = attend
  }

  /** Asks for attention in `delay` ms; an earlier appointment stands. */
  touch(key: Key, delay = 0): void {
    if (delay <= 0) this.#now(key)
    else if (!this.#closing && !this.#ready.has(key)) this.#appoint(key, delay)
  }

  /** Resolves when nothing is ready, in hands or, unless closing, appointed; or after `deadline` ms. */
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
   * Brings all appointments forward, also those that are about to be asked for, and makes no more; resolves
   * when all are kept. After `deadline` ms no other is begun, and it resolves when those that were begun are
   * over, however long that takes.
   */
  async finish(deadline: number): Promise<void> {
    this.#closing = true
    for (const key of [...this.#later.keys(), ...this.#running]) this.#now(key)
    await this.settled(deadline)
    this.#over = true
    this.#ready.clear()
    while (this.#busy()) await new Promise<void>(resolve => this.#waiting.push(resolve))
  }

  #now(key: Key): void {
    if (this.#over) return
    clearTimeout(this.#later.get(key)?.timer)
    this.#later.delete(key)
    this.#ready.add(key)
    this.#next()
  }

  #appoint(key: Key, delay: number): void {
    const at = performance.now() + delay
    const earlier = this.#later.get(key)
    if (earlier && earlier.at <= at) return
    clearTimeout(earlier?.timer)
    this.#later.set(key, { timer: setTimeout(() => this.#now(key), delay).unref(), at })
  }

  #next(): void {
    for (const key of this.#ready) {
      if (this.#running.size >= HANDS) return
      if (this.#running.has(key)) continue
      this.#ready.delete(key)
      this.#running.add(key)
      void this.#attend(key).then(again => {
        this.#running.delete(key)
        if (again !== undefined) this.touch(key, again)
        this.#next()
        if (!this.#busy()) for (const resolve of this.#waiting.splice(0)) resolve()
      })
    }
  }

  #busy(): boolean {
    return this.#ready.size + this.#running.size + this.#later.size > 0
  }
}

import { Fifo } from './fifo.ts'

/** Something with work to do: one step each time it is called. */
export interface Worker {
  /** Does one step, never throws; true when there is more to do at once. */
  step(): boolean
}

/** How many steps may follow one another before sockets and timers get their turn. */
const STEPS = 1_024

/**
 * Gives every worker that is ready one step, around and around: begins in a microtask, and yields to input
 * and output when there is much to do.
 */
export class RoundRobin {
  readonly #ready = new Fifo<Worker>()
  #scheduled = false
  #left = STEPS

  /**
   * Puts a worker in the round; the caller puts it in once until its step has said that there is no more to
   * do.
   */
  add(worker: Worker): void {
    this.#ready.push(worker)
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(this.#round)
  }

  readonly #round = (): void => {
    while (this.#left > 0) {
      const worker = this.#ready.shift()
      if (!worker) {
        this.#scheduled = false
        return
      }
      this.#left--
      if (worker.step()) this.#ready.push(worker)
    }
    setImmediate(this.#nextRound)
  }

  readonly #nextRound = (): void => {
    this.#left = STEPS
    this.#round()
  }
}

import { Fifo } from './fifo.ts'

/** A source of work that is done in steps. */
export interface Worker {
  /** Does one step and never throws; true when the next step can follow at once. */
  step(): boolean
}

/** The number of steps after which sockets and timers get their turn. */
const MAX_STEPS_PER_TURN = 1_024

/**
 * Runs one step of each ready worker in turn. It begins in a microtask, and yields to input and output when
 * there is much work.
 */
export class RoundRobin {
  readonly #ready = new Fifo<Worker>()
  #scheduled = false
  #stepsLeft = MAX_STEPS_PER_TURN

  /** Adds a ready worker. The caller must not add it again before its step returned false. */
  add(worker: Worker): void {
    this.#ready.push(worker)
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(this.#round)
  }

  readonly #round = (): void => {
    while (this.#stepsLeft > 0) {
      const worker = this.#ready.shift()
      if (!worker) {
        this.#scheduled = false
        return
      }
      this.#stepsLeft--
      if (worker.step()) this.#ready.push(worker)
    }
    setImmediate(this.#nextRound)
  }

  readonly #nextRound = (): void => {
    this.#stepsLeft = MAX_STEPS_PER_TURN
    this.#round()
  }
}

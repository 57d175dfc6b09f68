import type { WatchStream } from './watch-stream.ts'

const TICK = 250
/**
 * Silence after which the server is asked for a sign of life, and then how long it may take, both in ticks.
 */
const IDLE_TICKS = 8
const ANSWER_TICKS = 6
/**
 * As IDLE_TICKS, while the server has yet to say that it has caught up; two, so that at least one whole tick
 * lies between two answers.
 */
const EAGER_TICKS = 2

/**
 * Notices a dead line: after 2 s of silence it asks for progress, and after 1.5 s more it cancels the stream.
 * It counts ticks of a timer and not time, so a process that was itself stopped for a while does not blame
 * the line; and none while the reader is busy, for then nobody was listening.
 */
export class WatchKeepalive {
  /** Asks more often: the server has yet to say that it has caught up. */
  eager = true
  /** The reader is doing something else than reading. */
  busy = false
  readonly #stream: WatchStream
  readonly #insistent: boolean
  readonly #slack: number
  readonly #timer: NodeJS.Timeout
  readonly #first: number
  #late = false
  #idle = 0
  #asked = 0
  #created = false

  /**
   * `timeout` in ms is how long the first response may take. `insistent`: asks again while there is no
   * answer, for servers that forget a question asked before they have caught up (3.5.8 and later); older ones
   * would answer all of them at once. `slack`: how many times as long a server that has yet to catch up may
   * take, for one response of it may hold a thousand revisions.
   */
  constructor(stream: WatchStream, timeout: number, insistent = false, slack = 1) {
    this.#stream = stream
    this.#insistent = insistent
    this.#first = Math.ceil(timeout / TICK)
    this.#slack = slack
    this.#timer = setInterval(() => this.#tick(), TICK)
  }

  /**
   * True once a stream was given up that had begun and had yet to catch up: the line may be slow, and not
   * dead.
   */
  get late(): boolean {
    return this.#late
  }

  /** Something came. */
  heard(): void {
    this.#created = true
    this.#idle = 0
    this.#asked = 0
  }

  ask(): void {
    this.#asked = 1
    this.#stream.write({ progress_request: {} })
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #tick(): void {
    if (this.busy) {
      this.#idle = 0
      if (this.#asked > 0) this.#asked = 1
      return
    }
    if (!this.#created || this.#asked > 0) {
      const patience = this.#created ? ANSWER_TICKS * (this.eager ? this.#slack : 1) : this.#first
      if (this.#asked++ >= patience) this.#giveUp(patience * TICK)
      else if (this.#created && this.#insistent) this.#stream.write({ progress_request: {} })
      return
    }
    if (++this.#idle >= (this.eager ? EAGER_TICKS : IDLE_TICKS)) this.ask()
  }

  #giveUp(ms: number): void {
    this.#late = this.#created && this.eager
    this.#stream.cancel(new Error(`no message for ${ms} ms, not even a progress notification`))
  }
}

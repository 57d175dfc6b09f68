import type { WatchStream } from './watch-stream.ts'

const TICK_MS = 250
/** Ticks of silence after which progress is requested, and ticks that the response may then take. */
const IDLE_TICKS = 8
const ANSWER_TICKS = 6
/**
 * The same as IDLE_TICKS while the watch has not caught up; two, so that at least one whole tick is between
 * two responses.
 */
const EAGER_TICKS = 2

/**
 * Detects a dead connection: after 2 s of silence it requests progress, and after 1.5 s more it cancels the
 * stream. It counts ticks of a timer instead of time, so that a process which was suspended does not mistake
 * that for silence. It counts no ticks while the reader is busy, because no response is read then.
 */
export class WatchKeepalive {
  /** True while the watch has not caught up: progress is requested more often. */
  eager = true
  /** True while the reader processes a batch. */
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
   * `timeout`, in ms, is that of the first response. `insistent` repeats the request while there is no
   * response, for servers that drop a request made before they have caught up (3.5.8 and later); older ones
   * would respond to all of them at once. `slack` multiplies the time that a server may take before it has
   * caught up, because one response may have a thousand revisions.
   */
  constructor(stream: WatchStream, timeout: number, insistent = false, slack = 1) {
    this.#stream = stream
    this.#insistent = insistent
    this.#first = Math.ceil(timeout / TICK_MS)
    this.#slack = slack
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
  }

  /**
   * True once a stream was cancelled that had started and had not caught up: the connection may be slow only.
   */
  get late(): boolean {
    return this.#late
  }

  /** Called for every response. */
  onResponse(): void {
    this.#created = true
    this.#idle = 0
    this.#asked = 0
  }

  /** Requests progress. */
  requestProgress(): void {
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
      const limit = this.#created ? ANSWER_TICKS * (this.eager ? this.#slack : 1) : this.#first
      if (this.#asked++ >= limit) this.#giveUp(limit * TICK_MS)
      else if (this.#created && this.#insistent) this.#stream.write({ progress_request: {} })
      return
    }
    if (++this.#idle >= (this.eager ? EAGER_TICKS : IDLE_TICKS)) this.requestProgress()
  }

  #giveUp(ms: number): void {
    this.#late = this.#created && this.eager
    this.#stream.cancel(new Error(`no message for ${ms} ms, not even a progress notification`))
  }
}

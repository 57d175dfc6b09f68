import type { KytosEvent, Unsubscribe } from '../../../events/event.ts'
import type { Feed } from '../../../events/feed.ts'

/*
 * One remote reader of facts, over any transport.
 *
 * Invariants:
 *  1. It receives every wanted fact after its cursor once, in order, until it is stopped. The next reader
 *     resumes at its cursor, also if later facts were for other readers.
 *  2. At most MAX_UNSENT bytes and one event are queued. The next event then stops the reader, which resumes
 *     later. So a slow reader makes progress, and a snapshot of any size passes.
 */

/** Queued bytes of a reader above which its stream is ended. */
export const MAX_UNSENT = 1_048_576

/** The cursor before everything. */
const BEGINNING = '0'

export interface FactReaderOptions {
  readonly feed: Feed
  /** The cursor to resume after; now when undefined. */
  readonly since: string | undefined
  /** The event filtered for this reader; undefined if it is for others. */
  readonly wants: (event: KytosEvent) => KytosEvent | undefined
  /** Bytes of queued events. */
  readonly unsent: () => number
  readonly say: (event: KytosEvent, cursor: string | undefined) => void
  /** Called once when the reader is too slow; no event follows. */
  readonly tooSlow: () => void
}

/** The position of one reader in the facts, and its delivery. */
export class FactReader {
  readonly #options: FactReaderOptions
  readonly #unsubscribe: Unsubscribe
  /** Events before {@link begin}. */
  #early: (() => void)[] | undefined = []
  #cursor: string | undefined
  #stopped = false

  /** Follows the feed, but delivers nothing before {@link begin}. @throws SettingsError CURSOR_MALFORMED. */
  constructor(options: FactReaderOptions) {
    this.#options = options
    const { feed, since } = options
    this.#cursor = since ?? feed.cursor
    // From the beginning without a state, so that a reader that connects before the first state misses
    // nothing.
    this.#unsubscribe = feed.follow(this.#cursor ?? BEGINNING, (event, cursor) => {
      if (this.#early) this.#early.push(() => this.#push(event, cursor))
      else this.#push(event, cursor)
    })
  }

  /** The cursor of the reader; undefined without state. */
  get cursor(): string | undefined {
    return this.#cursor
  }

  /** Delivers the events received so far, then new ones. */
  begin(): void {
    const early = this.#early ?? []
    this.#early = undefined
    for (const push of early) push()
  }

  stop(): void {
    this.#stopped = true
    this.#unsubscribe()
  }

  #push(event: KytosEvent, cursor: string | undefined): void {
    if (this.#stopped) return
    const { wants, unsent, say, tooSlow } = this.#options
    if (unsent() > MAX_UNSENT) {
      this.stop()
      tooSlow()
      return
    }
    this.#cursor = cursor ?? this.#cursor
    const seen = wants(event)
    if (seen) say(seen, cursor)
  }
}

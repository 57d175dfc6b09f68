import type { KytosEvent, Unsubscribe } from '../../../events/event.ts'
import type { Feed } from '../../../events/feed.ts'

/*
 * One remote reader of facts, whatever the line it has.
 *
 * Invariants:
 *  1. It gets every fact after its cursor that it wants, once, in order, up to its end. Its cursor is where the next reader must go on, also when the facts
 *     since then were for others.
 *  2. MAX_UNSENT bytes and one event wait for it at most. When more wait and the next event comes it is at its end, and resumes with what it has. So even
 *     one that cannot keep up goes forward, and a snapshot of any size passes.
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
  /** What the feed said before the reader was ready to hear. */
  #early: (() => void)[] | undefined = []
  #cursor: string | undefined
  #stopped = false

  /** Follows the feed, but delivers nothing before {@link begin}. @throws SettingsError CURSOR_MALFORMED. */
  constructor(options: FactReaderOptions) {
    this.#options = options
    const { feed, since } = options
    this.#cursor = since ?? feed.cursor
    // Who comes before there is a state would miss what it begins with; and whatever the moment, nothing is missed or twice after a cursor.
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

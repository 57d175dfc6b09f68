import type { KytosEvent, Unsubscribe } from '../../../events/event.ts'
import type { Feed } from '../../../events/feed.ts'
import type { Visibility } from '../../../model/rights/visibility.ts'
import { visiblePart } from '../../../model/rights/visible-facts.ts'

/*
 * One remote reader of facts, over any transport.
 *
 * Invariants:
 *  1. It receives every wanted fact after its cursor once, in order, until it is stopped. The next reader
 *     resumes at its cursor, also if later facts were for other readers.
 *  2. At most MAX_UNSENT_BYTES and one event are queued. The next event then stops the reader, which resumes
 *     later. So a slow reader makes progress, and a snapshot of any size passes.
 *  3. A fact that its caller does not see moves the cursor and has no other effect, so that a reader is not
 *     stopped by it.
 */

/** Maximum number of queued bytes of a reader; its stream is ended at the next event. */
export const MAX_UNSENT_BYTES = 1_048_576

/** The cursor before everything. */
const START_CURSOR = '0'

export interface FactReaderOptions {
  readonly feed: Feed
  /** The cursor to resume after; now when undefined. */
  readonly since: string | undefined
  /** The facts that the caller sees. */
  readonly visibility: Visibility
  /** The event filtered for this reader; undefined if it is for others. */
  readonly filter: (event: KytosEvent) => KytosEvent | undefined
  /** Bytes of queued events. */
  readonly unsentBytes: () => number
  readonly send: (event: KytosEvent, cursor: string | undefined) => void
  /** Called once when the reader is too slow; no event follows. */
  readonly onTooSlow: () => void
}

/** The position of one reader in the facts, and its delivery. */
export class FactReader {
  readonly #options: FactReaderOptions
  readonly #unsubscribe: Unsubscribe
  /** Events before {@link start}. */
  #queued: (() => void)[] | undefined = []
  #cursor: string | undefined
  #stopped = false

  /** Follows the feed, but delivers nothing before {@link start}. @throws SettingsError CURSOR_MALFORMED. */
  constructor(options: FactReaderOptions) {
    this.#options = options
    const { feed, since } = options
    this.#cursor = since ?? feed.cursor
    // From the beginning without a state, so that a reader that connects before the first state misses
    // nothing.
    this.#unsubscribe = feed.follow(this.#cursor ?? START_CURSOR, (event, cursor) => {
      if (this.#queued) this.#queued.push(() => this.#push(event, cursor))
      else this.#push(event, cursor)
    })
  }

  /** The cursor of the reader; undefined without state. */
  get cursor(): string | undefined {
    return this.#cursor
  }

  /** Delivers the events received so far, then new ones. */
  start(): void {
    const queued = this.#queued ?? []
    this.#queued = undefined
    for (const push of queued) push()
  }

  stop(): void {
    this.#stopped = true
    this.#unsubscribe()
  }

  #push(event: KytosEvent, cursor: string | undefined): void {
    if (this.#stopped) return
    const { visibility, filter, unsentBytes, send, onTooSlow } = this.#options
    const visible = visiblePart(event, visibility)
    if (!visible) {
      this.#cursor = cursor ?? this.#cursor
      return
    }
    if (unsentBytes() > MAX_UNSENT_BYTES) {
      this.stop()
      onTooSlow()
      return
    }
    this.#cursor = cursor ?? this.#cursor
    const wanted = filter(visible)
    if (wanted) send(wanted, cursor)
  }
}

import type { Bus, KytosEvent, Unsubscribe } from '../../../events/event.ts'
import type { Feed } from '../../../events/feed.ts'
import { printJson } from '../../../model/json.ts'
import type { Visibility } from '../../../model/rights/visibility.ts'
import { toJson } from '../../../model/value.ts'
import { createPrinter, filterFact, printFact } from '../events/fact-output.ts'
import { FactReader, MAX_UNSENT_BYTES } from '../events/fact-reader.ts'
import { isFromFeed, type NameFilter, parseNames } from './bus-names.ts'

export interface BusSubscriptionOptions {
  readonly bus: Bus
  readonly feed: Feed
  readonly names: readonly string[]
  /** The namespaces whose facts are sent; all when empty. */
  readonly namespaces: ReadonlySet<string>
  readonly since: string | undefined
  /** The facts that the caller sees; `bus` shows it no other events. */
  readonly visibility: Visibility
  /** Bytes of queued events. */
  readonly unsentBytes: () => number
  /** Sends the frame of an event. */
  readonly send: (frame: Buffer) => void
  /** Called once when the reader is too slow; no event follows. */
  readonly onTooSlow: () => void
}

/** The frame of a fact; its bytes are shared by all readers. */
const printFactFrame = createPrinter((event, cursor) =>
  Buffer.from(`{"event":${printFact(event)}${cursor === undefined ? '' : `,"cursor":${printJson(cursor)}`}}`),
)
const printEventFrame = createPrinter(event => Buffer.from(printJson({ event: toJson(event) })))

/** The subscription of one connection: facts from its cursor on, other events from now on. */
export class BusSubscription {
  readonly names: readonly string[]
  readonly #options: BusSubscriptionOptions
  readonly #filter: NameFilter
  readonly #facts: FactReader
  #unsubscribe: Unsubscribe = () => {}
  #sentCursor: string | undefined

  /**
   * Sends nothing before {@link start}.
   * @throws SettingsError CONTENT_MALFORMED for a name, CURSOR_MALFORMED.
   */
  constructor(options: BusSubscriptionOptions) {
    const { feed, names, since, visibility, unsentBytes } = options
    this.names = names
    this.#options = options
    this.#filter = parseNames(names)
    this.#facts = new FactReader({
      feed,
      since,
      visibility,
      filter: event => this.#filterFact(event),
      unsentBytes,
      send: (event, cursor) => {
        this.recordSentCursor(cursor)
        options.send(printFactFrame(event, cursor))
      },
      onTooSlow: () => this.#stopTooSlow(),
    })
  }

  /** The cursor of the reader; undefined without state. */
  get cursor(): string | undefined {
    return this.#facts.cursor
  }

  /** The cursor of the reader if it was not sent yet. */
  get unsentCursor(): string | undefined {
    return this.cursor === this.#sentCursor ? undefined : this.cursor
  }

  /** Remembers that this cursor was sent. */
  recordSentCursor(cursor: string | undefined): void {
    this.#sentCursor = cursor ?? this.#sentCursor
  }

  start(): void {
    const { bus } = this.#options
    if (this.#filter.otherNames)
      this.#unsubscribe = bus.on(this.#filter.otherNames, event => this.#sendOtherEvent(event))
    this.#facts.start()
  }

  stop(): void {
    this.#facts.stop()
    this.#unsubscribe()
  }

  #filterFact(event: KytosEvent): KytosEvent | undefined {
    // A reader whose cursor is lost must receive the snapshot, whichever facts it subscribes to.
    const isWanted =
      event.name === 'settings.snapshot' ? this.#filter.includesFacts : this.#filter.matches(event.name)
    return isWanted ? filterFact(event, this.#options.namespaces) : undefined
  }

  /**
   * Sends an event from outside the feed; content without a JSON form throws, and the event becomes a dead
   * letter.
   */
  #sendOtherEvent(event: KytosEvent): void {
    if (isFromFeed(event.name) || !this.#filter.matches(event.name)) return
    if (this.#options.unsentBytes() > MAX_UNSENT_BYTES) this.#stopTooSlow()
    else this.#options.send(printEventFrame(event, undefined))
  }

  #stopTooSlow(): void {
    this.stop()
    this.#options.onTooSlow()
  }
}

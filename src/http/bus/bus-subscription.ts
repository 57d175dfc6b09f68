import type { Bus, KytosEvent, Unsubscribe } from '../../../events/event.ts'
import type { Feed } from '../../../events/feed.ts'
import { printJson } from '../../../model/json.ts'
import { toJson } from '../../../model/value.ts'
import { createPrinter, printFact } from '../events/event-text.ts'
import { filterFact } from '../events/fact-filter.ts'
import { FactReader, MAX_UNSENT } from '../events/fact-reader.ts'
import { isFromFeed, parseNames, type Wanted } from './bus-names.ts'

export interface BusSubscriptionOptions {
  readonly bus: Bus
  readonly feed: Feed
  readonly names: readonly string[]
  /** The namespaces whose facts are sent; all when empty. */
  readonly namespaces: ReadonlySet<string>
  readonly since: string | undefined
  /** Bytes of queued events. */
  readonly unsent: () => number
  /** Sends the frame of an event. */
  readonly say: (frame: Buffer) => void
  /** Called once when the reader is too slow; no event follows. */
  readonly tooSlow: () => void
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
  readonly #wanted: Wanted
  readonly #facts: FactReader
  #unsubscribe: Unsubscribe = () => {}
  #seenCursor: string | undefined

  /**
   * Sends nothing before {@link begin}.
   * @throws SettingsError CONTENT_MALFORMED for a name, CURSOR_MALFORMED.
   */
  constructor(options: BusSubscriptionOptions) {
    const { feed, names, since, unsent } = options
    this.names = names
    this.#options = options
    this.#wanted = parseNames(names)
    this.#facts = new FactReader({
      feed,
      since,
      wants: event => this.#filter(event),
      unsent,
      say: (event, cursor) => {
        this.sawCursor(cursor)
        options.say(printFactFrame(event, cursor))
      },
      tooSlow: () => this.#giveUp(),
    })
  }

  /** The cursor of the reader; undefined without state. */
  get cursor(): string | undefined {
    return this.#facts.cursor
  }

  /** The cursor of the reader if it was not sent yet. */
  get unseenCursor(): string | undefined {
    return this.cursor === this.#seenCursor ? undefined : this.cursor
  }

  /** Remembers that this cursor was sent. */
  sawCursor(cursor: string | undefined): void {
    this.#seenCursor = cursor ?? this.#seenCursor
  }

  begin(): void {
    const { bus } = this.#options
    if (this.#wanted.others) this.#unsubscribe = bus.on(this.#wanted.others, event => this.#pass(event))
    this.#facts.begin()
  }

  stop(): void {
    this.#facts.stop()
    this.#unsubscribe()
  }

  #filter(event: KytosEvent): KytosEvent | undefined {
    // A reader whose cursor is lost must receive the snapshot, whichever facts it subscribes to.
    const isWanted =
      event.name === 'settings.snapshot' ? this.#wanted.hearsFacts : this.#wanted.matches(event.name)
    return isWanted ? filterFact(event, this.#options.namespaces) : undefined
  }

  /**
   * Sends an event from outside the feed; content without a JSON form throws, and the event becomes a dead
   * letter.
   */
  #pass(event: KytosEvent): void {
    if (isFromFeed(event.name) || !this.#wanted.matches(event.name)) return
    if (this.#options.unsent() > MAX_UNSENT) this.#giveUp()
    else this.#options.say(printEventFrame(event, undefined))
  }

  #giveUp(): void {
    this.stop()
    this.#options.tooSlow()
  }
}

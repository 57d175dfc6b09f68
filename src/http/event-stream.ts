import type { ServerResponse } from 'node:http'
import type { KytosEvent, Unsubscribe } from '../../events/event.ts'
import type { Facts } from '../../events/map.ts'
import { printJson } from '../../model/json.ts'
import type { Json } from '../../model/value.ts'
import type { Feed } from '../feed.ts'

/*
 * One reader of Server-Sent Events.
 *
 * Invariants:
 *  1. It gets every fact after its cursor that its filter lets through, once, in order, up to the end of the stream; its last id is where the next stream
 *     must go on, also when the facts since then were for others.
 *  2. It holds MAX_UNSENT bytes and one event at most. A reader that has more unsent when the next event comes is cut off: it gets what is under way, then
 *     the end, and resumes by itself. So even one that cannot keep up goes forward, and a snapshot of any size passes.
 *  3. After a cut, one that takes nothing at all between two beats is dropped.
 */

/** How many bytes may wait for a reader before it is cut off. */
export const MAX_UNSENT = 1_048_576
/** Milliseconds after which a reader that lost its stream connects again. */
const RETRY = 1_000

/** The cursor before everything. */
const BEGINNING = '0'

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  'x-content-type-options': 'nosniff',
  // Else nginx keeps events back until its buffer is full.
  'x-accel-buffering': 'no',
}

/** A stream of facts to one reader. */
export class EventStream {
  readonly #response: ServerResponse
  readonly #namespaces: ReadonlySet<string>
  #unsubscribe: Unsubscribe = () => {}
  /** What the feed said before the headers were out. */
  #early: (() => void)[] | undefined = []
  #cursor: string | undefined
  #sentCursor: string | undefined
  #ended = false
  #unsentAtBeat = 0

  /** Facts of all namespaces when `namespaces` is empty. */
  constructor(response: ServerResponse, namespaces: ReadonlySet<string>) {
    this.#response = response
    this.#namespaces = namespaces
  }

  /** Follows the feed until the reader leaves or is cut off, then calls `left`. @throws SettingsError CURSOR_MALFORMED, before anything is sent. */
  open(feed: Feed, since: string | undefined, left: () => void): void {
    this.#cursor = since ?? feed.cursor
    // Who comes before there is a state would miss what it begins with.
    const unsubscribe = feed.follow(this.#cursor === undefined ? BEGINNING : since, (event, cursor) => {
      if (this.#early) this.#early.push(() => this.#push(event, cursor))
      else this.#push(event, cursor)
    })
    this.#unsubscribe = unsubscribe
    this.#response.once('close', () => {
      this.#stop()
      left()
    })
    this.#response.writeHead(200, HEADERS)
    this.#write(`retry: ${RETRY}\n${this.#idLine()}\n`)
    const early = this.#early ?? []
    this.#early = undefined
    for (const push of early) push()
  }

  /** Shows that the line is alive, and where the reader is; drops one that was cut off and takes nothing more. */
  beat(): void {
    const unsent = this.#response.writableLength
    if (this.#ended) {
      if (unsent >= this.#unsentAtBeat) this.#response.destroy()
    } else if (!this.#response.writableNeedDrain) {
      this.#write(`: alive\n${this.#idLine()}\n`)
    }
    this.#unsentAtBeat = unsent
  }

  /** Ends the stream once what is under way has been sent, saying why in a comment. */
  end(why: string): void {
    if (this.#ended) return
    this.#stop()
    // The first beat after this only looks.
    this.#unsentAtBeat = Number.POSITIVE_INFINITY
    this.#response.end(`: ${why}\n\n`)
  }

  #stop(): void {
    this.#ended = true
    this.#unsubscribe()
  }

  #push(event: KytosEvent, cursor: string | undefined): void {
    if (this.#ended) return
    if (this.#response.writableLength > MAX_UNSENT) {
      this.end(`READER_SLOW: more than ${MAX_UNSENT} bytes unsent; resume with Last-Event-ID`)
      return
    }
    this.#cursor = cursor ?? this.#cursor
    const seen = this.#filter(event)
    if (!seen) return
    // An event is plain JSON but for the type of its content, which is one of the facts.
    this.#write(`event: ${seen.name}\n${cursor === undefined ? '' : this.#idLine()}data: ${printJson(seen as unknown as Json)}\n\n`)
  }

  #filter(event: KytosEvent): KytosEvent | undefined {
    if (this.#namespaces.size === 0 || event.name === 'settings.state') return event
    if (event.name === 'settings.snapshot') return this.#filterSnapshot(event)
    // Every other fact has a namespace, or null.
    const { namespace } = event.content as { readonly namespace?: string | null }
    return typeof namespace === 'string' && this.#namespaces.has(namespace) ? event : undefined
  }

  #filterSnapshot(event: KytosEvent): KytosEvent {
    const content = event.content as Facts['settings.snapshot']
    const namespaces = Object.fromEntries(Object.entries(content.namespaces).filter(([namespace]) => this.#namespaces.has(namespace)))
    return { ...event, content: { ...content, namespaces } }
  }

  #idLine(): string {
    if (this.#cursor === undefined || this.#cursor === this.#sentCursor) return ''
    this.#sentCursor = this.#cursor
    return `id: ${this.#cursor}\n`
  }

  #write(text: string): void {
    this.#response.write(text)
  }
}

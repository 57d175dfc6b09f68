import type { ServerResponse } from 'node:http'
import type { KytosEvent } from '../../../events/event.ts'
import type { Feed } from '../../../events/feed.ts'
import type { Visibility } from '../../../model/rights/visibility.ts'
import { createPrinter, filterFact, printFact } from './fact-output.ts'
import { FactReader, MAX_UNSENT_BYTES } from './fact-reader.ts'

/*
 * One reader of Server-Sent Events.
 *
 * Invariants:
 *  1. It receives the facts of fact-reader.ts; its last id is the cursor for the next stream. An ended reader
 *     gets the queued events, then the end, and resumes by itself.
 *  2. After the end, a reader that reads nothing between two beats is dropped.
 */

/** Milliseconds after which a reader reconnects. */
const RECONNECT_MS = 1_000

const RESPONSE_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  'x-content-type-options': 'nosniff',
  // Without it nginx holds events back until its buffer is full.
  'x-accel-buffering': 'no',
}

const printOnce = createPrinter(printFact)

/** A stream of facts to one reader. */
export class EventStream {
  readonly #response: ServerResponse
  readonly #namespaces: ReadonlySet<string>
  #reader: FactReader | undefined
  #sentCursor: string | undefined
  #ended = false
  #unsentAtBeat = 0

  /** Facts of all namespaces when `namespaces` is empty. */
  constructor(response: ServerResponse, namespaces: ReadonlySet<string>) {
    this.#response = response
    this.#namespaces = namespaces
  }

  /**
   * Follows the feed until the reader disconnects or is ended, then calls `left`.
   * @throws SettingsError CURSOR_MALFORMED, before anything is sent.
   */
  open(
    { feed, visibility }: { readonly feed: Feed; readonly visibility: Visibility },
    since: string | undefined,
    onClose: () => void,
  ): void {
    const reader = new FactReader({
      feed,
      since,
      visibility,
      filter: event => filterFact(event, this.#namespaces),
      unsentBytes: () => this.#response.writableLength,
      send: (event, cursor) => this.#send(event, cursor),
      onTooSlow: () =>
        this.end(`READER_SLOW: more than ${MAX_UNSENT_BYTES} bytes unsent; resume with Last-Event-ID`),
    })
    this.#reader = reader
    this.#response.once('close', () => {
      this.#stop()
      onClose()
    })
    this.#response.writeHead(200, RESPONSE_HEADERS)
    this.#response.write(`retry: ${RECONNECT_MS}\n${this.#idLine()}\n`)
    reader.start()
  }

  /** Sends a heartbeat and the cursor; drops an ended stream whose reader reads nothing more. */
  beat(): void {
    const unsent = this.#response.writableLength
    if (this.#ended) {
      if (unsent >= this.#unsentAtBeat) this.#response.destroy()
    } else if (!this.#response.writableNeedDrain) {
      this.#response.write(`: alive\n${this.#idLine()}\n`)
    }
    this.#unsentAtBeat = unsent
  }

  /** Ends the stream after its queued events, with the reason as a comment. */
  end(reason: string): void {
    if (this.#ended) return
    this.#stop()
    // The first beat after this only records the queue.
    this.#unsentAtBeat = Number.POSITIVE_INFINITY
    this.#response.end(`: ${reason}\n\n`)
  }

  #stop(): void {
    this.#ended = true
    this.#reader?.stop()
  }

  #send(event: KytosEvent, cursor: string | undefined): void {
    this.#response.write(
      `event: ${event.name}\n${cursor === undefined ? '' : this.#idLine()}data: ${printOnce(event, cursor)}\n\n`,
    )
  }

  #idLine(): string {
    const cursor = this.#reader?.cursor
    if (cursor === undefined || cursor === this.#sentCursor) return ''
    this.#sentCursor = cursor
    return `id: ${cursor}\n`
  }
}

import { randomUUID } from 'node:crypto'
import type { KytosEvent, Unsubscribe } from '../events/event.ts'
import type { Facts } from '../events/map.ts'
import type { JsonObject } from '../model/value.ts'
import { type Cursor, compareCursors, parseCursor, printCursor } from './watcher/cursor.ts'

/** Facts for readers that resume: the recent ones are kept, so that nobody who was briefly away loses or repeats one. */
export interface Feed {
  /** The cursor of the newest fact that was said, or of the state at start; undefined before there is a state. */
  readonly cursor: string | undefined
  /**
   * Gives every fact after `since` (exclusive; undefined: from now), first the kept ones (`origin: "replay"`), then live ones as they are said, in order.
   * When `since` can no longer be served the reader first gets one `settings.snapshot`; one with a `since` who comes before there is a state gets it then, and
   * until then what has no cursor. `push` must not throw and must not wait.
   * @throws SettingsError CURSOR_MALFORMED.
   */
  follow(since: string | undefined, push: Push): Unsubscribe
}

export type Push = (event: KytosEvent, cursor: string | undefined) => void

/** What a snapshot is made of. */
export interface FeedSource {
  readonly epoch: number
  readonly revision: bigint
  namespaces(): Readonly<Record<string, { readonly data: JsonObject; readonly revision: string }>>
}

export interface WritableFeed extends Feed {
  /** The state is loaded: from here on nothing is missed. */
  begin(): void
  /** Takes a fact that was just said; `weight` is its size in bytes, roughly. */
  add(event: KytosEvent, weight: number): void
}

interface Kept {
  readonly event: KytosEvent
  readonly cursor: Cursor
  readonly weight: number
}

interface Reader {
  readonly push: Push
  /** Only what is after this; undefined for everything. */
  from: Cursor | undefined
}

const KEPT_FACTS = 10_000
const KEPT_BYTES = 32 * 1024 * 1024
/** What a fact weighs at least, and how often a document stands in it (before, after, changes). */
const WEIGHT = 1_000
const COPIES = 3
/** Above every `n` of one revision. */
const LAST = 999_999_999

/**
 * Keeps the newest facts, at most 10,000 and about 32 MiB.
 *
 * Invariants: every fact after `#floor` that has a cursor is kept, in the order it was said. A resync raises the floor beyond itself: it is the difference to
 * what this controller knew, which only those who listen to it at that moment know, too. Whoever resumes from before it, or from within its revision, may have
 * heard the steps themselves elsewhere, from the process before this one perhaps, and gets a snapshot.
 */
export function createFeed(source: FeedSource): WritableFeed {
  return new RecentFacts(source)
}

class RecentFacts implements WritableFeed {
  readonly #source: FeedSource
  readonly #readers = new Set<Reader>()
  #kept: Kept[] = []
  #bytes = 0
  #floor: Cursor | undefined
  #begun = false

  constructor(source: FeedSource) {
    this.#source = source
  }

  get cursor(): string | undefined {
    return this.#begun ? printCursor(this.#newest()) : undefined
  }

  begin(): void {
    this.#floor ??= this.#now()
    this.#begun = true
    for (const reader of this.#readers) this.#catchUp(reader)
  }

  add(event: KytosEvent, size: number): void {
    const cursor = cursorOf(event)
    if (cursor && isResync(event)) this.#startOver(cursor)
    else if (cursor) {
      const weight = WEIGHT + COPIES * size
      this.#floor ??= before(cursor)
      this.#kept.push({ event, cursor, weight })
      this.#bytes += weight
      this.#forget()
    }
    for (const reader of this.#readers) {
      // Who resumes before there is a state is told all of it at once; who was ahead of this controller must not hear again what it knows.
      const isNews = !cursor || !reader.from || (this.#begun && compareCursors(cursor, reader.from) > 0)
      if (isNews) reader.push(event, cursor && printCursor(cursor))
    }
  }

  follow(since: string | undefined, push: Push): Unsubscribe {
    const reader: Reader = { push, from: since === undefined ? undefined : parseCursor(since) }
    if (this.#begun) this.#catchUp(reader)
    this.#readers.add(reader)
    return () => this.#readers.delete(reader)
  }

  /** Gives a reader what was said after its cursor, or a snapshot, which moves the cursor. */
  #catchUp(reader: Reader): void {
    const { from, push } = reader
    if (!from) return
    if (!this.#floor || compareCursors(from, this.#floor) < 0 || from.epoch > this.#source.epoch) {
      reader.from = this.#newest()
      const cursor = printCursor(reader.from)
      push(this.#snapshot(cursor), cursor)
      return
    }
    for (const { event, cursor } of this.#kept) {
      if (compareCursors(cursor, from) > 0) push(asReplay(event), printCursor(cursor))
    }
  }

  #startOver({ epoch, revision }: Cursor): void {
    this.#kept = []
    this.#bytes = 0
    this.#floor = { epoch, revision, n: LAST }
  }

  #newest(): Cursor {
    return this.#kept.at(-1)?.cursor ?? this.#now()
  }

  #snapshot(cursor: string): KytosEvent<Facts['settings.snapshot']> {
    const { epoch, revision } = this.#source
    const content = { namespaces: this.#source.namespaces(), revision: revision.toString(), epoch, cursor }
    return { id: randomUUID(), name: 'settings.snapshot', content, timestamp: new Date().toISOString(), priority: 0, reinjections: 0 }
  }

  /** After everything of the revision that is loaded. */
  #now(): Cursor {
    return { epoch: this.#source.epoch, revision: this.#source.revision, n: LAST }
  }

  #forget(): void {
    let gone = 0
    while (this.#kept.length - gone > KEPT_FACTS || (this.#bytes > KEPT_BYTES && this.#kept.length - gone > 1)) {
      this.#bytes -= this.#kept[gone]?.weight ?? 0
      gone++
    }
    // In large steps, so that forgetting costs little per fact.
    if (gone === 0) return
    const slack = Math.floor((this.#kept.length - gone) / 10)
    for (const kept of this.#kept.slice(gone, gone + slack)) this.#bytes -= kept.weight
    this.#floor = this.#kept[gone + slack - 1]?.cursor ?? this.#floor
    this.#kept = this.#kept.slice(gone + slack)
  }
}

function cursorOf(event: KytosEvent): Cursor | undefined {
  const content = event.content
  const cursor = typeof content === 'object' && content !== null && 'cursor' in content ? content.cursor : undefined
  return typeof cursor === 'string' ? parseCursor(cursor) : undefined
}

function isResync({ content }: KytosEvent): boolean {
  return typeof content === 'object' && content !== null && 'origin' in content && content.origin === 'resync'
}

function asReplay(event: KytosEvent): KytosEvent {
  // Only facts with a cursor are kept, and their content is an object.
  return { ...event, content: { ...(event.content as object), origin: 'replay' } }
}

/** Just before a cursor. */
function before(cursor: Cursor): Cursor {
  return { ...cursor, n: Math.max(0, cursor.n - 1) }
}

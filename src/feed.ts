import { randomUUID } from 'node:crypto'
import type { KytosEvent, Unsubscribe } from '../events/event.ts'
import type { Facts } from '../events/map.ts'
import type { JsonObject } from '../model/value.ts'
import { type Cursor, compareCursors, parseCursor, printCursor } from './watcher/cursor.ts'

/** Facts for readers that resume: the recent ones are kept, so that nobody who was briefly away loses or repeats one. */
export interface Feed {
  /** The cursor of the newest fact that was said, or of the state at start. */
  readonly cursor: string
  /**
   * Gives every fact after `since` (exclusive; undefined: from now), first the kept ones (`origin: "replay"`), then live ones as they are said, in order.
   * When `since` can no longer be served the reader first gets one `settings.snapshot`. `push` must not throw and must not wait.
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
 * Invariant: every fact after `#floor` that has a cursor is kept, in the order it was said.
 */
export function createFeed(source: FeedSource): WritableFeed {
  return new RecentFacts(source)
}

class RecentFacts implements WritableFeed {
  readonly #source: FeedSource
  readonly #readers = new Set<Push>()
  #kept: Kept[] = []
  #bytes = 0
  #floor: Cursor | undefined

  constructor(source: FeedSource) {
    this.#source = source
  }

  get cursor(): string {
    return printCursor(this.#kept.at(-1)?.cursor ?? this.#now())
  }

  begin(): void {
    this.#floor ??= this.#now()
  }

  add(event: KytosEvent, size: number): void {
    const cursor = cursorOf(event)
    if (cursor) {
      const weight = WEIGHT + COPIES * size
      this.#floor ??= before(cursor)
      this.#kept.push({ event, cursor, weight })
      this.#bytes += weight
      this.#forget()
    }
    for (const push of this.#readers) push(event, cursor && printCursor(cursor))
  }

  follow(since: string | undefined, push: Push): Unsubscribe {
    const from = since === undefined ? undefined : this.#replay(parseCursor(since), push)
    // A reader that was ahead of this controller must not hear again what it knows.
    const skip: Push = (event, cursor) => {
      if (!from || cursor === undefined || compareCursors(parseCursor(cursor), from) > 0) push(event, cursor)
    }
    this.#readers.add(skip)
    return () => this.#readers.delete(skip)
  }

  /** Gives what was said after a cursor, or a snapshot, and answers the cursor that live facts have to be after. */
  #replay(from: Cursor, push: Push): Cursor {
    if (!this.#floor || compareCursors(from, this.#floor) < 0 || from.epoch > this.#source.epoch) {
      const { cursor } = this
      push(this.#snapshot(cursor), cursor)
      return parseCursor(cursor)
    }
    for (const { event, cursor } of this.#kept) {
      if (compareCursors(cursor, from) > 0) push(asReplay(event), printCursor(cursor))
    }
    return from
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

function asReplay(event: KytosEvent): KytosEvent {
  // Only facts with a cursor are kept, and their content is an object.
  return { ...event, content: { ...(event.content as object), origin: 'replay' } }
}

/** Just before a cursor. */
function before(cursor: Cursor): Cursor {
  return { ...cursor, n: Math.max(0, cursor.n - 1) }
}

import { randomUUID } from 'node:crypto'
import {
  type Cursor,
  compareCursors,
  isWithinDifference,
  parseCursor,
  printCursor,
  START,
  WHOLE,
} from '../model/cursor.ts'
import type { JsonObject } from '../model/value.ts'
import type { KytosEvent, Unsubscribe } from './event.ts'
import type { Facts } from './map.ts'

/**
 * Facts for readers that resume: the recent ones are kept, so that nobody who was briefly away loses or
 * repeats one.
 */
export interface Feed {
  /**
   * The cursor of the newest fact that was said, or of the state at start; undefined before there is a state.
   */
  readonly cursor: string | undefined
  /**
   * Gives every fact after `since` (exclusive; undefined: from now), first the kept ones (`origin:
   * "replay"`), then live ones as they are said, in order. When `since` can no longer be served the reader
   * first gets one `settings.snapshot`. One that is ahead of this controller, or comes before there is a
   * state, waits for it, and until then gets what has no cursor. `push` must not throw and must not wait.
   * @throws SettingsError CURSOR_MALFORMED.
   */
  follow(since: string | undefined, push: Push): Unsubscribe
}

export type Push = (event: KytosEvent, cursor: string | undefined) => void

/** The state that the facts lead to. */
export interface FeedSource {
  /** Where the state is, all of whose facts were said. */
  readonly epoch: number
  readonly revision: bigint
  /** True while {@link namespaces} shows what is about to be said. */
  readonly announcing?: boolean
  /**
   * Where the store itself is now, by a read that sees all that was ever announced; absent where there is no
   * store to ask.
   */
  storePosition?(): Promise<{ readonly epoch: number; readonly revision: bigint }>
  /** The settings as the facts up to now have told them. */
  namespaces(): Readonly<Record<string, { readonly data: JsonObject; readonly revision: string }>>
}

export interface WritableFeed extends Feed {
  /** The state is loaded: from here on nothing is missed. */
  begin(): void
  /** Takes a fact that was just said; `weight` is its size in bytes, roughly. */
  add(event: KytosEvent, weight: number): void
  /**
   * The state is where the facts lead, all of which were said; not `bySteps` when revisions of the store were
   * passed over, also if they left no difference.
   */
  advanced(bySteps: boolean): void
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
  /** It is not where the state is, and is told no fact with a cursor meanwhile. */
  waits: boolean
  /** How often the store itself was found not to have come to its cursor; undefined once it has. */
  doubts: number | undefined
}

const KEPT_FACTS = 10_000
const KEPT_BYTES = 32 * 1024 * 1024
/** What a fact weighs at least, and how often a document stands in it (before, after, changes). */
const WEIGHT = 1_000
const COPIES = 3
/**
 * Milliseconds between two looks at the store for readers that wait, and how many of them it takes to give a
 * cursor up.
 */
const PATIENCE_MS = 5_000
const DOUBTS = 2

/**
 * Keeps the newest facts, at most 10,000 and about 32 MiB.
 *
 * Invariant: what a reader was told equals, at every cursor, the state as of that cursor, wherever it was
 * told the facts before it. Therefore:
 *  1. Every fact after `#floor` that has a cursor is kept, in the order it was said, and each is a step from
 *     the state before it.
 *  2. A difference (`origin: "resync"`) is no step: it leads from a state that this controller had, and
 *     passes over revisions of which others told. Only readers that were told that state, and nothing later,
 *     hear it. It raises the floor to its end, even when it turned out empty: what came and went in between
 *     may have been told elsewhere.
 *  3. A reader ahead of the state waits, holding nothing. When the state comes to its cursor by steps it goes
 *     on after it; when a difference leads beyond it, it gets a snapshot. A cursor of an epoch that is not
 *     known yet is ahead; one of a former epoch is behind.
 *  4. A cursor within a difference names no state: whoever stopped there gets a snapshot, once the state is
 *     at the end of its revision or later.
 *  5. A snapshot is made only while nothing is about to be said, and its cursor is not before the reader's,
 *     unless that is none of this store's: nobody waits for what cannot come.
 */
export function createFeed(source: FeedSource, patience = PATIENCE_MS): WritableFeed {
  return new RecentFacts(source, patience)
}

class RecentFacts implements WritableFeed {
  readonly #source: FeedSource
  readonly #patience: number
  readonly #readers = new Set<Reader>()
  #kept: Kept[] = []
  #bytes = 0
  #floor: Cursor | undefined
  /** Where the state was when it was last known to be settled. */
  #place: Cursor | undefined
  #begun = false
  #timer: NodeJS.Timeout | undefined
  /** The newest snapshot; readers that need one at the same place share it. */
  #snapshot: KytosEvent<Facts['settings.snapshot']> | undefined

  constructor(source: FeedSource, patience: number) {
    this.#source = source
    this.#patience = patience
  }

  get cursor(): string | undefined {
    return this.#begun ? printCursor(this.#newest()) : undefined
  }

  begin(): void {
    this.#begun = true
    this.#place = this.#now()
    this.#floor ??= this.#place
    this.#admit()
  }

  add(event: KytosEvent, size: number): void {
    const cursor = cursorOf(event)
    const isStep = cursor !== undefined && !isResync(event)
    const reached = this.#begun ? this.#reached() : undefined
    this.#snapshot = undefined
    if (isStep) {
      const weight = WEIGHT + COPIES * size
      this.#floor ??= before(cursor)
      this.#kept.push({ event, cursor, weight })
      this.#bytes += weight
      this.#forget()
    }
    for (const reader of this.#readers) {
      if (isStep && reached && reader.waits && leadsOn(reader.from, reached, cursor)) reader.waits = false
      const isNews = !cursor || (!reader.waits && (!reader.from || compareCursors(cursor, reader.from) > 0))
      if (isNews) reader.push(event, cursor && printCursor(cursor))
    }
  }

  advanced(bySteps: boolean): void {
    const place = this.#now()
    const isElsewhere = !this.#place || compareCursors(this.#place, place) !== 0
    this.#place = place
    this.#snapshot = undefined
    if (!bySteps && isElsewhere) this.#startOver(place)
    this.#admit()
  }

  follow(since: string | undefined, push: Push): Unsubscribe {
    const from = since === undefined ? undefined : parseCursor(since)
    const reader: Reader = { push, from, waits: from !== undefined, doubts: 0 }
    if (this.#begun && !this.#source.announcing) this.#catchUp(reader)
    this.#readers.add(reader)
    if (reader.waits) this.#doubt()
    return () => this.#readers.delete(reader)
  }

  /** Lets those go on who waited for the state that is there now. */
  #admit(): void {
    if (!this.#begun || this.#source.announcing) return
    for (const reader of this.#readers) if (reader.waits) this.#catchUp(reader)
  }

  /**
   * Has the cursors of those who wait looked at after a while, and again until the store has come to each.
   */
  #doubt(): void {
    const isDue = this.#source.storePosition && [...this.#readers].some(isDoubted)
    if (this.#timer || !isDue) return
    this.#timer = setTimeout(() => {
      this.#look()
        // The store cannot be asked now.
        .catch(() => {})
        .finally(() => {
          this.#timer = undefined
          this.#doubt()
        })
    }, this.#patience)
    this.#timer.unref()
  }

  /**
   * A cursor that the store itself has not come to, although the reader had it before the store was asked, is
   * of another store, or of a history that was taken back: it counts as none. Asked twice, for a store that
   * was put back gets a new epoch soon.
   */
  async #look(): Promise<void> {
    const asked = [...this.#readers].filter(isDoubted)
    const place = await this.#source.storePosition?.()
    if (!place || place.epoch === 0) return
    for (const reader of asked) {
      const isBeyond = reader.from && compareCursors(reader.from, { ...place, n: WHOLE }) > 0
      reader.doubts = isBeyond ? (reader.doubts ?? 0) + 1 : undefined
      if (reader.waits && reader.doubts === DOUBTS) reader.from = START
    }
    this.#admit()
  }

  /**
   * Gives a reader what was said after its cursor, or a snapshot, which moves the cursor; nothing yet while
   * it is ahead.
   */
  #catchUp(reader: Reader): void {
    const { from, push } = reader
    if (!from || !this.#floor || compareCursors(from, this.#reached()) > 0) return
    reader.waits = false
    if (compareCursors(from, this.#floor) < 0 || isWithinDifference(from)) {
      const newest = this.#newest()
      reader.from = compareCursors(newest, from) < 0 ? this.#reached() : newest
      const cursor = printCursor(reader.from)
      push(this.#snapshotAt(cursor), cursor)
      return
    }
    for (const { event, cursor } of this.#kept) {
      if (compareCursors(cursor, from) > 0) push(asReplay(event), printCursor(cursor))
    }
  }

  /** Nothing that was kept leads to the state that is there now. */
  #startOver(place: Cursor): void {
    this.#kept = []
    this.#bytes = 0
    this.#floor = place
  }

  #newest(): Cursor {
    return this.#kept.at(-1)?.cursor ?? this.#place ?? this.#now()
  }

  /** Everything up to here was said. */
  #reached(): Cursor {
    const newest = this.#newest()
    return this.#place && compareCursors(this.#place, newest) > 0 ? this.#place : newest
  }

  #snapshotAt(cursor: string): KytosEvent<Facts['settings.snapshot']> {
    if (this.#snapshot?.content.cursor === cursor) return this.#snapshot
    const { epoch, revision } = parseCursor(cursor)
    const content = { namespaces: this.#source.namespaces(), revision: revision.toString(), epoch, cursor }
    this.#snapshot = {
      id: randomUUID(),
      name: 'settings.snapshot',
      content,
      timestamp: new Date().toISOString(),
      priority: 0,
      reinjections: 0,
    }
    return this.#snapshot
  }

  /** After everything of the revision that is loaded. */
  #now(): Cursor {
    return { epoch: this.#source.epoch, revision: this.#source.revision, n: WHOLE }
  }

  #forget(): void {
    let gone = 0
    while (
      this.#kept.length - gone > KEPT_FACTS ||
      (this.#bytes > KEPT_BYTES && this.#kept.length - gone > 1)
    ) {
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
  const cursor =
    typeof content === 'object' && content !== null && 'cursor' in content ? content.cursor : undefined
  return typeof cursor === 'string' ? parseCursor(cursor) : undefined
}

function isResync({ content }: KytosEvent): boolean {
  return typeof content === 'object' && content !== null && 'origin' in content && content.origin === 'resync'
}

/** True for a reader that waits with a cursor of which it is not known that the store has come to it. */
function isDoubted({ waits, doubts }: Reader): boolean {
  return waits && doubts !== undefined
}

/**
 * True for a reader that is where everything up to now leads, or ahead of it, but not of this step: the step
 * goes on from what the reader knows.
 */
function leadsOn(from: Cursor | undefined, reached: Cursor, step: Cursor): boolean {
  if (!from || isWithinDifference(from)) return false
  return compareCursors(from, reached) >= 0 && compareCursors(step, from) > 0
}

function asReplay(event: KytosEvent): KytosEvent {
  // Only facts with a cursor are kept, and their content is an object.
  return { ...event, content: { ...(event.content as object), origin: 'replay' } }
}

/** Just before a cursor. */
function before(cursor: Cursor): Cursor {
  return { ...cursor, n: Math.max(0, cursor.n - 1) }
}

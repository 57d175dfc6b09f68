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
import type { KytosEvent, Unsubscribe } from './event.ts'
import { cursorOf, FactBuffer } from './fact-buffer.ts'
import type { FeedSource, Push, WritableFeed } from './feed.ts'
import type { Facts } from './map.ts'

interface Reader {
  readonly push: Push
  /** The reader receives only facts after this cursor; undefined for all facts. */
  from: Cursor | undefined
  /** True while the reader is ahead of the state; it then receives no fact with a cursor. */
  isWaiting: boolean
  /** How often the store was found to be before the reader's cursor; undefined once it has reached it. */
  doubts: number | undefined
}

/** The interval between two reads of the store's position for waiting readers. */
const STORE_CHECK_MS = 5_000
/** The number of reads that find a cursor ahead of the store until the cursor is discarded. */
const MAX_DOUBTS = 2

/**
 * A feed that buffers the newest facts.
 *
 * Invariant: the facts that a reader received equal, at every cursor, the state as of that cursor, from
 * whichever controller it received the facts before it. Therefore:
 *  1. Every fact after the floor of the buffer that has a cursor is buffered, in the order of publication,
 *     and each is a step from the state before it.
 *  2. A difference (`origin: "resync"`) is no step: it leads from a state that this controller had, and skips
 *     revisions that other controllers announced. Only readers that received that state, and nothing later,
 *     receive it. It raises the floor to its end, even when it is empty, because other controllers may have
 *     announced changes in between.
 *  3. A reader ahead of the state waits; nothing is held for it. When the state reaches its cursor by steps,
 *     the reader resumes after it. When a difference leads beyond it, the reader receives a snapshot. A
 *     cursor of an unknown later epoch is ahead; one of an earlier epoch is behind.
 *  4. A cursor within a difference names no state. A reader that stopped there receives a snapshot, once the
 *     state is at the end of its revision or later.
 *  5. A snapshot is made only while no fact is about to be published. Its cursor is not before the reader's,
 *     unless the reader's is not of this store, because such a cursor is never reached.
 */
export function createFeed(source: FeedSource, storeCheckMs = STORE_CHECK_MS): WritableFeed {
  return new BufferedFeed(source, storeCheckMs)
}

class BufferedFeed implements WritableFeed {
  readonly #source: FeedSource
  readonly #storeCheckMs: number
  readonly #readers = new Set<Reader>()
  readonly #buffer = new FactBuffer()
  /** The last known position of the state at which no fact was about to be published. */
  #settledAt: Cursor | undefined
  #hasBegun = false
  #timer: NodeJS.Timeout | undefined
  /** The newest snapshot, shared by readers that need one at the same cursor. */
  #snapshot: KytosEvent<Facts['settings.snapshot']> | undefined

  constructor(source: FeedSource, storeCheckMs: number) {
    this.#source = source
    this.#storeCheckMs = storeCheckMs
  }

  get cursor(): string | undefined {
    return this.#hasBegun ? printCursor(this.#newest()) : undefined
  }

  begin(): void {
    this.#hasBegun = true
    this.#settledAt = this.#statePosition()
    this.#buffer.begin(this.#settledAt)
    this.#resumeWaiting()
  }

  add(event: KytosEvent, size: number): void {
    const cursor = cursorOf(event)
    const isStep = cursor !== undefined && !isResync(event)
    const reached = this.#hasBegun ? this.#reached() : undefined
    this.#snapshot = undefined
    if (isStep) this.#buffer.add(event, cursor, size)
    for (const reader of this.#readers) {
      if (isStep && reached && reader.isWaiting && continues(reader.from, reached, cursor))
        reader.isWaiting = false
      const isNew =
        !cursor || (!reader.isWaiting && (!reader.from || compareCursors(cursor, reader.from) > 0))
      if (isNew) reader.push(event, cursor && printCursor(cursor))
    }
  }

  advanced(bySteps: boolean): void {
    const position = this.#statePosition()
    const hasMoved = !this.#settledAt || compareCursors(this.#settledAt, position) !== 0
    this.#settledAt = position
    this.#snapshot = undefined
    if (!bySteps && hasMoved) this.#buffer.startOver(position)
    this.#resumeWaiting()
  }

  follow(since: string | undefined, push: Push): Unsubscribe {
    const from = since === undefined ? undefined : parseCursor(since)
    const reader: Reader = { push, from, isWaiting: from !== undefined, doubts: 0 }
    if (this.#hasBegun && !this.#source.announcing) this.#catchUp(reader)
    this.#readers.add(reader)
    if (reader.isWaiting) this.#scheduleStoreCheck()
    return () => this.#readers.delete(reader)
  }

  /** Resumes the waiting readers whose cursor the state has reached. */
  #resumeWaiting(): void {
    if (!this.#hasBegun || this.#source.announcing) return
    for (const reader of this.#readers) if (reader.isWaiting) this.#catchUp(reader)
  }

  /** Checks the cursors of waiting readers against the store at intervals, until it has reached each. */
  #scheduleStoreCheck(): void {
    const isDue = this.#source.storePosition && [...this.#readers].some(isDoubted)
    if (this.#timer || !isDue) return
    this.#timer = setTimeout(() => {
      this.#checkStore()
        // The store is unavailable; the next check retries.
        .catch(() => {})
        .finally(() => {
          this.#timer = undefined
          this.#scheduleStoreCheck()
        })
    }, this.#storeCheckMs)
    this.#timer.unref()
  }

  /**
   * Discards the cursors that the store has not reached although the readers had them before the store was
   * read. Such a cursor is of another store, or of a history that was rewound. The store is read twice,
   * because a store that was restored receives a new epoch soon.
   */
  async #checkStore(): Promise<void> {
    const doubted = [...this.#readers].filter(isDoubted)
    const position = await this.#source.storePosition?.()
    if (!position || position.epoch === 0) return
    for (const reader of doubted) {
      const isBeyond = reader.from && compareCursors(reader.from, { ...position, n: WHOLE }) > 0
      reader.doubts = isBeyond ? (reader.doubts ?? 0) + 1 : undefined
      if (reader.isWaiting && reader.doubts === MAX_DOUBTS) reader.from = START
    }
    this.#resumeWaiting()
  }

  /**
   * Pushes the facts after the reader's cursor, or a snapshot, which moves the cursor; nothing while the
   * reader is ahead.
   */
  #catchUp(reader: Reader): void {
    const { from, push } = reader
    const { floor } = this.#buffer
    if (!from || !floor || compareCursors(from, this.#reached()) > 0) return
    reader.isWaiting = false
    if (compareCursors(from, floor) < 0 || isWithinDifference(from)) {
      const newest = this.#newest()
      reader.from = compareCursors(newest, from) < 0 ? this.#reached() : newest
      const cursor = printCursor(reader.from)
      push(this.#snapshotAt(cursor), cursor)
      return
    }
    for (const { event, cursor } of this.#buffer.after(from)) push(asReplay(event), printCursor(cursor))
  }

  #newest(): Cursor {
    return this.#buffer.newest ?? this.#settledAt ?? this.#statePosition()
  }

  /** The cursor up to which everything was published. */
  #reached(): Cursor {
    const newest = this.#newest()
    return this.#settledAt && compareCursors(this.#settledAt, newest) > 0 ? this.#settledAt : newest
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

  /** The cursor after everything in the loaded revision. */
  #statePosition(): Cursor {
    return { epoch: this.#source.epoch, revision: this.#source.revision, n: WHOLE }
  }
}

function isResync({ content }: KytosEvent): boolean {
  return typeof content === 'object' && content !== null && 'origin' in content && content.origin === 'resync'
}

/** True for a waiting reader whose cursor the store is not known to have reached. */
function isDoubted({ isWaiting, doubts }: Reader): boolean {
  return isWaiting && doubts !== undefined
}

/**
 * True for a reader at the reached cursor, or ahead of it but before this step: the step continues from the
 * state of the reader.
 */
function continues(from: Cursor | undefined, reached: Cursor, step: Cursor): boolean {
  if (!from || isWithinDifference(from)) return false
  return compareCursors(from, reached) >= 0 && compareCursors(step, from) > 0
}

function asReplay(event: KytosEvent): KytosEvent {
  // Only facts with a cursor are buffered, and their content is an object.
  return { ...event, content: { ...(event.content as object), origin: 'replay' } }
}

import { type Cursor, compareCursors, parseCursor } from '../model/cursor.ts'
import type { KytosEvent } from './event.ts'

/** A fact that is one step from the state before it. */
export interface BufferedFact {
  readonly event: KytosEvent
  readonly cursor: Cursor
}

interface WeightedFact extends BufferedFact {
  readonly weight: number
}

const MAX_FACTS = 10_000
const MAX_BYTES = 32 * 1024 * 1024
/** The least weight of a fact, in bytes. */
const MIN_FACT_BYTES = 1_000
/** How often a fact contains its document: before, after, changes. */
const DOCUMENT_COPIES = 3

/**
 * The newest facts with a cursor, at most 10,000 and about 32 MiB.
 *
 * Invariant: every fact after `floor` is in the buffer, in order, each a step from the state before it.
 */
export class FactBuffer {
  #facts: WeightedFact[] = []
  #bytes = 0
  #floor: Cursor | undefined

  /** The cursor after which all facts are in the buffer; undefined before the first state. */
  get floor(): Cursor | undefined {
    return this.#floor
  }

  /** The cursor of the newest fact; undefined when the buffer is empty. */
  get newest(): Cursor | undefined {
    return this.#facts.at(-1)?.cursor
  }

  /** Sets the floor of a buffer that has none yet. */
  begin(floor: Cursor): void {
    this.#floor ??= floor
  }

  /** Adds a step; `size` is the length of the document in it, in characters. */
  add(event: KytosEvent, cursor: Cursor, size: number): void {
    const weight = MIN_FACT_BYTES + DOCUMENT_COPIES * size
    this.#floor ??= before(cursor)
    this.#facts.push({ event, cursor, weight })
    this.#bytes += weight
    this.#dropOldest()
  }

  /** Drops all facts, because none of them leads to the state at this floor. */
  startOver(floor: Cursor): void {
    this.#facts = []
    this.#bytes = 0
    this.#floor = floor
  }

  /** The facts after a cursor, in order. */
  after(cursor: Cursor): readonly BufferedFact[] {
    return this.#facts.filter(fact => compareCursors(fact.cursor, cursor) > 0)
  }

  #dropOldest(): void {
    let dropped = 0
    while (
      this.#facts.length - dropped > MAX_FACTS ||
      (this.#bytes > MAX_BYTES && this.#facts.length - dropped > 1)
    ) {
      this.#bytes -= this.#facts[dropped]?.weight ?? 0
      dropped++
    }
    if (dropped === 0) return
    // A tenth more than necessary, so that the array is copied seldom.
    const slack = Math.floor((this.#facts.length - dropped) / 10)
    for (const fact of this.#facts.slice(dropped, dropped + slack)) this.#bytes -= fact.weight
    this.#floor = this.#facts[dropped + slack - 1]?.cursor ?? this.#floor
    this.#facts = this.#facts.slice(dropped + slack)
  }
}

/** The cursor of a fact; undefined for one without. */
export function cursorOf({ content }: KytosEvent): Cursor | undefined {
  const cursor =
    typeof content === 'object' && content !== null && 'cursor' in content ? content.cursor : undefined
  return typeof cursor === 'string' ? parseCursor(cursor) : undefined
}

/** The cursor just before another one. */
function before(cursor: Cursor): Cursor {
  return { ...cursor, n: Math.max(0, cursor.n - 1) }
}

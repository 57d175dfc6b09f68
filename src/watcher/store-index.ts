import { hash } from 'node:crypto'
import type { Change } from '../../backends/backend.ts'
import type { Entry, Revision } from '../../model/document.ts'
import { type Key, splitKey } from '../../model/key.ts'
import { isTokenKey } from '../../model/token-key.ts'

/** Where a key stands in the store. */
interface Place {
  readonly revision: Revision
  readonly created: Revision
  /** Stands for the text: see {@link markOf}. */
  readonly mark: string
  /** The number of the listing that showed it last. */
  seen?: number
}

const ANNOUNCED: ReadonlySet<string> = new Set(['boxes', 'controllers', 'schemas', 'settings'])

/** True for the kinds of keys whose changes are announced and counted in cursors. */
export function isAnnounced(key: Key): boolean {
  return ANNOUNCED.has(key.slice(0, key.indexOf('/')))
}

/**
 * True for the kinds of keys that the cache must hold as the store does: those that are announced, and
 * tokens, of which nothing is said to anybody.
 */
export function isKept(key: Key): boolean {
  return isAnnounced(key) || isTokenKey(key)
}

export function keyOf(change: Change): Key {
  return change.type === 'put' ? change.entry.key : change.key
}

/**
 * Every key that is kept of the store, also those that mean nothing to us: which revision and, in short,
 * which text; and where the boxes are.
 */
export class StoreIndex {
  readonly #places = new Map<Key, Place>()
  readonly #boxes = new Map<string, Set<Key>>()

  has(key: Key): boolean {
    return this.#places.has(key)
  }

  keys(): Iterable<Key> {
    return this.#places.keys()
  }

  /** True when exactly this entry is what was applied last. */
  holds(entry: Entry): boolean {
    const place = this.#places.get(entry.key)
    return place?.revision === entry.modRevision && place.mark === markOf(entry.text)
  }

  /** As {@link holds}; and remembers, of a key that is there, that the listing of this number shows it. */
  see(entry: Entry, listing: number): boolean {
    const place = this.#places.get(entry.key)
    if (place) place.seen = listing
    return this.holds(entry)
  }

  /** The keys that the listing of this number did not show. */
  *unseen(listing: number): Iterable<Key> {
    for (const [key, { seen }] of this.#places) if (seen !== listing) yield key
  }

  /** Every key as an entry whose text is only its mark: enough to build the index again. */
  *entries(): Iterable<Entry> {
    for (const [key, { revision, created, mark }] of this.#places)
      yield { key, text: mark, modRevision: revision, createRevision: created }
  }

  /** Keys of the boxes of a namespace in the order of their creation. */
  boxes(namespace: string): Key[] {
    const created = (key: Key): Revision => this.#places.get(key)?.created ?? 0n
    return [...(this.#boxes.get(namespace) ?? [])].sort((a, b) =>
      created(a) < created(b) ? -1 : created(a) > created(b) ? 1 : a < b ? -1 : 1,
    )
  }

  apply(change: Change): void {
    const key = keyOf(change)
    if (change.type === 'put') {
      const { modRevision: revision, createRevision: created, text } = change.entry
      this.#places.set(key, { revision, created, mark: markOf(text) })
    } else this.#places.delete(key)
    const { kind, segments } = splitKey(key)
    if (kind === 'boxes' && segments.length === 2)
      this.#applyBox(segments[0] ?? '', key, change.type === 'put')
  }

  #applyBox(namespace: string, key: Key, there: boolean): void {
    const boxes = this.#boxes.get(namespace) ?? new Set<Key>()
    if (there) boxes.add(key)
    else boxes.delete(key)
    if (boxes.size > 0) this.#boxes.set(namespace, boxes)
    else this.#boxes.delete(namespace)
  }
}

const MARK_LENGTH = 43

/**
 * Stands for a text: a short one for itself, a longer one by its SHA-256; so the mark of a mark is that mark.
 */
export function markOf(text: string): string {
  return text.length <= MARK_LENGTH ? text : hash('sha256', text, 'base64url')
}

import { hash } from 'node:crypto'
import type { Change } from '../../backends/backend.ts'
import type { Entry, Revision } from '../../model/document.ts'
import { isTokenKey, type Key, splitKey } from '../../model/key.ts'
import { PendingIndex } from './pending/pending-index.ts'

/** An entry of the store without its text. */
interface IndexedEntry {
  readonly revision: Revision
  readonly created: Revision
  /** Identifies the text: see {@link markOf}. */
  readonly mark: string
  /** The number of the last listing that contained the key. */
  listing?: number
}

const ANNOUNCED: ReadonlySet<string> = new Set(['boxes', 'controllers', 'pending', 'schemas', 'settings'])

/** True for the kinds of keys whose changes are announced and counted in cursors. */
export function isAnnounced(key: Key): boolean {
  return ANNOUNCED.has(key.slice(0, key.indexOf('/')))
}

/**
 * True for the kinds of keys of which the cache must equal the store: announced keys, and those that are never
 * announced: tokens, and the times of confirmed commits.
 */
export function isKept(key: Key): boolean {
  return isAnnounced(key) || isTokenKey(key) || key.startsWith('armed/')
}

export function keyOf(change: Change): Key {
  return change.type === 'put' ? change.entry.key : change.key
}

/**
 * The revision and the mark of every key that is kept of the store, including unknown keys. The index also
 * has the boxes by namespace, the texts of tokens, and the confirmed commits.
 */
export class StoreIndex {
  readonly #entries = new Map<Key, IndexedEntry>()
  readonly #tokens = new Map<Key, Entry>()
  /** The confirmed commits by document. */
  readonly pending = new PendingIndex()
  readonly #boxes = new Map<string, Set<Key>>()

  has(key: Key): boolean {
    return this.#entries.has(key)
  }

  /** The revision of a key that was applied last; undefined for an absent key. */
  revisionOf(key: Key): Revision | undefined {
    return this.#entries.get(key)?.revision
  }

  keys(): Iterable<Key> {
    return this.#entries.keys()
  }

  /** True when exactly this entry was applied last. */
  holds(entry: Entry): boolean {
    const indexed = this.#entries.get(entry.key)
    return indexed?.revision === entry.modRevision && indexed.mark === markOf(entry.text)
  }

  /** As {@link holds}; also records, for a known key, that the listing of this number contains it. */
  see(entry: Entry, listing: number): boolean {
    const indexed = this.#entries.get(entry.key)
    if (indexed) indexed.listing = listing
    return this.holds(entry)
  }

  /** The keys that the listing of this number did not contain. */
  *unseen(number: number): Iterable<Key> {
    for (const [key, { listing }] of this.#entries) if (listing !== number) yield key
  }

  /** Every key, with the mark in place of the text; sufficient to restore the index. */
  *entries(): Iterable<Entry> {
    for (const [key, { revision, created, mark }] of this.#entries)
      yield { key, text: mark, modRevision: revision, createRevision: created }
  }

  /** The stored token at a key. */
  token(key: Key): Entry | undefined {
    return this.#tokens.get(key)
  }

  /** Keys of the boxes of a namespace in the order of their creation. */
  boxes(namespace: string): Key[] {
    const created = (key: Key): Revision => this.#entries.get(key)?.created ?? 0n
    return [...(this.#boxes.get(namespace) ?? [])].sort((a, b) =>
      created(a) < created(b) ? -1 : created(a) > created(b) ? 1 : a < b ? -1 : 1,
    )
  }

  apply(change: Change): void {
    const key = keyOf(change)
    if (change.type === 'put') {
      const { modRevision: revision, createRevision: created, text } = change.entry
      this.#entries.set(key, { revision, created, mark: markOf(text) })
    } else this.#entries.delete(key)
    if (change.type === 'put' && isTokenKey(key)) this.#tokens.set(key, change.entry)
    else this.#tokens.delete(key)
    this.pending.apply(change)
    const { kind, segments } = splitKey(key)
    if (kind === 'boxes' && segments.length === 2)
      this.#applyBox(segments[0] ?? '', key, change.type === 'put')
  }

  #applyBox(namespace: string, key: Key, isPresent: boolean): void {
    const boxes = this.#boxes.get(namespace) ?? new Set<Key>()
    if (isPresent) boxes.add(key)
    else boxes.delete(key)
    if (boxes.size > 0) this.#boxes.set(namespace, boxes)
    else this.#boxes.delete(namespace)
  }
}

const MARK_LENGTH = 43

/**
 * Identifies a text: a short text is its own mark, a longer one has its SHA-256. The mark of a mark is
 * itself.
 */
export function markOf(text: string): string {
  return text.length <= MARK_LENGTH ? text : hash('sha256', text, 'base64url')
}

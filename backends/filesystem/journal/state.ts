import type { Entry, Revision } from '../../../model/document.ts'
import type { Key, Prefix } from '../../../model/key.ts'
import type { Batch } from '../../backend.ts'
import { keyOf } from '../../changes.ts'
import { SortedKeys } from './sorted-keys.ts'

/**
 * The current entries of the store, in memory.
 *
 * Invariant: it is exactly the result of applying the durable records of the journal in order; no change
 * enters it before it is durable.
 */
export class State {
  readonly #entries = new Map<Key, Entry>()
  readonly #expires = new Map<Key, number>()
  readonly #keys = new SortedKeys()
  #revision: Revision = 0n
  #bytes = 0

  get revision(): Revision {
    return this.#revision
  }

  /** The approximate size of a snapshot, in bytes. */
  get bytes(): number {
    return this.#bytes
  }

  get(key: Key): Entry | undefined {
    return this.#entries.get(key)
  }

  has(key: Key): boolean {
    return this.#entries.has(key)
  }

  /** When keys expire, by `performance.now`. */
  get expires(): ReadonlyMap<Key, number> {
    return this.#expires
  }

  entries(): Iterable<Entry> {
    return this.#entries.values()
  }

  /** The current entries below a prefix, in byte order of their keys. */
  below(prefix: Prefix): Entry[] {
    return this.#keys.below(prefix).flatMap(key => this.#entries.get(key) ?? [])
  }

  /** The milliseconds until a key expires; undefined for one that does not. */
  timeLeft(key: Key): number | undefined {
    const at = this.#expires.get(key)
    return at === undefined ? undefined : Math.max(0, Math.ceil(at - performance.now()))
  }

  /** The milliseconds until keys expire. */
  timesLeft(): ReadonlyMap<Key, number> {
    return new Map([...this.#expires.keys()].map(key => [key, this.timeLeft(key) ?? 0]))
  }

  /** Sets the milliseconds until a key expires, for a key that expires. */
  setTimeLeft(key: Key, ms: number): void {
    if (this.#expires.has(key)) this.#expires.set(key, performance.now() + ms)
  }

  /** Applies one durable commit; `ttls` has the milliseconds until its puts with a ttl expire. */
  apply(batch: Batch, ttls: ReadonlyMap<Key, number>): void {
    for (const change of batch.changes) {
      const key = keyOf(change)
      if (change.type === 'put') this.restore(change.entry, ttls.get(key))
      else this.#delete(key)
    }
    this.#revision = batch.revision
  }

  /** Adds one entry, with the milliseconds until it expires. */
  restore(entry: Entry, ttl: number | undefined): void {
    const before = this.#entries.get(entry.key)
    if (!before) this.#keys.add(entry.key)
    this.#bytes += sizeOf(entry) - (before ? sizeOf(before) : 0)
    this.#entries.set(entry.key, entry)
    if (ttl === undefined) this.#expires.delete(entry.key)
    else this.#expires.set(entry.key, performance.now() + ttl)
  }

  /** Sets the revision of a snapshot. */
  startAt(revision: Revision): void {
    this.#revision = revision
  }

  #delete(key: Key): void {
    const before = this.#entries.get(key)
    if (!before) return
    this.#bytes -= sizeOf(before)
    this.#entries.delete(key)
    this.#expires.delete(key)
    this.#keys.remove(key)
  }
}

function sizeOf(entry: Entry): number {
  return entry.key.length + entry.text.length + 100
}

import type { IKeyValue } from 'etcd3'
import type { Entry } from '../../model/document.ts'
import { type Key, type Prefix, parseKey } from '../../model/key.ts'
import { isBelow, isDoubtful, isNestedKey, isStoreMark, nestedPlace } from '../../model/overlap.ts'
import type { BackendContext } from '../backend.ts'
import { decodeText } from '../text-bytes.ts'

/** The largest number of foreign keys that are reported. */
const MAX_REPORTED = 100
/** The largest numbers of ignored keys (the oldest are forgotten first) and of places of nested stores. */
const MAX_IGNORED = 10_000
const MAX_NESTED = 100

/**
 * Maps keys of the store to keys of etcd, at `<prefix>/<key>`. Every other key below the prefix is foreign:
 * it is ignored, and reported once.
 *
 * Invariant: a document of a store that is nested below one of our kinds is never an entry of ours. When its
 * key could be ours too, its text and its history decide (see {@link isDoubtful} and `own.ts`).
 */
export class KeyMapper {
  readonly #prefix: string
  readonly #report: BackendContext['report']
  readonly #reported = new Set<string>()
  readonly #ignored = new Set<Key>()
  readonly #nested = new Set<string>()
  #found = 0
  /**
   * True while a nested store that a listing finds is an overlap error: until everything was listed once, or
   * this store proved to be the older one.
   */
  refusesNested = true

  constructor(prefix: string, report: BackendContext['report']) {
    this.#prefix = `${prefix}/`
    this.#report = report
  }

  /** The prefix, without a slash at its end. */
  get prefix(): string {
    return this.#prefix.slice(0, -1)
  }

  /** An etcd key below the prefix that no key of the store maps to. */
  get nothing(): Buffer {
    return Buffer.from(`${this.#prefix}nothing`)
  }

  /** The etcd prefixes of stores that are nested in this one, as far as is known. */
  get nested(): readonly string[] {
    return [...this.#nested].map(place => this.#prefix + place.slice(0, -1))
  }

  /** The number of nested stores found so far; it never decreases. */
  get found(): number {
    return this.#found
  }

  /** The etcd key of a key. */
  address(key: Key): Buffer {
    return Buffer.from(this.#prefix + key)
  }

  /** The range of etcd keys below a prefix, as etcd expects it: the end is exclusive. */
  range(prefix: Prefix): { readonly key: Buffer; readonly range_end: Buffer } {
    const start = this.#prefix + prefix
    // The prefix ends in '/', so the first key after everything below it ends in '0'.
    return { key: Buffer.from(start), range_end: Buffer.from(`${start.slice(0, -1)}0`) }
  }

  /** The key of an etcd key; undefined for a foreign one. */
  key(address: Buffer): Key | undefined {
    const text = address.toString('utf8')
    const key = parseKey(text.slice(this.#prefix.length))
    if (key !== undefined && !isNestedKey(key)) return key
    this.#foreign(text)
    return undefined
  }

  entry(kv: IKeyValue): Entry | undefined {
    const key = this.key(kv.key)
    const text = decodeText(kv.value)
    if (key !== undefined)
      return { key, text, modRevision: BigInt(kv.mod_revision), createRevision: BigInt(kv.create_revision) }
    this.noteMark(kv.key.toString('utf8').slice(this.#prefix.length), text)
    return undefined
  }

  entries(kvs: readonly IKeyValue[]): Entry[] {
    return kvs.flatMap(kv => this.entry(kv) ?? [])
  }

  /** True when an entry may be a document of a nested store, so that its history has to be read. */
  isDoubtful({ key, text }: Entry): boolean {
    return isDoubtful(key, text, this.#nested)
  }

  /** True for a key that is ignored, or that is also the key of a document of a nested store. */
  isTaken(key: Key): boolean {
    return this.#ignored.has(key) || isBelow(key, this.#nested)
  }

  /** Ignores an entry from now on, because it belongs to a nested store. */
  ignore({ key, text }: Entry): void {
    this.#foreign(this.#prefix + key)
    const [oldest] = this.#ignored
    if (this.#ignored.size >= MAX_IGNORED && oldest !== undefined) this.#ignored.delete(oldest)
    this.#ignored.add(key)
    this.noteMark(key, text)
  }

  /** Remembers and reports a nested store when this is its `meta/store`. */
  noteMark(address: string, text: string): void {
    const place = nestedPlace(address)
    if (
      place === undefined ||
      this.#nested.has(place) ||
      this.#nested.size >= MAX_NESTED ||
      !isStoreMark(text)
    )
      return
    this.#nested.add(place)
    this.#found++
    const source = this.#prefix + place.slice(0, -1)
    const message = `Another store exists at the etcd prefix "${source}", inside this one at "${this.prefix}". Its keys are ignored here, but neither store will open again. Move one of them to its own prefix.`
    this.#report({ code: 'STORE_OVERLAP', message, source })
  }

  /** Forgets a key that was deleted; true when it was an ignored one, or the mark of a nested store. */
  forget(address: Buffer): boolean {
    const key = address.toString('utf8').slice(this.#prefix.length)
    const place = nestedPlace(key)
    const known = place !== undefined && this.#nested.delete(place)
    // The cast: only keys were added to the set, so any other text is just not found.
    return this.#ignored.delete(key as Key) || known
  }

  #foreign(address: string): void {
    if (this.#reported.has(address) || this.#reported.size >= MAX_REPORTED) return
    this.#reported.add(address)
    const message = `Ignored the etcd key ${JSON.stringify(address)}: it is not a document of this store. Delete it, or choose another prefix.`
    this.#report({ code: 'KEY_FOREIGN', message, source: address })
  }
}

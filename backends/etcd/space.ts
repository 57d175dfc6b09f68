import type { IKeyValue } from 'etcd3'
import type { Entry } from '../../model/document.ts'
import { type Key, type Prefix, parseKey } from '../../model/key.ts'
import type { Surroundings } from '../backend.ts'

/** How many foreign keys are remembered as reported; a store with more has made its point. */
const REPORTED_MOST = 100

/** What is ours in an etcd: the keys below `<prefix>/`, `<prefix>/<key>` each. Everything else there is skipped, and reported once. */
export class Space {
  readonly #prefix: string
  readonly #report: Surroundings['report']
  readonly #reported = new Set<string>()

  constructor(prefix: string, report: Surroundings['report']) {
    this.#prefix = `${prefix}/`
    this.#report = report
  }

  /** An address below the prefix at which nothing of ours ever stands. */
  get nothing(): Buffer {
    return Buffer.from(`${this.#prefix}nothing`)
  }

  /** Where a key stands in etcd. */
  address(key: Key): Buffer {
    return Buffer.from(this.#prefix + key)
  }

  /** The range of etcd keys below a prefix; both ends as etcd wants them, the second exclusive. */
  range(prefix: Prefix): { readonly key: Buffer; readonly range_end: Buffer } {
    const start = this.#prefix + prefix
    // The prefix ends in '/', so the first key after everything below it ends in '0'.
    return { key: Buffer.from(start), range_end: Buffer.from(`${start.slice(0, -1)}0`) }
  }

  /** The key that stands at an address of this range; undefined for one that is not ours. */
  key(address: Buffer): Key | undefined {
    const text = address.toString('utf8')
    const key = parseKey(text.slice(this.#prefix.length))
    if (key === undefined) this.#foreign(text)
    return key
  }

  entry(kv: IKeyValue): Entry | undefined {
    const key = this.key(kv.key)
    return key && { key, text: kv.value.toString('utf8'), revision: BigInt(kv.mod_revision), created: BigInt(kv.create_revision) }
  }

  entries(kvs: readonly IKeyValue[]): Entry[] {
    return kvs.flatMap(kv => this.entry(kv) ?? [])
  }

  #foreign(address: string): void {
    if (this.#reported.has(address) || this.#reported.size >= REPORTED_MOST) return
    this.#reported.add(address)
    const message = `The etcd key ${JSON.stringify(address)} is not one of ours and is ignored; choose another prefix, or delete it.`
    this.#report({ code: 'KEY_FOREIGN', message, source: address })
  }
}

import type { Entry, Revision } from '../../model/document.ts'
import type { Key, Prefix } from '../../model/key.ts'
import type { Batch, Change, Operation, Outcome } from '../backend.ts'
import { inKeyOrder } from '../changes.ts'
import { historyLost } from '../history-lost.ts'
import { allHold, changeBy, foundEntries } from '../operations.ts'

/** The longest delay of a timer of Node, in milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1

/**
 * A store in memory; any number of backends may share one.
 *
 * Invariant: a commit happens inside one synchronous call, so no caller sees half of it. The log holds one
 * batch for every revision from `#forgotten + 1` to `revision`, without a gap. The entries are the result of
 * applying all batches in order.
 */
export class MemoryStore {
  readonly #window: number
  readonly #entries = new Map<Key, Entry>()
  readonly #timers = new Map<Key, NodeJS.Timeout>()
  /** When keys expire, by `performance.now`. */
  readonly #expires = new Map<Key, number>()
  readonly #listeners = new Set<() => void>()
  #log: Batch[] = []
  #forgotten: Revision = 0n

  constructor(window: number) {
    this.#window = window
  }

  get revision(): Revision {
    return this.#forgotten + BigInt(this.#log.length)
  }

  get(key: Key): Entry | undefined {
    return this.#entries.get(key)
  }

  /** The entries below a prefix as they are now, in byte order of their keys. */
  list(prefix: Prefix): Entry[] {
    return [...this.#entries.values()]
      .filter(entry => entry.key.startsWith(prefix))
      .sort((a, b) => (a.key < b.key ? -1 : 1))
  }

  /** The seconds until a key expires; undefined for one that does not. */
  timeToLive(key: Key): number | undefined {
    const at = this.#expires.get(key)
    return at === undefined ? undefined : Math.max(0, at - performance.now()) / 1000
  }

  commit(operations: readonly Operation[]): Outcome {
    const get = (key: Key) => this.#entries.get(key)
    if (!allHold(operations, get)) return { committed: false, found: foundEntries(operations, get) }
    const revision = this.revision + 1n
    const changes = operations.flatMap(operation => this.#apply(operation, revision) ?? [])
    if (changes.length > 0) this.#append({ revision, changes: inKeyOrder(changes) })
    return { committed: true, revision: this.revision }
  }

  /**
   * The first batch after a revision; undefined when there is none yet.
   * @throws SettingsError HISTORY_LOST.
   */
  after(revision: Revision): Batch | undefined {
    if (revision < this.#forgotten) throw historyLost(`the revisions after ${revision} are no longer kept`)
    if (revision > this.revision)
      throw historyLost(`revision ${revision} is later than the store, which is at ${this.revision}`)
    return this.#log[Number(revision - this.#forgotten)]
  }

  /** Drops the batches of all revisions so far, as compaction does. */
  forget(): void {
    this.#forgotten = this.revision
    this.#log = []
  }

  /** Calls `listener` after each commit that changed something, until the returned function is called. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #apply(operation: Operation, revision: Revision): Change | undefined {
    const { key } = operation
    const change = changeBy(operation, this.#entries.get(key), revision)
    if (!change) return undefined
    clearTimeout(this.#timers.get(key))
    this.#timers.delete(key)
    this.#expires.delete(key)
    if (change.type === 'delete') this.#entries.delete(key)
    else this.#entries.set(key, change.entry)
    if ('put' in operation && operation.ttl !== undefined)
      this.#expire(key, performance.now() + operation.ttl * 1000)
    return change
  }

  #append(batch: Batch): void {
    this.#log.push(batch)
    if (this.#log.length > this.#window) {
      this.#log.shift()
      this.#forgotten++
    }
    for (const listener of [...this.#listeners]) listener()
  }

  #expire(key: Key, at: number): void {
    this.#expires.set(key, at)
    const left = at - performance.now()
    if (left <= 0) this.commit([{ key, delete: true }])
    else this.#timers.set(key, setTimeout(() => this.#expire(key, at), Math.min(left, MAX_TIMER_MS)).unref())
  }
}

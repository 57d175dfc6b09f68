import type { Entry, Revision } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import type { Key, Prefix } from '../../model/key.ts'
import type { Batch, Change, Expected, Operation, Outcome } from '../backend.ts'

/** The longest wait that a timer of Node can hold, in milliseconds. */
const LONGEST_WAIT = 2 ** 31 - 1

/**
 * A store that is nothing but memory; several backends may stand on one.
 *
 * Invariant: a commit happens inside one synchronous call, so nobody sees half of it. The log holds one batch
 * for every revision from `#forgotten + 1` to `revision`, without a hole; the entries are what these batches
 * say, applied in order.
 */
export class MemoryStore {
  readonly #window: number
  readonly #entries = new Map<Key, Entry>()
  readonly #timers = new Map<Key, NodeJS.Timeout>()
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

  commit(operations: readonly Operation[]): Outcome {
    if (!operations.every(({ key, expected = 'any' }) => holds(expected, this.#entries.get(key)))) {
      const guarded = operations.filter(({ expected = 'any' }) => expected !== 'any')
      return { committed: false, found: guarded.flatMap(({ key }) => this.#entries.get(key) ?? []) }
    }
    const revision = this.revision + 1n
    const changes = operations.flatMap(operation => this.#apply(operation, revision))
    if (changes.length > 0)
      this.#append({ revision, changes: changes.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)) })
    return { committed: true, revision: this.revision }
  }

  /**
   * The first batch after a revision; undefined when it is yet to come.
   * @throws SettingsError HISTORY_LOST.
   */
  after(revision: Revision): Batch | undefined {
    if (revision < this.#forgotten) throw lost(`the revisions after ${revision} are no longer kept`)
    if (revision > this.revision)
      throw lost(`revision ${revision} is later than the store, which is at ${this.revision}`)
    return this.#log[Number(revision - this.#forgotten)]
  }

  /** Drops all steps up to now, as compaction does. */
  forget(): void {
    this.#forgotten = this.revision
    this.#log = []
  }

  /** Calls `listener` after each commit that changed something, until the function it returns is called. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #apply(operation: Operation, revision: Revision): Change[] {
    const { key } = operation
    if ('check' in operation) return []
    clearTimeout(this.#timers.get(key))
    this.#timers.delete(key)
    const before = this.#entries.get(key)
    if ('delete' in operation) {
      this.#entries.delete(key)
      return before ? [{ type: 'delete', key, revision }] : []
    }
    const entry = {
      key,
      text: operation.put,
      modRevision: revision,
      createRevision: before?.createRevision ?? revision,
    }
    this.#entries.set(key, entry)
    if (operation.ttl !== undefined) this.#expire(key, performance.now() + operation.ttl * 1000)
    return [{ type: 'put', entry }]
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
    const left = at - performance.now()
    if (left <= 0) this.commit([{ key, delete: true }])
    else this.#timers.set(key, setTimeout(() => this.#expire(key, at), Math.min(left, LONGEST_WAIT)).unref())
  }
}

function holds(expected: Expected, entry: Entry | undefined): boolean {
  if (expected === 'any') return true
  return expected === 'absent' ? entry === undefined : entry?.modRevision === expected
}

function keyOf(change: Change): Key {
  return change.type === 'put' ? change.entry.key : change.key
}

function lost(why: string): SettingsError {
  return new SettingsError(
    'HISTORY_LOST',
    `The watch cannot continue without a gap: ${why}. List the store and watch from the listed revision.`,
  )
}

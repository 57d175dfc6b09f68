import type {
  Backend,
  Batch,
  FileProblem,
  Listing,
  ListOptions,
  Operation,
  Outcome,
  Supports,
} from '../../../backends/backend.ts'
import { createMemoryBackend, createMemoryStore } from '../../../backends/memory/index.ts'
import type { MemoryStore } from '../../../backends/memory/store.ts'
import type { Entry, Revision } from '../../../model/document.ts'
import { SettingsError } from '../../../model/errors.ts'
import { EVERYTHING, type Key, makeKey, type Prefix } from '../../../model/key.ts'

/**
 * One store that several controllers stand on, and that can be put back to what it was some commits ago, as a
 * restored backup is: everything that was committed is kept as it was asked for, so the same commits in a new
 * memory store make the same revisions.
 */
export class World {
  #store = createMemoryStore()
  #commits: (readonly Operation[])[] = []
  readonly #lines = new Set<Line>()
  #count = 0
  /** Counts the stores there were. */
  generation = 0

  get store(): MemoryStore {
    return this.#store
  }

  get revision(): Revision {
    return this.#store.revision
  }

  entries(): Entry[] {
    return this.#store.list(EVERYTHING)
  }

  commits(): readonly (readonly Operation[])[] {
    return this.#commits
  }

  /** A backend on this store, with a line that can be made to fail. */
  connect(): Line {
    const line = new Line(this)
    this.#lines.add(line)
    return line
  }

  /** What another client of the store does, past every controller. */
  commit(...operations: readonly Operation[]): Outcome {
    return this.took(operations, this.#store.commit(operations))
  }

  took(operations: readonly Operation[], outcome: Outcome): Outcome {
    if (outcome.committed && this.#store.revision > BigInt(this.#commits.length))
      this.#commits.push(operations)
    return outcome
  }

  /**
   * Puts the store back by this many commits, and lets others happen in it before anybody can connect again.
   */
  rewind(by: number, meanwhile: readonly (readonly Operation[])[] = []): void {
    const kept = this.#commits.slice(0, Math.max(0, this.#commits.length - by))
    this.#commits = []
    this.#store = createMemoryStore()
    this.generation++
    for (const operations of kept) this.commit(...operations.map(withoutGuard))
    // Two histories that are alike by chance cannot be told apart, and need not be: what happens now is
    // unlike anything that was.
    for (const operations of [[], ...meanwhile])
      this.commit(...operations, { key: makeKey('presence', 'another'), put: `${++this.#count}` })
    for (const line of this.#lines) line.cut()
  }
}

function withoutGuard(operation: Operation): Operation {
  return 'check' in operation ? operation : { ...operation, expected: 'any' }
}

/** The real memory backend behind a line that fails on command. */
export class Line implements Backend {
  readonly name = 'memory'
  readonly supports: Supports = { sharing: true, durability: false, handEdits: false, entryBytes: 1 << 24 }
  readonly #world: World
  readonly #closing = new AbortController()
  #inner: { readonly backend: Backend; readonly generation: number } | undefined
  #cut: (() => void)[] = []
  #refusals = 0
  /** Refuses every call until it is set back. */
  down = false
  /** Each watch begins with this many signs of progress ahead of what they stand for. */
  early = 0
  /** How many entries a page holds. */
  page = 500
  /**
   * The revision that the store had when the watch was made, and whether that watch lies about its progress.
   */
  watched: { readonly generation: number; readonly revision: Revision; readonly early: boolean } | undefined

  constructor(world: World) {
    this.#world = world
  }

  /** Fails the next calls. */
  refuse(calls: number): void {
    this.#refusals = calls
  }

  /** Ends every watch at its next batch or at once, whichever comes first. */
  cut(): void {
    for (const end of this.#cut.splice(0)) end()
  }

  async open(): Promise<void> {
    await this.#reach('open')
  }

  async get(key: Key): Promise<Entry | undefined> {
    return (await this.#reach('get')).get(key)
  }

  async list(prefix: Prefix, options?: ListOptions): Promise<Listing> {
    const { revision, pages } = await (await this.#reach('list')).list(prefix, options)
    return { revision, pages: split(pages, this.page) }
  }

  async commit(operations: readonly Operation[]): Promise<Outcome> {
    const outcome = await (await this.#reach('commit')).commit(operations)
    return this.#world.took(operations, outcome)
  }

  async *watch(since: Revision, signal: AbortSignal): AsyncGenerator<Batch, void, void> {
    const backend = await this.#reach('watch')
    const { generation, revision } = this.#world
    const end = new AbortController()
    const cut = new Promise<'cut'>(resolve => this.#cut.push(() => resolve('cut')))
    const batches = backend.watch(since, AbortSignal.any([signal, end.signal]))[Symbol.asyncIterator]()
    this.watched = { generation, revision, early: this.early > 0 }
    try {
      for (let i = 0; i < this.early; i++) yield { revision: revision + BigInt(i), changes: [] }
      for (;;) {
        const next = await Promise.race([cut, batches.next()])
        if (next === 'cut') throw unreachable('the watch was cut')
        if (next.done) return
        yield next.value
      }
    } finally {
      end.abort()
      await batches.return?.()
    }
  }

  async timeToLive(key: Key): Promise<number | undefined> {
    return (await this.#reach('get')).timeToLive(key)
  }

  fileProblems(): readonly FileProblem[] {
    return []
  }

  async restoreFiles(): Promise<readonly Key[]> {
    return []
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.cut()
    await this.#inner?.backend.close()
  }

  async #reach(what: string): Promise<Backend> {
    await new Promise(resolve => setImmediate(resolve))
    if (this.#closing.signal.aborted) throw unreachable(`${what}: closed`)
    if (this.down || this.#refusals > 0) {
      this.#refusals--
      throw unreachable(`${what} was refused`)
    }
    const { generation, store } = this.#world
    if (this.#inner?.generation !== generation) {
      const backend = createMemoryBackend(undefined, store)
      await backend.open()
      this.#inner = { backend, generation }
    }
    return this.#inner.backend
  }
}

async function* split(
  pages: AsyncIterable<readonly Entry[]>,
  size: number,
): AsyncGenerator<readonly Entry[]> {
  for await (const page of pages) {
    for (let at = 0; at < page.length; at += size) {
      yield page.slice(at, at + size)
      await new Promise(resolve => setImmediate(resolve))
    }
  }
}

function unreachable(what: string): SettingsError {
  return new SettingsError('STORE_UNREACHABLE', `Fault of the test: ${what}.`)
}

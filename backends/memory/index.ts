import type { Revision } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import type { Key, Prefix } from '../../model/key.ts'
import type {
  Backend,
  BackendContext,
  Batch,
  FileProblem,
  Listing,
  ListOptions,
  Operation,
  Outcome,
  Supports,
} from '../backend.ts'
import { joinSignals } from '../joint-signal.ts'
import { listingOf } from '../listing.ts'
import { checkOperations } from '../operations.ts'
import { MemoryStore } from './store.ts'

const ENTRY_BYTES = 16 * 1024 * 1024 + 64 * 1024

/**
 * A store that several backends can share, like controllers on one etcd; `window` is the number of batches
 * that it keeps for watches from an older revision.
 */
export function createMemoryStore({ window = 10_000 }: { readonly window?: number } = {}): MemoryStore {
  return new MemoryStore(window)
}

/**
 * The reference implementation of the contract: it holds everything in memory until the process ends. With a
 * `store` it is one of several backends on that store.
 */
export function createMemoryBackend(_context?: BackendContext, store?: MemoryStore): Backend {
  return new MemoryBackend(store ?? createMemoryStore(), store !== undefined)
}

class MemoryBackend implements Backend {
  readonly name = 'memory'
  readonly supports: Supports
  readonly #store: MemoryStore
  readonly #closing = new AbortController()
  #opened = false

  constructor(store: MemoryStore, sharing: boolean) {
    this.#store = store
    this.supports = { sharing, durability: false, handEdits: false, entryBytes: ENTRY_BYTES }
  }

  async open(): Promise<void> {
    if (this.#closing.signal.aborted) throw closed()
    this.#opened = true
  }

  async get(key: Key) {
    this.#requireOpen()
    return this.#store.get(key)
  }

  async list(prefix: Prefix, options?: ListOptions): Promise<Listing> {
    this.#requireOpen()
    return listingOf(this.#store.revision, this.#store.list(prefix), options)
  }

  async commit(operations: readonly Operation[]): Promise<Outcome> {
    this.#requireOpen()
    checkOperations(operations, { backend: this.name, entryBytes: ENTRY_BYTES })
    return this.#store.commit(operations)
  }

  async *watch(since: Revision, signal: AbortSignal): AsyncGenerator<Batch, void, void> {
    this.#requireOpen()
    const { signal: end, release } = joinSignals(signal, this.#closing.signal)
    let wake = () => {}
    const notify = () => wake()
    const unsubscribe = this.#store.listen(notify)
    end.addEventListener('abort', notify)
    try {
      for (let last = since, caughtUp = false; !end.aborted; ) {
        const batch = this.#store.after(last)
        if (batch) {
          last = batch.revision
          yield batch
        } else if (caughtUp) {
          await new Promise<void>(resolve => {
            wake = resolve
          })
        } else {
          caughtUp = true
          yield { revision: last, changes: [] }
        }
      }
    } finally {
      unsubscribe()
      end.removeEventListener('abort', notify)
      release()
    }
  }

  async timeToLive(key: Key): Promise<number | undefined> {
    this.#requireOpen()
    return this.#store.timeToLive(key)
  }

  fileProblems(): readonly FileProblem[] {
    return []
  }

  async restoreFiles(): Promise<readonly Key[]> {
    return []
  }

  async close(): Promise<void> {
    this.#closing.abort()
  }

  #requireOpen(): void {
    if (!this.#opened || this.#closing.signal.aborted) throw closed()
  }
}

function closed(): SettingsError {
  return new SettingsError(
    'STORE_UNREACHABLE',
    'The memory backend is not open. Call open() first; a closed backend cannot be reopened.',
  )
}

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
import { MemoryStore } from './store.ts'

const PAGE = 500
const ENTRY_BYTES = 16 * 1024 * 1024 + 64 * 1024

/**
 * A store that several backends can stand on, as controllers on one etcd do; `window` is how many batches it
 * keeps for watches that look back.
 */
export function createMemoryStore({ window = 10_000 }: { readonly window?: number } = {}): MemoryStore {
  return new MemoryStore(window)
}

/**
 * The reference of the contract: everything in memory, gone with the process. With a `store` it is one of
 * several backends on that store.
 */
export function createMemoryBackend(_surroundings?: BackendContext, store?: MemoryStore): Backend {
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
    this.#needOpen()
    return this.#store.get(key)
  }

  async list(prefix: Prefix, { newest }: ListOptions = {}): Promise<Listing> {
    this.#needOpen()
    const entries = this.#store.list(prefix)
    return {
      revision: this.#store.revision,
      pages: paged(newest === undefined ? entries : entries.reverse().slice(0, newest)),
    }
  }

  async commit(operations: readonly Operation[]): Promise<Outcome> {
    this.#needOpen()
    checkOperations(operations)
    return this.#store.commit(operations)
  }

  async *watch(since: Revision, signal: AbortSignal): AsyncGenerator<Batch, void, void> {
    this.#needOpen()
    const { signal: end, release } = joinSignals(signal, this.#closing.signal)
    let wake = () => {}
    const ring = () => wake()
    const leave = this.#store.listen(ring)
    end.addEventListener('abort', ring)
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
      leave()
      end.removeEventListener('abort', ring)
      release()
    }
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

  #needOpen(): void {
    if (!this.#opened || this.#closing.signal.aborted) throw closed()
  }
}

async function* paged<T>(items: readonly T[]): AsyncGenerator<readonly T[]> {
  for (let at = 0; at < items.length; at += PAGE) yield items.slice(at, at + PAGE)
}

function checkOperations(operations: readonly Operation[]): void {
  if (operations.length === 0)
    throw new SettingsError('CONTENT_MALFORMED', 'A commit needs at least one operation.')
  const keys = new Set<Key>()
  for (const operation of operations) {
    if (keys.has(operation.key))
      throw new SettingsError(
        'CONTENT_MALFORMED',
        `The commit contains the key ${operation.key} twice; a key may occur in one operation only.`,
      )
    keys.add(operation.key)
    const bytes = 'put' in operation ? Buffer.byteLength(operation.put) : 0
    if (bytes > ENTRY_BYTES) {
      throw new SettingsError(
        'DOCUMENT_TOO_LARGE',
        `${operation.key} would have ${bytes} bytes; the memory backend allows ${ENTRY_BYTES}.`,
      )
    }
  }
}

function closed(): SettingsError {
  return new SettingsError(
    'STORE_UNREACHABLE',
    'The memory backend is not open. Call open() first; a closed backend cannot be reopened.',
  )
}

import { resolve } from 'node:path'
import type { Entry, Revision } from '../../model/document.ts'
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
import { Layout } from './format/layout.ts'
import { DISK } from './journal/journal-folder.ts'
import { FilesystemStore, type StoreParts } from './store.ts'

const MEBIBYTE = 1024 * 1024

/** The sizes in production; tests make them small. */
export const DEFAULT_PARTS: StoreParts = {
  disk: DISK,
  window: { batches: 10_000, bytes: 32 * MEBIBYTE },
  compaction: { log: 4 * MEBIBYTE, tail: 4 * MEBIBYTE, ratio: 4 },
  /** A box of 16 MiB and its envelope. */
  entryBytes: 16 * MEBIBYTE + 64 * 1024,
}

/**
 * A backend that stores everything in a folder of this machine: in a journal, which is authoritative, with
 * readable files beside it for people. Does no I/O before `open`.
 */
export function createFilesystemBackend(
  options: { readonly path: string },
  context: BackendContext,
  parts: Partial<StoreParts> = {},
): Backend {
  return new FilesystemBackend(new Layout(resolve(options.path)), context, { ...DEFAULT_PARTS, ...parts })
}

class FilesystemBackend implements Backend {
  readonly name = 'filesystem'
  readonly supports: Supports
  readonly #layout: Layout
  readonly #context: BackendContext
  readonly #parts: StoreParts
  readonly #closing = new AbortController()
  #store: FilesystemStore | undefined
  #opening: Promise<FilesystemStore> | undefined
  #closed: Promise<void> | undefined

  constructor(layout: Layout, context: BackendContext, parts: StoreParts) {
    this.#layout = layout
    this.#context = context
    this.#parts = parts
    this.supports = { sharing: false, durability: true, handEdits: true, entryBytes: parts.entryBytes }
  }

  async open(): Promise<void> {
    if (this.#closing.signal.aborted) throw notOpen()
    this.#opening ??= FilesystemStore.open(
      this.#layout,
      this.#parts,
      this.#context.report,
      this.#context.seal,
    )
    try {
      this.#store = await this.#opening
    } catch (error) {
      this.#opening = undefined
      throw error
    }
  }

  async get(key: Key): Promise<Entry | undefined> {
    return this.#open().state.get(key)
  }

  async list(prefix: Prefix, options?: ListOptions): Promise<Listing> {
    const { state } = this.#open()
    return listingOf(state.revision, state.below(prefix), options)
  }

  async commit(operations: readonly Operation[]): Promise<Outcome> {
    const store = this.#open()
    checkOperations(operations, { backend: this.name, entryBytes: this.supports.entryBytes })
    return store.commit(operations)
  }

  async *watch(since: Revision, signal: AbortSignal): AsyncGenerator<Batch, void, void> {
    const { window } = this.#open()
    const { signal: end, release } = joinSignals(signal, this.#closing.signal)
    const wake = () => window.wake()
    end.addEventListener('abort', wake)
    try {
      let position = window.after(since)
      for (let last = since, caughtUp = false; !end.aborted; ) {
        const batch = window.at(position)
        if (batch) {
          position++
          last = batch.revision
          yield batch
        } else if (caughtUp) await window.nextChange()
        else {
          caughtUp = true
          yield { revision: last, changes: [] }
        }
      }
    } finally {
      end.removeEventListener('abort', wake)
      release()
    }
  }

  async timeToLive(key: Key): Promise<number | undefined> {
    const left = this.#open().state.timeLeft(key)
    return left === undefined ? undefined : left / 1000
  }

  fileProblems(): readonly FileProblem[] {
    return this.#store?.fileProblems() ?? []
  }

  async restoreFiles(keys?: readonly Key[]): Promise<readonly Key[]> {
    return this.#open().restoreFiles(keys)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#closing.abort()
    // The caller of `open` gets its error; here only a store that was opened has to be closed.
    const store = await this.#opening?.catch(() => undefined)
    await store?.close()
  }

  #open(): FilesystemStore {
    if (!this.#store || this.#closing.signal.aborted) throw notOpen()
    return this.#store
  }
}

function notOpen(): SettingsError {
  return new SettingsError(
    'STORE_UNREACHABLE',
    'The filesystem backend is not open. Call open() first; a closed backend cannot be reopened.',
  )
}

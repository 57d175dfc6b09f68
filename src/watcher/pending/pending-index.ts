import type { Change } from '../../../backends/backend.ts'
import type { Entry, Revision } from '../../../model/document.ts'
import type { Key } from '../../../model/key.ts'
import { parsePending, parsePendingKey, type StoredPending } from './stored-pending.ts'

/** A confirmed commit at one of its documents, as the store has it. */
export interface PendingEntry extends StoredPending {
  readonly document: Key
  /** The revision of `pending/<document>`. */
  readonly revision: Revision
}

/**
 * The confirmed commits by document, as the cache knows them: those that wait, and those that ended and are
 * not pruned yet.
 */
export class PendingIndex {
  readonly #entries = new Map<Key, Entry>()
  readonly #found = new Map<Key, PendingEntry>()

  /** The state at a document; undefined without one, and for a text of another program. */
  at(document: Key): PendingEntry | undefined {
    return this.#found.get(document)
  }

  /** The state at a document while it waits for its confirmation. */
  waiting(document: Key): PendingEntry | undefined {
    const found = this.#found.get(document)
    return found?.ended ? undefined : found
  }

  /** All states, in the order in which they were stored. */
  all(): Iterable<PendingEntry> {
    return this.#found.values()
  }

  /** True without any state. */
  get isEmpty(): boolean {
    return this.#found.size === 0
  }

  /** The entry at a key `pending/<document>`. */
  entry(key: Key): Entry | undefined {
    return this.#entries.get(key)
  }

  apply(change: Change): void {
    const key = change.type === 'put' ? change.entry.key : change.key
    const document = parsePendingKey(key)
    if (!document) return
    this.#entries.delete(key)
    this.#found.delete(document)
    if (change.type !== 'put') return
    this.#entries.set(key, change.entry)
    const found = readPending(change.entry)
    if (found) this.#found.set(document, found)
  }
}

/** The state in an entry `pending/<document>`; undefined for another key, and a text of another program. */
export function readPending({ key, text, modRevision }: Entry): PendingEntry | undefined {
  const document = parsePendingKey(key)
  const pending = document && parsePending(text, document)
  return pending && { ...pending, document, revision: modRevision }
}

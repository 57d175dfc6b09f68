import type { Key } from '../../../model/key.ts'
import type { FileNotes } from '../format/file-notes.ts'
import type { FileVersion } from '../format/file-version.ts'
import type { State } from '../journal/state.ts'
import { TrackedFile } from './tracked-file.ts'

/** How many deleted documents are remembered. */
const MOST = 10_000

/**
 * Deleted documents whose readable files may come back with a folder that was away, or with a copy of one:
 * what such a file holds is no new document. The oldest are forgotten first.
 */
export class DeletedFiles {
  readonly #tracked: Map<Key, TrackedFile>
  readonly #state: State
  readonly #keys = new Set<Key>()

  /** `tracked`: what is known of all files. */
  constructor(tracked: Map<Key, TrackedFile>, state: State) {
    this.#tracked = tracked
    this.#state = state
  }

  has(key: Key): boolean {
    return this.#keys.has(key)
  }

  /** A file and its document are no more: they are remembered, the newest last, if the file may come back. */
  add(key: Key, tracked: TrackedFile): void {
    this.#keys.delete(key)
    this.#tracked.delete(key)
    if (!tracked.mayComeBack) return
    this.#keys.add(key)
    this.#tracked.set(key, tracked)
  }

  /** Remembers what the journal says of an absent file; false when it is not that of a deleted document. */
  adopt(key: Key, versions: readonly FileVersion[] = [], notes?: FileNotes): boolean {
    const isDeleted = versions.length === 1 && versions[0]?.hash === null && !this.#state.has(key)
    if (isDeleted) this.add(key, new TrackedFile(versions, notes))
    return isDeleted
  }

  /** There is a document again. */
  delete(key: Key): void {
    this.#keys.delete(key)
  }

  /** Forgets the oldest of too many. */
  trim(): void {
    for (const key of this.#keys) {
      if (this.#keys.size <= MOST) break
      this.#keys.delete(key)
      if (!this.#state.has(key) && this.#tracked.get(key)?.known.hash === null) this.#tracked.delete(key)
    }
  }
}

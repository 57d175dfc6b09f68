import type { Key } from '../../../model/key.ts'
import type { FileNotes } from '../format/file-notes.ts'
import type { FileVersion } from '../format/file-version.ts'
import type { State } from '../journal/state.ts'
import { TrackedFile } from '../reconcile/tracked-file.ts'

/** The largest number of deleted documents that are remembered. */
const MAX_DELETED_FILES = 10_000

/**
 * Deleted documents whose readable files may come back with a folder that was away, or with a copy of one:
 * the content of such a file is no new document. The oldest are forgotten first.
 */
export class DeletedFiles {
  readonly #tracked: Map<Key, TrackedFile>
  readonly #state: State
  readonly #keys = new Set<Key>()

  /** `tracked`: all files. */
  constructor(tracked: Map<Key, TrackedFile>, state: State) {
    this.#tracked = tracked
    this.#state = state
  }

  has(key: Key): boolean {
    return this.#keys.has(key)
  }

  /** Remembers a deleted document, the newest last, when its file may come back. */
  add(key: Key, tracked: TrackedFile): void {
    this.#keys.delete(key)
    this.#tracked.delete(key)
    if (!tracked.mayComeBack) return
    this.#keys.add(key)
    this.#tracked.set(key, tracked)
  }

  /** Remembers an absent file as the journal notes it; false unless its document was deleted. */
  adopt(key: Key, versions: readonly FileVersion[] = [], notes?: FileNotes): boolean {
    const isDeleted = versions.length === 1 && versions[0]?.hash === null && !this.#state.has(key)
    if (isDeleted) this.add(key, new TrackedFile(versions, notes))
    return isDeleted
  }

  /** Called when the document exists again. */
  delete(key: Key): void {
    this.#keys.delete(key)
  }

  /** Forgets the oldest ones above the limit. */
  trim(): void {
    for (const key of this.#keys) {
      if (this.#keys.size <= MAX_DELETED_FILES) break
      this.#keys.delete(key)
      if (!this.#state.has(key) && this.#tracked.get(key)?.known.hash === null) this.#tracked.delete(key)
    }
  }
}

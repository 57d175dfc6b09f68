import { dirname } from 'node:path'
import type { Key } from '../../../model/key.ts'
import type { Layout } from '../format/layout.ts'
import type { DeletedFiles } from './deleted-files.ts'
import { DurableFolders } from './durable-folders.ts'
import type { Store } from './hand-edit.ts'
import type { TrackedFile } from './tracked-file.ts'

/** How long (ms) to gather before the journal notes which files are written. */
const GATHER = 500

/**
 * Notes in the journal what the readable files hold.
 *
 * Invariant: a note is made only once what it says of a file is durable, and names everything the file may
 * hold until then.
 */
export class JournalMarks {
  readonly #tracked: ReadonlyMap<Key, TrackedFile>
  readonly #deleted: DeletedFiles
  readonly #layout: Layout
  readonly #store: Store
  readonly #folders: DurableFolders
  readonly #due = new Set<Key>()
  /**
   * The last of the notes: one begins when the one before it is over, so a caller that waits for the last
   * waits for all.
   */
  #noting = Promise.resolve()
  #timer: NodeJS.Timeout | undefined
  #closing = false

  /** `tracked`: what is known of all files. */
  constructor(tracked: ReadonlyMap<Key, TrackedFile>, deleted: DeletedFiles, layout: Layout, store: Store) {
    this.#tracked = tracked
    this.#deleted = deleted
    this.#layout = layout
    this.#store = store
    this.#folders = new DurableFolders(layout.path)
  }

  /** The last version of this file is what it will hold: that is noted soon. */
  add(key: Key): void {
    this.#due.add(key)
    this.#timer ??= setTimeout(() => {
      void this.flush()
    }, GATHER).unref()
  }

  /** Notes what is due. */
  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#noting = this.#noting.then(() => this.#note())
    return this.#noting
  }

  /** What cannot be noted is left to the next opening. */
  stop(): void {
    this.#closing = true
  }

  async #note(): Promise<void> {
    const due = [...this.#due].flatMap(key => {
      const tracked = this.#tracked.get(key)
      return tracked && isSettled(tracked) ? [{ key, tracked, version: tracked.known }] : []
    })
    this.#due.clear()
    this.#timer = undefined
    if (due.length === 0) return
    try {
      // What we wrote was synced before it got its name, and what a person wrote before it was taken in; the
      // names are left.
      for (const folder of new Set(due.map(({ key }) => dirname(this.#layout.file(key)))))
        await this.#folders.sync(folder)
      await this.#store.commit(
        [],
        due.map(({ key, tracked, version }) => [key, () => tracked.possible(version)] as const),
      )
    } catch {
      // Without the note the next opening compares with more versions; it is tried again, unless the store is
      // being closed.
      if (!this.#closing) for (const { key } of due) this.add(key)
      return
    }
    for (const { key, tracked, version } of due) {
      tracked.settle(version)
      if (this.#store.state.has(key) || tracked.possible().length > 1 || version.hash !== null)
        this.#deleted.delete(key)
      else this.#deleted.add(key, tracked)
    }
    this.#deleted.trim()
  }
}

/**
 * True when everything that the journal is to know of a file can be said by its versions from the known one
 * on.
 */
function isSettled({ replaced, recovering }: TrackedFile): boolean {
  return !recovering && (!replaced || replaced.isInspected === true)
}

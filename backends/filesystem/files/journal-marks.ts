import { dirname } from 'node:path'
import type { Key } from '../../../model/key.ts'
import type { Layout } from '../format/layout.ts'
import type { EditStore } from '../reconcile/hand-edit.ts'
import type { TrackedFile } from '../reconcile/tracked-file.ts'
import type { DeletedFiles } from './deleted-files.ts'
import { DurableFolders } from './durable-folders.ts'

/** How long (ms) files are gathered before the journal notes what they hold. */
const GATHER_MS = 500

/**
 * Notes in the journal which versions the readable files hold.
 *
 * Invariant: a mark is written only once the version it notes is durable in the file, and names every version
 * that the file may hold until then.
 */
export class JournalMarks {
  readonly #tracked: ReadonlyMap<Key, TrackedFile>
  readonly #deleted: DeletedFiles
  readonly #layout: Layout
  readonly #store: EditStore
  readonly #folders: DurableFolders
  readonly #due = new Set<Key>()
  /** Resolves with the last note: notes are written one after the other, so it is the last of all. */
  #noting = Promise.resolve()
  #timer: NodeJS.Timeout | undefined
  #closing = false

  /** `tracked`: all files. */
  constructor(
    tracked: ReadonlyMap<Key, TrackedFile>,
    deleted: DeletedFiles,
    layout: Layout,
    store: EditStore,
  ) {
    this.#tracked = tracked
    this.#deleted = deleted
    this.#layout = layout
    this.#store = store
    this.#folders = new DurableFolders(layout.path)
  }

  /** Notes this file soon: its last version is what it will hold. */
  add(key: Key): void {
    this.#due.add(key)
    this.#timer ??= setTimeout(() => {
      void this.flush()
    }, GATHER_MS).unref()
  }

  /** Notes all files that are due. */
  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#noting = this.#noting.then(() => this.#note())
    return this.#noting
  }

  /** Retries no note any more: the next opening does the rest. */
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
      // Only the names are left to sync: what we wrote was synced before it got its name, and what a person
      // wrote before it was committed.
      for (const folder of new Set(due.map(({ key }) => dirname(this.#layout.file(key)))))
        await this.#folders.sync(folder)
      await this.#store.commit(
        [],
        due.map(({ key, tracked, version }) => [key, () => tracked.possible(version)] as const),
      )
    } catch {
      // Without the note the next opening compares with more versions. It is retried unless the store closes.
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

/** True when the versions from the known one on are all that the journal has to know of a file. */
function isSettled({ replaced, leftover }: TrackedFile): boolean {
  return leftover !== 'unsettled' && (!replaced || replaced.isInspected === true)
}

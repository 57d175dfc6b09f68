import { readdir, readFile, rm } from 'node:fs/promises'
import { isSettingsError } from '../../model/errors.ts'
import type { Key } from '../../model/key.ts'
import type { BackendContext, FileProblem, Operation, Outcome } from '../backend.ts'
import { keyOf } from '../changes.ts'
import { Expiry } from './expiry.ts'
import { ReadableFiles } from './files/readable-files.ts'
import { unwritable } from './format/failures.ts'
import { makeFolder } from './format/folder.ts'
import { hasFile, type Layout } from './format/layout.ts'
import { FORMAT } from './format/record.ts'
import { Committer } from './journal/committer.ts'
import { type CompactionLimits, Compactor } from './journal/compactor.ts'
import type { Mark, PlannedCommit } from './journal/group.ts'
import { beginLog, Journal } from './journal/journal.ts'
import { type Disk, type JournalFile, logPath, openNew } from './journal/journal-folder.ts'
import { type Replay, replay, type Torn } from './journal/replay.ts'
import type { State } from './journal/state.ts'
import type { BatchWindow, WindowLimits } from './journal/window.ts'
import { type Lock, takeLock } from './lock.ts'
import { refuseOverlap } from './overlap.ts'

/** How often (ms) an idle store looks whether its journal is still there. */
const JOURNAL_CHECK_MS = 1_000

/** The parts and limits of a store, besides its path. */
export interface StoreParts {
  readonly disk: Disk
  readonly window: WindowLimits
  readonly compaction: CompactionLimits
  readonly entryBytes: number
}

/** An open store; it belongs to this process until it is closed. */
export class FilesystemStore {
  readonly state: State
  readonly window: BatchWindow
  readonly #journal: Journal
  readonly #lock: Lock
  readonly #committer: Committer
  readonly #compactor: Compactor
  readonly #expiry: Expiry
  readonly #files: ReadableFiles
  readonly #watch: NodeJS.Timeout

  /**
   * Locks, replays and opens the store in a folder.
   * @throws SettingsError STORE_UNWRITABLE, STORE_LOCKED, STORE_REFUSED, STORE_OVERLAP, STORE_DAMAGED,
   * STORE_FORMAT; the store is then unchanged and not locked.
   */
  static async open(
    layout: Layout,
    parts: StoreParts,
    report: BackendContext['report'],
    seal?: BackendContext['seal'],
  ): Promise<FilesystemStore> {
    await refuseOverlap(layout.path)
    await makeFolders(layout)
    const lock = takeLock(layout.lock, layout.path)
    let store: FilesystemStore | undefined
    try {
      const found = await replay(layout.journal, parts.window, hasFile)
      const journal = await openJournal(layout, parts.disk, found, report)
      store = new FilesystemStore(layout, parts, { report, ...(seal && { seal }) }, { found, journal, lock })
      const files = await store.#files.open(found.files, found.notes)
      if (!found.current && files > 0) report(imported(layout, files))
      await store.#expiry.resume()
      return store
    } catch (error) {
      // The caller gets the error of the opening, not one of this cleanup.
      await store?.close().catch(() => {})
      lock.release()
      throw isSettingsError(error) ? error : unwritable(layout.path, error)
    }
  }

  private constructor(
    layout: Layout,
    { disk, compaction, entryBytes }: StoreParts,
    { report, seal }: BackendContext,
    { found, journal, lock }: { readonly found: Replay; readonly journal: Journal; readonly lock: Lock },
  ) {
    this.state = found.state
    this.window = found.window
    this.#journal = journal
    this.#lock = lock
    const commit = (operations: readonly Operation[], marks?: readonly Mark[]) =>
      this.commit(operations, marks)
    this.#files = new ReadableFiles({ state: this.state, commit, layout, entryBytes, report, seal })
    const files = () => this.#files.records()
    this.#compactor = new Compactor(
      { folder: layout.journal, disk, state: this.state, journal, files, report },
      compaction,
      found.tail,
    )
    this.#committer = new Committer(this.state, journal, {
      betweenGroups: () => this.#compactor.betweenGroups(),
      onDurable: commits => this.#onDurable(commits),
    })
    this.#expiry = new Expiry(this.state, commit, layout.times)
    this.#watch = setInterval(() => void this.#keepJournal(), JOURNAL_CHECK_MS).unref()
  }

  /** @throws SettingsError STORE_FULL, STORE_UNREACHABLE, OUTCOME_UNKNOWN. */
  commit(operations: readonly Operation[], marks?: readonly Mark[]): Promise<Outcome> {
    return this.#committer.commit(operations, marks)
  }

  /** The readable files that do not show their documents, in byte order of their keys. */
  fileProblems(): readonly FileProblem[] {
    return this.#files.problems()
  }

  /** Writes missing readable files again. @throws SettingsError STORE_UNWRITABLE. */
  restoreFiles(keys?: readonly Key[]): Promise<readonly Key[]> {
    return this.#files.restore(keys)
  }

  /** Drains pending commits, flushes the readable files and releases the lock. */
  async close(): Promise<void> {
    try {
      await this.#expiry.stop()
      clearInterval(this.#watch)
      await this.#committer.idle()
      await this.#keepJournal()
      await this.#files.close()
      await this.#committer.close()
      await this.#compactor.stop()
      await this.#journal.close()
    } finally {
      this.#lock.release()
    }
  }

  /** Has a journal written again that a person removed; a failure is retried by the next commit or check. */
  async #keepJournal(): Promise<void> {
    if (this.#journal.isLost) await this.commit([]).catch(() => {})
  }

  #onDurable(commits: readonly PlannedCommit[]): void {
    const expiring = this.state.expires.size > 0
    for (const { batch, ttls } of commits) this.state.apply(batch, ttls)
    this.window.append(commits.map(({ batch }) => batch))
    for (const { batch } of commits) for (const change of batch.changes) this.#files.committed(keyOf(change))
    if (expiring || this.state.expires.size > 0) this.#expiry.arm()
  }
}

async function makeFolders(layout: Layout): Promise<void> {
  try {
    await makeFolder(layout.journal)
    await readdir(layout.path)
  } catch (error) {
    throw unwritable(layout.path, error)
  }
}

async function openJournal(
  layout: Layout,
  disk: Disk,
  found: Replay,
  report: BackendContext['report'],
): Promise<Journal> {
  const folder = layout.journal
  try {
    for (const file of found.obsolete) await removeObsolete(file, report)
    if (!found.current) {
      // The names above the journal are synced first, so that an error leaves no file open.
      await disk.syncFolder(layout.path)
      return new Journal(folder, disk, {
        ...(await beginLog(folder, disk, { format: FORMAT, number: 1, revision: '0' })),
        number: 1,
      })
    }
    if (found.torn) await keepTorn(found.torn)
    const file = await disk.open(logPath(folder, found.current.number), false)
    await syncLog(file, found)
    if (found.torn) report(tornProblem(found.torn))
    return new Journal(folder, disk, { file, ...found.current })
  } catch (error) {
    throw unwritable(layout.path, error)
  }
}

/** Removes an obsolete file of the journal; if that fails, the next opening finds it again. */
async function removeObsolete(file: string, report: BackendContext['report']): Promise<void> {
  await rm(file, { force: true }).catch(error => {
    const reason = error instanceof Error ? error.message : String(error)
    report({
      code: 'FILE_UNWRITABLE',
      source: file,
      message: `The journal file ${file} is no longer needed and cannot be removed: ${reason}. Remove it.`,
    })
  })
}

/** Makes the records durable that the last process wrote and did not sync, before any caller sees them. */
async function syncLog(file: JournalFile, { current, torn }: Replay): Promise<void> {
  try {
    if (torn && current) await file.truncate(current.length)
    await file.sync()
  } catch (error) {
    await file.close()
    throw error
  }
}

async function keepTorn({ file, length }: Torn): Promise<void> {
  const bytes = await readFile(file)
  const kept = await openNew(`${file}.torn`)
  try {
    await kept.writeFile(bytes.subarray(length))
  } finally {
    await kept.close()
  }
}

function tornProblem({ file, lost }: Torn) {
  const message = `The last write to the journal was incomplete and never acknowledged; its ${lost} bytes were moved to ${file}.torn.`
  return { code: 'JOURNAL_TORN', source: file, message } as const
}

function imported(layout: Layout, files: number) {
  const message = `The journal ${layout.journal} did not exist; a new one was created from ${files} readable files.`
  return { code: 'STORE_IMPORTED', source: layout.path, message } as const
}

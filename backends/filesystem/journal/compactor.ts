import type { Key } from '../../../model/key.ts'
import type { BackendContext } from '../../backend.ts'
import type { FileRecord } from '../format/file-record.ts'
import { type JournalSnapshot, removeSuperseded, writeSnapshot } from './compaction.ts'
import type { Journal } from './journal.ts'
import type { Disk } from './journal-folder.ts'
import type { State } from './state.ts'

/** The limits for the size of the journal, in bytes. */
export interface CompactionLimits {
  /** A new log is started when a log is larger than this. */
  readonly log: number
  /** A snapshot is due when the logs since the last one are larger than this ... */
  readonly tail: number
  /** ... and this many times larger than the entries of the store. */
  readonly ratio: number
}

/** The delay (ms) before a failed snapshot is retried. */
const SNAPSHOT_RETRY_MS = 10_000

/** Everything that a compactor works with. */
export interface Compactable {
  readonly folder: string
  readonly disk: Disk
  readonly state: State
  readonly journal: Journal
  /** The versions and the notes of each readable file. */
  readonly files: () => ReadonlyMap<Key, FileRecord>
  readonly report: BackendContext['report']
}

/**
 * Decides when a new log and a snapshot are due.
 *
 * Invariant: the state for a snapshot is taken between two groups, together with the start of a log; all
 * other work is done while commits continue.
 */
export class Compactor {
  readonly #store: Compactable
  readonly #limits: CompactionLimits
  readonly #stopping = new AbortController()
  /** Bytes of the logs since the newest snapshot, less those that this journal has written. */
  #tail: number
  #running: Promise<void> | undefined
  #notBefore = Number.NEGATIVE_INFINITY
  /** The reason why the last snapshot failed: reported once, until a snapshot succeeds. */
  #failure: string | undefined

  /** `tail`: the bytes of the logs since the newest snapshot. */
  constructor(store: Compactable, limits: CompactionLimits, tail: number) {
    this.#store = store
    this.#limits = limits
    this.#tail = tail
    store.journal.onLost((folder, number) => this.#writeAll(folder, number))
  }

  /**
   * Starts a new log, and a snapshot, when one is due; to be called while nothing is being written. Never
   * rejects.
   */
  async betweenGroups(): Promise<void> {
    const { journal, state } = this.#store
    // The journal is written again as a whole before the next append.
    if (journal.isLost) return
    const due = this.#isDue()
    if (!due && journal.length <= this.#limits.log) return
    try {
      await journal.rotate(state.revision)
    } catch {
      // The journal now rejects commits, with the reason, until it can start a log.
      return
    }
    if (due) this.#running = this.#compact()
  }

  /** Resolves when no snapshot is being written. */
  async idle(): Promise<void> {
    await this.#running
  }

  /** Aborts the snapshot that is being written, if any; the next process writes one. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  #isDue(): boolean {
    const { journal, state } = this.#store
    if (this.#running || this.#stopping.signal.aborted || performance.now() < this.#notBefore) return false
    const tail = this.#tail + journal.written
    return journal.suspect || (tail > this.#limits.tail && tail > this.#limits.ratio * state.bytes)
  }

  /** Writes the state into a new journal, because a person removed the one in use. */
  async #writeAll(folder: string, number: number): Promise<void> {
    const { disk, journal, report, folder: source } = this.#store
    await this.#running
    const snapshot = this.#snapshot(number)
    await writeSnapshot(folder, disk, snapshot, new AbortController().signal)
    this.#tail = -journal.written
    const message = `The journal ${source} was removed or replaced while the service ran. It is written again with all ${snapshot.entries.length} documents; nothing is lost. Do not remove it.`
    report({ code: 'JOURNAL_REMOVED', source, message })
  }

  /** The state of this moment, in which nothing is being written. */
  #snapshot(number: number): JournalSnapshot {
    const { state, files } = this.#store
    const { revision } = state
    const entries = [...state.entries()]
    return { number, revision, entries, ttls: state.timesLeft(), files: files() }
  }

  async #compact(): Promise<void> {
    const { folder, disk, journal } = this.#store
    const { number, suspect, written } = journal
    const snapshot = this.#snapshot(number)
    try {
      await writeSnapshot(folder, disk, snapshot, this.#stopping.signal)
      this.#tail = -written
      if (suspect) journal.clearSuspect()
      await removeSuperseded(folder, number, !suspect)
      this.#failure = undefined
    } catch (error) {
      // All logs still exist, so only space is lost; on a full disk, commits fail with their own error.
      this.#notBefore = performance.now() + SNAPSHOT_RETRY_MS
      this.#reportFailure(error)
    } finally {
      this.#running = undefined
    }
  }

  #reportFailure(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    if (this.#stopping.signal.aborted || reason === this.#failure) return
    this.#failure = reason
    const { folder, report } = this.#store
    report({
      code: 'FILE_UNWRITABLE',
      source: folder,
      message: `The journal ${folder} cannot be compacted and keeps growing: ${reason}. No data is lost.`,
    })
  }
}

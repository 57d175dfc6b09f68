import type { Key } from '../../../model/key.ts'
import type { FileProblem } from '../../backend.ts'
import { earlierLimit, type FileNotes } from '../format/file-notes.ts'
import type { FileRecord } from '../format/file-record.ts'
import { type FileVersion, NO_FILE } from '../format/file-version.ts'
import { hasFile, readableKind } from '../format/layout.ts'
import type { Replay } from '../journal/replay.ts'
import { problemOf } from '../reconcile/file-problems.ts'
import { FileReconciler } from '../reconcile/file-reconciler.ts'
import { withHashes } from '../reconcile/held-version.ts'
import type { ReconcilerContext } from '../reconcile/reconciler-context.ts'
import { TrackedFile } from '../reconcile/tracked-file.ts'
import { adoptFile } from './adopt-file.ts'
import { DeletedFiles } from './deleted-files.ts'
import { FileWalks } from './file-walks.ts'
import { forEachYielding } from './for-each-yielding.ts'
import { JournalMarks } from './journal-marks.ts'
import { MissingReports } from './missing-reports.ts'
import { RemovalRule } from './removal-rule.ts'
import { Restoration } from './restoration.ts'
import { walk } from './scan.ts'
import { Schedule } from './schedule.ts'

/** The longest an opening waits (ms) for files that are being written, or for the journal. */
const OPEN_WAIT_MS = 2_500
/** How long (ms) a closing starts to reconcile further files; the next opening does the rest. */
const CLOSE_WAIT_MS = 60_000

/**
 * The readable files beside the journal, updated after commits without delaying them, and watched for hand
 * edits.
 *
 * Invariant: the marks of the journal never say that a file holds a version before that is durable, and name
 * every version that the file may hold until then. So the next opening can distinguish a file that was
 * not written yet from one that a person changed.
 *
 * Invariant of absences: a missing file deletes its document only under three conditions. This process saw
 * the file in that very folder; the folder was in place at every look for a second; and at least half of the
 * files known there are still there, or it was the only one. Any other absence changes nothing: document and
 * file stay as they are until the file is back, the document changes or a person decides, over restarts too.
 * {@link problems} lists it meanwhile.
 */
export class ReadableFiles {
  readonly #context: ReconcilerContext
  readonly #reconciler: FileReconciler
  readonly #schedule: Schedule
  readonly #tracked = new Map<Key, TrackedFile>()
  readonly #walks: FileWalks
  readonly #marks: JournalMarks
  readonly #missing: MissingReports
  readonly #deleted: DeletedFiles
  readonly #removals: RemovalRule
  readonly #restoration: Restoration

  constructor(context: Omit<ReconcilerContext, 'isRemoval' | 'missing' | 'remember'>) {
    this.#context = {
      ...context,
      // Every mark of the versions of a file carries the notes about it.
      commit: (operations, marks) =>
        context.commit(
          operations,
          marks?.map(
            ([key, versions, notes]) =>
              [key, versions, () => ({ ...this.#of(key).notes(), ...notes?.() })] as const,
          ),
        ),
      remember: key => this.#marks.add(key),
      isRemoval: (key, tracked) => this.#removals.isRemoval(key, tracked),
      missing: key => this.#missing.add(key),
    }
    const { layout, state, report } = context
    const touch = (key: Key, delay?: number) => this.#schedule.touch(key, delay)
    const tracked = this.#tracked
    this.#deleted = new DeletedFiles(tracked, state)
    this.#marks = new JournalMarks(tracked, this.#deleted, layout, this.#context)
    this.#removals = new RemovalRule(tracked, layout)
    this.#missing = new MissingReports(tracked, layout, report)
    this.#restoration = new Restoration({ tracked, layout, state, touch })
    this.#reconciler = new FileReconciler(this.#context)
    this.#schedule = new Schedule(key => this.#reconcile(key))
    this.#walks = new FileWalks({ tracked, layout, report, touch })
  }

  /**
   * Compares all files with the marks of the journal, applies edits that were made meanwhile, and starts to
   * watch. Resolves with the number of files found.
   */
  async open(files: Replay['files'], notes: Replay['notes'] = new Map()): Promise<number> {
    const inUse = new Set(
      [...files].flatMap(([key, versions]) =>
        versions.some(({ hash }) => hash !== null) ? (readableKind(key) ?? []) : [],
      ),
    )
    const found = await walk(this.#context.layout, kind => !inUse.has(kind))
    const keys = new Set([...files.keys(), ...found.files.keys(), ...found.unfinished])
    for (const { key } of this.#context.state.entries()) if (hasFile(key)) keys.add(key)
    await forEachYielding(keys, key => {
      const isAbsent = !found.files.has(key) && !found.unfinished.has(key)
      if (isAbsent && this.#deleted.adopt(key, files.get(key), notes.get(key))) return
      return this.#adopt(key, files.get(key), notes.get(key), found.unfinished.has(key))
    })
    this.#deleted.trim()
    for (const key of keys) if (!this.#deleted.has(key)) this.#schedule.touch(key)
    await this.#schedule.settled(OPEN_WAIT_MS)
    await this.#marks.flush()
    this.#walks.report(found)
    this.#missing.flush()
    this.#walks.start(found)
    return found.files.size
  }

  /** Called when a commit changed this document. */
  committed(key: Key): void {
    if (!hasFile(key)) return
    this.#of(key)
    this.#schedule.touch(key)
  }

  /** The versions that every readable file may hold, with the notes about it, for a snapshot. */
  records(): ReadonlyMap<Key, FileRecord> {
    const limit = earlierLimit(this.#tracked.size)
    for (const tracked of this.#tracked.values()) tracked.limitEarlier(limit)
    return new Map(
      [...this.#tracked].map(([key, tracked]) => [
        key,
        { versions: tracked.possible(), notes: tracked.notes() },
      ]),
    )
  }

  /** The readable files that do not show their documents, in byte order of their keys. */
  problems(): readonly FileProblem[] {
    const { layout, state } = this.#context
    return [...this.#tracked]
      .flatMap(([key, tracked]) => problemOf(key, () => layout.file(key), tracked, state.has(key)) ?? [])
      .sort((a, b) => (a.key < b.key ? -1 : 1))
  }

  /**
   * Writes the missing files of these documents, or of all, again. Resolves with the keys whose files exist
   * again, in byte order.
   * @throws SettingsError STORE_UNWRITABLE when one cannot be written; the others are written.
   */
  restore(keys: Iterable<Key> = this.#tracked.keys()): Promise<readonly Key[]> {
    return this.#restoration.restore(keys)
  }

  /**
   * Writes what is due and notes it in the journal. Edits that have not lasted long enough stay in their
   * files, for the next opening.
   */
  async close(): Promise<void> {
    this.#restoration.stop()
    this.#marks.stop()
    await this.#walks.stop()
    this.#reconciler.isClosing = true
    await this.#schedule.finish(CLOSE_WAIT_MS)
    await this.#marks.flush()
    this.#missing.flush()
    this.#restoration.close()
  }

  async #reconcile(key: Key): Promise<number | undefined> {
    const again = await this.#reconciler.reconcile(key, this.#of(key))
    this.#restoration.onReconciled(key)
    return again
  }

  #of(key: Key): TrackedFile {
    const tracked = this.#tracked.get(key) ?? new TrackedFile()
    this.#tracked.set(key, tracked)
    return tracked
  }

  async #adopt(
    key: Key,
    versions: readonly FileVersion[] | undefined,
    notes: FileNotes | undefined,
    isUnfinished: boolean,
  ): Promise<void> {
    const current = this.#context.state.get(key)?.text
    const known =
      versions ?? (current === undefined ? [NO_FILE] : [NO_FILE, { hash: undefined, text: current }])
    const candidates = withHashes(known)
    const tracked = new TrackedFile(candidates, notes)
    this.#tracked.set(key, tracked)
    await adoptFile({ key, tracked, candidates, notes, isUnfinished }, this.#reconciler, this.#context)
  }
}

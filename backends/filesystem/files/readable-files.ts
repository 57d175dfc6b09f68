import { dirname } from 'node:path'
import type { Key } from '../../../model/key.ts'
import type { FileProblem } from '../../backend.ts'
import { earlierLimit, type FileNotes } from '../format/file-notes.ts'
import type { FileRecord } from '../format/file-record.ts'
import { type FileVersion, NO_FILE } from '../format/file-version.ts'
import { hasFile, neighbours, type ReadableKind, readableKind } from '../format/layout.ts'
import type { Replay } from '../journal/replay.ts'
import { heldVersion, withHashes } from './adopt.ts'
import { DeletedFiles } from './deleted-files.ts'
import { problemOf } from './file-problems.ts'
import { FileReconciler } from './file-reconciler.ts'
import { identifyFolder } from './folder-identity.ts'
import { inTurns } from './in-turns.ts'
import { JournalMarks } from './journal-marks.ts'
import { MissingReports } from './missing-reports.ts'
import { isAbsent, look, signatureNow } from './readable-file.ts'
import type { ReconcilerContext } from './reconciler-context.ts'
import { RemovalRule } from './removal-rule.ts'
import { Restoration } from './restoration.ts'
import { FolderWatch, type Walk, walk } from './scan.ts'
import { Schedule } from './schedule.ts'
import { TrackedFile } from './tracked-file.ts'
import { WalkReports } from './walk-reports.ts'
import { WalkTimer } from './walk-timer.ts'

/**
 * How often (ms) all files are looked over at least, and how many times longer than a walk the pause after it
 * is.
 */
const PERIOD = 1_000
const PAUSE = 50
/** How long (ms) after a touch a file is looked at, for editors touch it several times. */
const DEBOUNCE = 60
/** The longest an opening waits (ms) for files that somebody is just writing, or for the journal. */
const OPENING = 2_500
/** The longest a closing goes on to begin with files (ms); the next opening does the rest. */
const CLOSING = 60_000

/**
 * The readable files beside the journal, kept up to date off the path of commits, and watched for hand edits.
 *
 * Invariant: the journal's marks never say that a file holds something before that is durable, and name
 * everything the file may hold until then; so at the next opening what was merely not written yet is told
 * from what a person did.
 *
 * Invariant of absences: a missing file deletes its document only if this process saw the file in that very
 * folder, the folder was in place at every look for a second, and at least half of the files known there are
 * there still, or it was the only one. Any other absence changes nothing: document and file stay as they are
 * until the file is back, the document changes or a person decides, over restarts too; {@link problems} names
 * it meanwhile.
 */
export class ReadableFiles {
  readonly #context: ReconcilerContext
  readonly #reconciler: FileReconciler
  readonly #schedule: Schedule
  readonly #watch: FolderWatch
  readonly #walks = new WalkTimer(() => this.#walk())
  readonly #tracked = new Map<Key, TrackedFile>()
  readonly #marks: JournalMarks
  readonly #reports: WalkReports
  readonly #missing: MissingReports
  readonly #deleted: DeletedFiles
  readonly #removals: RemovalRule
  readonly #restoration: Restoration

  constructor(context: Omit<ReconcilerContext, 'isRemoval' | 'missing' | 'remember'>) {
    this.#context = {
      ...context,
      // Whatever is noted of the versions of a file, what else is known of it is noted with them.
      commit: (operations, marks) =>
        context.commit(
          operations,
          marks?.map(([key, versions]) => [key, versions, () => this.#of(key).notes()] as const),
        ),
      remember: key => this.#marks.add(key),
      isRemoval: (key, tracked) => this.#removals.isRemoval(key, tracked),
      missing: key => this.#missing.add(key),
    }
    const { layout, state, report } = context
    this.#deleted = new DeletedFiles(this.#tracked, state)
    this.#marks = new JournalMarks(this.#tracked, this.#deleted, layout, this.#context)
    this.#removals = new RemovalRule(this.#tracked, layout)
    this.#missing = new MissingReports(this.#tracked, layout, report)
    this.#reports = new WalkReports(report)
    this.#restoration = new Restoration({
      tracked: this.#tracked,
      layout,
      state,
      touch: key => this.#schedule.touch(key),
    })
    this.#reconciler = new FileReconciler(this.#context)
    this.#schedule = new Schedule(key => this.#attend(key))
    this.#watch = new FolderWatch(path => this.#noticed(path))
  }

  /**
   * Compares all files with what the journal says of them, takes in what was edited meanwhile, and begins to
   * watch. Gives how many files there were.
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
    await inTurns(keys, key => {
      const isAbsent = !found.files.has(key) && !found.unfinished.has(key)
      if (isAbsent && this.#deleted.adopt(key, files.get(key), notes.get(key))) return
      return this.#adopt(key, files.get(key), notes.get(key), found.unfinished.has(key))
    })
    this.#deleted.trim()
    for (const key of keys) if (!this.#deleted.has(key)) this.#schedule.touch(key)
    await this.#schedule.settled(OPENING)
    await this.#marks.flush()
    this.#reports.walked(found)
    this.#missing.flush()
    this.#watch.follow(found.folders)
    this.#walks.within(PERIOD)
    return found.files.size
  }

  /** A commit changed this document. */
  committed(key: Key): void {
    if (!hasFile(key)) return
    this.#of(key)
    this.#schedule.touch(key)
  }

  /** What every readable file may hold, and what else is known of it, for a snapshot. */
  records(): ReadonlyMap<Key, FileRecord> {
    const limit = earlierLimit(this.#tracked.size)
    for (const tracked of this.#tracked.values()) tracked.forget(limit)
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
   * Writes the missing files of these documents, or of all, again; gives the keys whose files are there
   * again, in byte order.
   * @throws SettingsError STORE_UNWRITABLE when one cannot be written; the others are there.
   */
  restore(keys: Iterable<Key> = this.#tracked.keys()): Promise<readonly Key[]> {
    return this.#restoration.restore(keys)
  }

  /**
   * Writes what is due and notes it in the journal. Edits that are not ripe stay in their files, for the next
   * opening.
   */
  async close(): Promise<void> {
    this.#restoration.stop()
    this.#marks.stop()
    await this.#walks.stop()
    // Only now: a walk follows what it finds.
    this.#watch.stop()
    this.#reconciler.hurry = true
    await this.#schedule.finish(CLOSING)
    await this.#marks.flush()
    this.#missing.flush()
    this.#restoration.close()
  }

  async #attend(key: Key): Promise<number | undefined> {
    const again = await this.#reconciler.attend(key, this.#of(key))
    this.#restoration.attended(key)
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
    const file = this.#context.layout.file(key)
    const tracked = new TrackedFile(candidates, notes)
    this.#tracked.set(key, tracked)
    const seen = await look(file).catch(() => undefined)
    const folder = identifyFolder(dirname(file))
    const version = seen && heldVersion(tracked, seen, folder)
    if (version?.hash === null) tracked.missFolder(folder)
    if (version) {
      tracked.end(version)
      // Taken away by a process that died before it put the next one there.
      tracked.untidy = version.hash === null && version.text !== undefined
      if (seen.settled && seen.hash === version.hash) tracked.signature = seen.signature
    }
    // It holds one of the versions, but cannot be looked at, or is away; a text that came back is judged when
    // it is attended to.
    tracked.unseen = !version && (!seen || (seen.hash === null && candidates.length > 1))
    // A folder may not be readable of which each file is.
    const isTaken = seen?.hash === null && mayBeThere(neighbours(file).replaced)
    if (isUnfinished || isTaken) await this.#reconciler.recover(key, tracked)
    if (seen && !tracked.recovering && tracked.known.hash !== null && signatureNow(file) === 'no file') {
      tracked.keep()
      if (!notes?.kept) this.#marks.add(key)
      this.#missing.add(key)
    } else if (version && (candidates.length > 1 || candidates[0]?.hash !== version.hash))
      this.#marks.add(key)
  }

  #noticed(path: string): void {
    const key = this.#context.layout.key(path)
    if (key) this.#schedule.touch(key, DEBOUNCE)
    else if (!path.endsWith('.tmp') && !path.endsWith('.replaced')) this.#walks.later(DEBOUNCE)
  }

  async #walk(): Promise<void> {
    const began = performance.now()
    try {
      const inUse = this.#kindsInUse()
      const found = await walk(this.#context.layout, kind => !inUse.has(kind))
      this.#watch.follow(found.folders)
      await inTurns(found.files, ([key, file]) => {
        const signature = this.#tracked.get(key)?.signature
        if (signature === undefined || signature !== signatureNow(file)) this.#schedule.touch(key)
      })
      this.#lookForLeftovers(found)
      this.#lookForMissing(found)
      this.#reports.walked(found)
    } catch (error) {
      this.#reports.failed(this.#context.layout.path, String(error))
    }
    this.#walks.within(Math.max(PERIOD, PAUSE * (performance.now() - began)))
  }

  /** Kinds that have files, as far as is known: a missing folder of theirs may come back. */
  #kindsInUse(): ReadonlySet<ReadableKind> {
    return new Set(
      [...this.#tracked].flatMap(([key, { known }]) =>
        known.hash === null ? [] : (readableKind(key) ?? []),
      ),
    )
  }

  #lookForMissing({ files }: Walk): void {
    for (const [key, { known, kept }] of this.#tracked) {
      if (known.hash !== null && !kept && !files.has(key)) this.#schedule.touch(key)
    }
  }

  /**
   * A folder that came back may have what a process left in it that died, or was at work, when the folder
   * went away.
   */
  #lookForLeftovers({ unfinished }: Walk): void {
    for (const key of unfinished) {
      const tracked = this.#tracked.get(key)
      if (!tracked || tracked.replaced) continue
      tracked.leftover = true
      this.#schedule.touch(key)
    }
  }
}

/** True when something has this name, as far as can be told. */
function mayBeThere(file: string): boolean {
  try {
    return !isAbsent(file)
  } catch {
    return true
  }
}

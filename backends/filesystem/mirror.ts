import { readdirSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { SettingsError } from '../../model/errors.ts'
import type { Key } from '../../model/key.ts'
import type { JsonObject } from '../../model/value.ts'
import type { FileProblem } from '../backend.ts'
import { lastHeld, withHashes } from './adopt.ts'
import { Attendant, type Office } from './attendant.ts'
import { earlierLimit, type FileNotes } from './file-notes.ts'
import { missingProblems, problemOf, unwritableMessage } from './file-problems.ts'
import { type FileVersion, NO_FILE } from './file-version.ts'
import { type FolderIdentity, identifyFolder, isSameFolder } from './folder-identity.ts'
import { hasFile, neighbours, type ReadableKind, readableKind } from './layout.ts'
import { parseReadable } from './readable.ts'
import { isAbsent, look, makeDurable, type Seen, signatureNow } from './readable-file.ts'
import type { Replay } from './replay.ts'
import { FolderWatch, type Walk, walk } from './scan.ts'
import { Schedule } from './schedule.ts'
import { type FileRecord, TrackedFile } from './tracked-file.ts'
import { WalkTimer } from './walk-timer.ts'

/** How often (ms) all files are looked over at least, and how many times longer than a walk the pause after it is. */
const PERIOD = 1_000
const PAUSE = 50
/** How long (ms) after a touch a file is looked at, for editors touch it several times. */
const DEBOUNCE = 60
/** How long (ms) to gather before the journal notes which files are written. */
const GATHER = 500
/** The longest an opening waits (ms) for files that somebody is just writing, or for the journal. */
const OPENING = 2_500
/** The longest a closing goes on to begin with files (ms); the next opening does the rest. */
const CLOSING = 60_000
/** How long (ms) files that are found missing are gathered, so that a lost folder is told in one sentence. */
const TOLD = 300
/** For how long (ms) what is still there of a folder holds for all its missing files, which are gone for longer than that. */
const COUNTED = 200
/** How many deleted documents are remembered whose files may come back with their folder, or a copy of it. */
const GONE = 10_000
/** Of how many folders is remembered that their names are durable. */
const DURABLE = 10_000
/** How often writing one missing file again is begun anew, when others touch it meanwhile. */
const RESTORING = 20

/**
 * The readable files beside the journal, kept up to date off the path of commits, and watched for hand edits.
 *
 * Invariant: the journal's marks never say that a file holds something before that is durable, and name everything the file may hold until then; so at the
 * next opening what was merely not written yet is told from what a person did.
 *
 * Invariant of absences: a missing file deletes its document only if this process saw the file in that very folder, the
 * folder was in place at every look for a second, and at least half of the files known there are there still, or it was the
 * only one. Any other absence changes nothing: document and file stay as they are until the file is back, the document
 * changes or a person decides, over restarts too; {@link problems} names it meanwhile.
 */
export class Mirror {
  readonly #office: Office
  readonly #attendant: Attendant
  readonly #schedule: Schedule
  readonly #watch: FolderWatch
  readonly #walks = new WalkTimer(() => this.#walk())
  readonly #tracked = new Map<Key, TrackedFile>()
  readonly #unmarked = new Set<Key>()
  readonly #reported = new Set<string>()
  /** Folders whose own names are durable. */
  readonly #durable = new Map<string, FolderIdentity>()
  #suspects: readonly string[] = []
  /** Files found missing that are yet to be reported. */
  readonly #missing = new Set<Key>()
  #missingTimer: NodeJS.Timeout | undefined
  /** Deleted documents whose files may come back with a folder, the oldest first. */
  readonly #gone = new Set<Key>()
  #counts = new Map<string, { readonly at: number; readonly isMostlyThere: boolean }>()
  readonly #attended = new Map<Key, (() => void)[]>()
  /** The last of the notes: one begins when the one before it is over, so who waits for the last waits for all. */
  #marking = Promise.resolve()
  #markTimer: NodeJS.Timeout | undefined
  #closing = false

  constructor(office: Omit<Office, 'isRemoval' | 'missing' | 'remember'>) {
    this.#office = {
      ...office,
      // Whatever is noted of the versions of a file, what else is known of it is noted with them.
      commit: (operations, marks) =>
        office.commit(
          operations,
          marks?.map(([key, versions]) => [key, versions, () => this.#of(key).notes()] as const),
        ),
      remember: key => this.#remember(key),
      isRemoval: (key, tracked) => this.#isRemoval(key, tracked),
      missing: key => this.#reportMissing(key),
    }
    this.#attendant = new Attendant(this.#office)
    this.#schedule = new Schedule(key => this.#attend(key))
    this.#watch = new FolderWatch(path => this.#noticed(path))
  }

  /** Compares all files with what the journal says of them, takes in what was edited meanwhile, and begins to watch. Gives how many files there were. */
  async open(files: Replay['files'], notes: Replay['notes'] = new Map()): Promise<number> {
    const inUse = new Set([...files].flatMap(([key, versions]) => (versions.some(({ hash }) => hash !== null) ? (readableKind(key) ?? []) : [])))
    const found = await walk(this.#office.layout, kind => !inUse.has(kind))
    const keys = new Set([...files.keys(), ...found.files.keys(), ...found.unfinished])
    for (const { key } of this.#office.state.entries()) if (hasFile(key)) keys.add(key)
    await inTurns(keys, key => {
      const isAbsent = !found.files.has(key) && !found.unfinished.has(key)
      if (isAbsent && this.#remainsGone(key, files.get(key), notes.get(key))) return
      return this.#adopt(key, files.get(key), notes.get(key), found.unfinished.has(key))
    })
    this.#forgetGone()
    for (const key of keys) if (!this.#gone.has(key)) this.#schedule.touch(key)
    await this.#schedule.settled(OPENING)
    await this.#mark()
    this.#suspects = found.foreign
    this.#reportUnreadable(found)
    this.#tellMissing()
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
    return new Map([...this.#tracked].map(([key, tracked]) => [key, { versions: tracked.possible(), notes: tracked.notes() }]))
  }

  /** The readable files that do not show their documents, in byte order of their keys. */
  problems(): readonly FileProblem[] {
    const { layout, state } = this.#office
    return [...this.#tracked]
      .flatMap(([key, tracked]) => problemOf(key, () => layout.file(key), tracked, state.has(key)) ?? [])
      .sort((a, b) => (a.key < b.key ? -1 : 1))
  }

  /**
   * Writes the missing files of these documents, or of all, again; gives the keys whose files are there again, in byte order.
   * @throws SettingsError STORE_UNWRITABLE when one cannot be written; the others are there.
   */
  async restore(keys: Iterable<Key> = this.#tracked.keys()): Promise<readonly Key[]> {
    const missing = [...new Set(keys)].filter(key => this.#isMissing(key))
    const failures: SettingsError[] = []
    const restored: Key[] = []
    await inTurns(missing.sort(), async key => {
      const failure = await this.#restore(key, this.#of(key))
      if (failure) failures.push(failure)
      else restored.push(key)
    })
    if (failures[0]) throw failures[0]
    return restored
  }

  /** Writes what is due and notes it in the journal. Edits that are not ripe stay in their files, for the next opening. */
  async close(): Promise<void> {
    this.#closing = true
    await this.#walks.stop()
    // Only now: a walk follows what it finds.
    this.#watch.stop()
    this.#attendant.hurry = true
    await this.#schedule.finish(CLOSING)
    clearTimeout(this.#markTimer)
    await this.#mark()
    this.#tellMissing()
    for (const resolve of [...this.#attended.values()].flat()) resolve()
  }

  async #attend(key: Key): Promise<number | undefined> {
    const again = await this.#attendant.attend(key, this.#of(key))
    const waiting = this.#attended.get(key) ?? []
    this.#attended.delete(key)
    for (const resolve of waiting) resolve()
    return again
  }

  /** True for a document whose file was there, or could not be written, and is absent; a new one is written anyway. */
  #isMissing(key: Key): boolean {
    const tracked = this.#tracked.get(key)
    if (!tracked || !this.#office.state.has(key)) return false
    const isDue = tracked.known.hash === null && tracked.failure === undefined
    return !isDue && signatureNow(this.#office.layout.file(key)) === 'no file'
  }

  /** Has one missing file written again; gives what was wrong when it is not there then. */
  async #restore(key: Key, tracked: TrackedFile): Promise<SettingsError | undefined> {
    const { layout, state } = this.#office
    const file = layout.file(key)
    let isThere = false
    for (let attempt = 0; !isThere && attempt < RESTORING && !this.#closing; attempt++) {
      tracked.restoring = true
      await new Promise<void>(resolve => {
        this.#attended.set(key, [...(this.#attended.get(key) ?? []), resolve])
        this.#schedule.touch(key)
      })
      isThere = signatureNow(file) !== 'no file' || !state.has(key)
      if (tracked.failure !== undefined) break
    }
    tracked.restoring = false
    if (isThere) return undefined
    const reason = tracked.failure ?? 'the store is being closed, or others change it all the time'
    return new SettingsError('STORE_UNWRITABLE', unwritableMessage(file, reason), { details: { key, path: file } })
  }

  /**
   * True when the absence of a file, of a second, is a removal by a person: its folder is the one in which this process saw it
   * last, and of the files known there at least half are there still, or it was the only one.
   */
  #isRemoval(key: Key, { folder, isGoneInPlace }: TrackedFile): boolean {
    const file = this.#office.layout.file(key)
    const path = dirname(file)
    const isInPlace = () => folder?.device !== undefined && isSameFolder(folder, identifyFolder(path))
    // Absent between two looks at the folder: it is that folder which lacks the file.
    if (!isGoneInPlace || !isInPlace() || signatureNow(file) !== 'no file' || !isInPlace()) return false
    const counted = this.#counts.get(path)
    if (counted && performance.now() - counted.at < COUNTED) return counted.isMostlyThere
    const isMostlyThere = this.#isMostlyThere(path)
    if (this.#counts.size > 100) this.#counts.clear()
    this.#counts.set(path, { at: performance.now(), isMostlyThere })
    return isMostlyThere
  }

  #isMostlyThere(folder: string): boolean {
    const names = namesIn(folder)
    if (!names) return false
    const known = [...this.#tracked].flatMap(([key, { known }]) => {
      const file = known.hash === null ? undefined : this.#office.layout.file(key)
      return file !== undefined && dirname(file) === folder ? basename(file) : []
    })
    const there = known.filter(name => names.has(name)).length
    return known.length <= 1 || 2 * there >= known.length
  }

  #reportMissing(key: Key): void {
    this.#missing.add(key)
    this.#missingTimer ??= setTimeout(() => this.#tellMissing(), TOLD).unref()
  }

  #tellMissing(): void {
    clearTimeout(this.#missingTimer)
    this.#missingTimer = undefined
    const keys = [...this.#missing].filter(key => this.#tracked.get(key)?.kept).sort()
    this.#missing.clear()
    for (const problem of missingProblems(keys, this.#office.layout)) this.#office.report(problem)
  }

  #of(key: Key): TrackedFile {
    const tracked = this.#tracked.get(key) ?? new TrackedFile()
    this.#tracked.set(key, tracked)
    return tracked
  }

  async #adopt(key: Key, versions: readonly FileVersion[] | undefined, notes: FileNotes | undefined, isUnfinished: boolean): Promise<void> {
    const current = this.#office.state.get(key)?.text
    const known = versions ?? (current === undefined ? [NO_FILE] : [NO_FILE, { hash: undefined, text: current }])
    const candidates = withHashes(known)
    const file = this.#office.layout.file(key)
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
    // It holds one of the versions, but cannot be looked at, or is away; a text that came back is judged when it is attended to.
    tracked.unseen = !version && (!seen || (seen.hash === null && candidates.length > 1))
    // A folder may not be readable of which each file is.
    const isTaken = seen?.hash === null && mayBeThere(neighbours(file).replaced)
    if (isUnfinished || isTaken) await this.#attendant.recover(key, tracked)
    if (seen && !tracked.recovering && tracked.known.hash !== null && signatureNow(file) === 'no file') {
      tracked.keep()
      if (!notes?.kept) this.#remember(key)
      this.#reportMissing(key)
    } else if (version && (candidates.length > 1 || candidates[0]?.hash !== version.hash)) this.#remember(key)
  }

  #remember(key: Key): void {
    this.#unmarked.add(key)
    this.#markTimer ??= setTimeout(() => {
      void this.#mark()
    }, GATHER).unref()
  }

  /** Notes in the journal what the files hold, once that is durable. */
  #mark(): Promise<void> {
    this.#marking = this.#marking.then(() => this.#note())
    return this.#marking
  }

  async #note(): Promise<void> {
    const due = [...this.#unmarked].flatMap(key => {
      const tracked = this.#tracked.get(key)
      return tracked && isSettled(tracked) ? [{ key, tracked, version: tracked.known }] : []
    })
    this.#unmarked.clear()
    this.#markTimer = undefined
    if (due.length === 0) return
    try {
      // What we wrote was synced before it got its name, and what a person wrote before it was taken in; the names are left.
      for (const folder of new Set(due.map(({ key }) => dirname(this.#office.layout.file(key))))) await this.#makeDurable(folder)
      await this.#office.commit(
        [],
        due.map(({ key, tracked, version }) => [key, () => tracked.possible(version)] as const),
      )
    } catch {
      // Without the note the next opening compares with more versions; it is tried again, unless the store is being closed.
      if (!this.#closing) for (const { key } of due) this.#remember(key)
      return
    }
    for (const { key, tracked, version } of due) {
      tracked.settle(version)
      if (this.#office.state.has(key) || tracked.possible().length > 1 || version.hash !== null) this.#gone.delete(key)
      else this.#isGone(key, tracked)
    }
    this.#forgetGone()
  }

  /** Makes the names in a folder durable, and its own name and those of the folders above it, once for each folder. */
  async #makeDurable(folder: string): Promise<void> {
    await makeDurable(folder)
    for (let path = folder; path !== this.#office.layout.path; path = dirname(path)) {
      const known = this.#durable.get(path)
      const now = identifyFolder(path)
      if (known && isSameFolder(known, now)) continue
      await makeDurable(dirname(path))
      if (this.#durable.size >= DURABLE) this.#durable.clear()
      if (now) this.#durable.set(path, now)
    }
  }

  /** A file and its document are no more: they are remembered, the newest last, if the file may come back. */
  #isGone(key: Key, tracked: TrackedFile): void {
    this.#gone.delete(key)
    this.#tracked.delete(key)
    if (!tracked.mayComeBack) return
    this.#gone.add(key)
    this.#tracked.set(key, tracked)
  }

  #remainsGone(key: Key, versions: readonly FileVersion[] = [], notes: FileNotes | undefined): boolean {
    const isGone = versions.length === 1 && versions[0]?.hash === null && !this.#office.state.has(key)
    if (isGone) this.#isGone(key, new TrackedFile(versions, notes))
    return isGone
  }

  #forgetGone(): void {
    for (const key of this.#gone) {
      if (this.#gone.size <= GONE) break
      this.#gone.delete(key)
      if (!this.#office.state.has(key) && this.#tracked.get(key)?.known.hash === null) this.#tracked.delete(key)
    }
  }

  #noticed(path: string): void {
    const key = this.#office.layout.key(path)
    if (key) this.#schedule.touch(key, DEBOUNCE)
    else if (!path.endsWith('.tmp') && !path.endsWith('.replaced')) this.#walks.later(DEBOUNCE)
  }

  async #walk(): Promise<void> {
    const began = performance.now()
    try {
      const inUse = this.#kindsInUse()
      const found = await walk(this.#office.layout, kind => !inUse.has(kind))
      this.#watch.follow(found.folders)
      await inTurns(found.files, ([key, file]) => {
        const signature = this.#tracked.get(key)?.signature
        if (signature === undefined || signature !== signatureNow(file)) this.#schedule.touch(key)
      })
      this.#lookForLeftovers(found)
      this.#lookForMissing(found)
      this.#reportForeign(found.foreign)
      this.#reportUnreadable(found)
    } catch (error) {
      this.#reportOnce('FILE_UNWRITABLE', this.#office.layout.path, `its readable files cannot be looked over: ${String(error)}`)
    }
    this.#walks.within(Math.max(PERIOD, PAUSE * (performance.now() - began)))
  }

  /** Kinds that have files, as far as is known: a missing folder of theirs may come back. */
  #kindsInUse(): ReadonlySet<ReadableKind> {
    return new Set([...this.#tracked].flatMap(([key, { known }]) => (known.hash === null ? [] : (readableKind(key) ?? []))))
  }

  #lookForMissing({ files }: Walk): void {
    for (const [key, { known, kept }] of this.#tracked) {
      if (known.hash !== null && !kept && !files.has(key)) this.#schedule.touch(key)
    }
  }

  /** A folder that came back may have what a process left in it that died, or was at work, when the folder went away. */
  #lookForLeftovers({ unfinished }: Walk): void {
    for (const key of unfinished) {
      const tracked = this.#tracked.get(key)
      if (!tracked || tracked.replaced) continue
      tracked.leftover = true
      this.#schedule.touch(key)
    }
  }

  #reportUnreadable({ unreadable }: Walk): void {
    for (const [folder, reason] of unreadable) {
      this.#reportOnce('FILE_UNWRITABLE', folder, `its readable files cannot be looked over: ${reason}; their documents are kept`)
    }
  }

  /** Reports names that no document has, once each, and only if they are there for two walks. */
  #reportForeign(foreign: readonly string[]): void {
    for (const path of foreign) {
      if (!this.#suspects.includes(path)) continue
      this.#reportOnce('KEY_FOREIGN', path, 'no document has a file of this name; it is ignored. A name is percent-encoded where it is not plain')
    }
    this.#suspects = foreign
  }

  #reportOnce(code: 'KEY_FOREIGN' | 'FILE_UNWRITABLE', source: string, what: string): void {
    if (this.#reported.has(source)) return
    this.#reported.add(source)
    this.#office.report({ code, source, message: `${source}: ${what}.` })
  }
}

/** Does something for each item, and lets the event loop turn now and then. */
async function inTurns<T>(items: Iterable<T>, act: (item: T) => void | Promise<void>): Promise<void> {
  let count = 0
  for (const item of items) {
    await act(item)
    if (++count % 100 === 0) await setImmediate()
  }
}

/**
 * What a file that was just looked at holds, of what it may hold; undefined when that is to be judged later: it is absent
 * without having been taken away by us, or holds an earlier text in a folder that was away.
 */
function heldVersion(tracked: TrackedFile, seen: Seen, folder: FolderIdentity | undefined): FileVersion | undefined {
  const versions = tracked.possible()
  const same = versions.findLast(({ hash }) => hash === seen.hash)
  if (same) return same
  if (seen.hash === null || tracked.isStray(seen.hash, folder)) return undefined
  return lastHeld(tracked.stray ? [tracked.stray, ...versions] : versions, seen.hash, objectIn(seen.bytes))
}

/** True when something has this name, as far as can be told. */
function mayBeThere(file: string): boolean {
  try {
    return !isAbsent(file)
  } catch {
    return true
  }
}

/** What is in a folder; undefined when it cannot be read: then nothing that is missing in it counts as removed. */
function namesIn(folder: string): ReadonlySet<string> | undefined {
  try {
    return new Set(readdirSync(folder))
  } catch {
    return undefined
  }
}

/** True when everything that the journal is to know of a file can be said by its versions from the known one on. */
function isSettled({ replaced, recovering }: TrackedFile): boolean {
  return !recovering && (!replaced || replaced.isInspected === true)
}

function objectIn(bytes: Buffer): JsonObject | undefined {
  try {
    return parseReadable(bytes)
  } catch {
    // What is wrong with it is reported when the file is attended to; here only its distance to what is known counts.
    return undefined
  }
}

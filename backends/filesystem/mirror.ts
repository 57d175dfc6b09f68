import { dirname } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { Key } from '../../model/key.ts'
import type { JsonObject } from '../../model/value.ts'
import { lastHeld, withHashes } from './adopt.ts'
import { Attendant, type Office } from './attendant.ts'
import { type FileVersion, NO_FILE } from './file-version.ts'
import { hasFile, readableKind } from './layout.ts'
import { parseReadable } from './readable.ts'
import { look, makeDurable, signatureNow } from './readable-file.ts'
import { FolderWatch, type Walk, walk } from './scan.ts'
import { Schedule } from './schedule.ts'
import { TrackedFile } from './tracked-file.ts'
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

/**
 * The readable files beside the journal, kept up to date off the path of commits, and watched for hand edits.
 *
 * Invariant: the journal's marks never say that a file holds something before that is durable, and name everything the file may hold until then; so at the
 * next opening what was merely not written yet is told from what a person did.
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
  #suspects: readonly string[] = []
  /** The last of the notes: one begins when the one before it is over, so who waits for the last waits for all. */
  #marking = Promise.resolve()
  #markTimer: NodeJS.Timeout | undefined
  #closing = false

  constructor(office: Omit<Office, 'remember'>) {
    this.#office = { ...office, remember: key => this.#remember(key) }
    this.#attendant = new Attendant(this.#office)
    this.#schedule = new Schedule(key => this.#attend(key))
    this.#watch = new FolderWatch(path => this.#noticed(path))
  }

  /** Compares all files with what the journal says of them, takes in what was edited meanwhile, and begins to watch. Gives how many files there were. */
  async open(files: ReadonlyMap<Key, readonly FileVersion[]>): Promise<number> {
    const found = await walk(this.#office.layout)
    const keys = new Set([...files.keys(), ...found.files.keys(), ...found.unfinished])
    for (const { key } of this.#office.state.entries()) if (hasFile(key)) keys.add(key)
    await inTurns(keys, key => this.#adopt(key, files.get(key), found))
    for (const key of keys) this.#schedule.touch(key)
    await this.#schedule.settled(OPENING)
    await this.#mark()
    this.#suspects = found.foreign
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

  /** What every readable file may hold, for a snapshot. */
  possible(): ReadonlyMap<Key, readonly FileVersion[]> {
    return new Map([...this.#tracked].map(([key, tracked]) => [key, tracked.possible()]))
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
  }

  async #attend(key: Key): Promise<number | undefined> {
    return this.#attendant.attend(key, this.#of(key))
  }

  #of(key: Key): TrackedFile {
    const tracked = this.#tracked.get(key) ?? new TrackedFile()
    this.#tracked.set(key, tracked)
    return tracked
  }

  async #adopt(key: Key, versions: readonly FileVersion[] | undefined, found: Walk): Promise<void> {
    const current = this.#office.state.get(key)?.text
    const known = versions ?? (current === undefined ? [NO_FILE] : [NO_FILE, { hash: undefined, text: current }])
    const candidates = withHashes(known)
    const choose = (hash: string | null, value: JsonObject | undefined) => lastHeld(candidates, hash, value)
    const kind = readableKind(key)
    const gone = kind !== undefined && found.gone.has(kind)
    const seen = gone ? undefined : await look(this.#office.layout.file(key)).catch(() => undefined)
    const unseen = !gone && !seen
    const held = seen ? choose(seen.hash, objectIn(seen.bytes)) : NO_FILE
    const tracked = new TrackedFile(unseen ? candidates : [...candidates, held])
    tracked.unseen = unseen
    this.#tracked.set(key, tracked)
    if (seen?.settled && seen.hash === held.hash) tracked.signature = seen.signature
    if (found.unfinished.has(key)) await this.#attendant.recover(key, tracked, (old, value) => choose(old.hash, value))
    if (!unseen && (candidates.length > 1 || candidates[0]?.hash !== held.hash)) this.#remember(key)
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
      for (const folder of new Set(due.map(({ key }) => dirname(this.#office.layout.file(key))))) await makeDurable(folder)
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
      if (tracked.possible().length === 1 && version.hash === null && !this.#office.state.has(key)) this.#tracked.delete(key)
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
      const found = await walk(this.#office.layout)
      this.#watch.follow(found.folders)
      await inTurns(found.files, ([key, file]) => {
        const signature = this.#tracked.get(key)?.signature
        if (signature === undefined || signature !== signatureNow(file)) this.#schedule.touch(key)
      })
      this.#lookForMissing(found)
      this.#reportForeign(found.foreign)
    } catch (error) {
      this.#reportOnce('FILE_UNWRITABLE', this.#office.layout.path, `its readable files cannot be looked over: ${String(error)}`)
    }
    this.#walks.within(Math.max(PERIOD, PAUSE * (performance.now() - began)))
  }

  #lookForMissing({ files, gone }: Walk): void {
    for (const [key, tracked] of this.#tracked) {
      if (tracked.known.hash === null || files.has(key)) continue
      const kind = readableKind(key)
      // Somebody lost or moved the whole folder, which is no wish to delete every document: the files are written anew.
      if (kind && gone.has(kind)) tracked.end(NO_FILE)
      this.#schedule.touch(key)
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

/** True when everything that the journal is to know of a file can be said by its versions from the known one on. */
function isSettled({ replaced, recovery }: TrackedFile): boolean {
  return !recovery && (!replaced || replaced.isInspected === true)
}

function objectIn(bytes: Buffer): JsonObject | undefined {
  try {
    return parseReadable(bytes)
  } catch {
    // What is wrong with it is reported when the file is attended to; here only its distance to what is known counts.
    return undefined
  }
}

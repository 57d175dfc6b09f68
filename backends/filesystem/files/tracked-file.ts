import { type FileNotes, withEarlier } from '../format/file-notes.ts'
import { type FileVersion, NO_FILE } from '../format/file-version.ts'
import { type FolderIdentity, isSameFolder, parseFolder, printFolder } from './folder-identity.ts'
import type { Seen } from './readable-file.ts'

/**
 * How long (ms) a difference must stay as it is before it counts: a whole document, a broken one, no file at
 * all.
 */
const PATIENCE = { edited: 100, broken: 300, gone: 1_000 } as const
/** For how long (ms) after a hand edit a person is taken to be still at it. */
const EDITING = 600_000

export type Finding = keyof typeof PATIENCE

/** A file that was replaced and may still be written into by somebody who had it open. */
export interface Replaced {
  /** What it held when it was replaced, or when it was last taken in. */
  readonly version: FileVersion
  /** The folder in which it was replaced. */
  readonly folder: FolderIdentity | undefined
  /** When it is looked at for the last time; monotonic milliseconds. */
  readonly due: number
  /** Content that was found in it instead. */
  readonly found?: string
  /** True when nothing stands in its place: it is kept until something does. */
  readonly isOnly?: true
  /** True when it was looked at for the last time: nothing in it can be lost any more. */
  readonly isInspected?: true
  /** Why it could not be looked at or removed. */
  readonly stuck?: unknown
}

/** How many different reasons why a file cannot be written are reported until it can be. */
const REASONS = 8

/**
 * What is known of one readable file.
 *
 * Invariant: after a crash of the process or of the machine the file holds one of {@link possible}, or what a
 * person wrote. The last of `versions` is what it holds now as far as we know: the base of the next hand
 * edit. While the file is `kept` absent, that is what it held when it was last seen.
 */
export class TrackedFile {
  #versions: readonly FileVersion[]
  #earlier: readonly string[]
  /** What was replaced since the journal last noted what the file holds. */
  #unnoted: readonly FileVersion[] = []
  #writing: FileVersion | undefined
  #suspect: { readonly hash: string | null; readonly since: number; readonly inPlace: boolean } | undefined
  #editedAt = Number.NEGATIVE_INFINITY
  /** The signature of the file when its content was last known to be the one we know. */
  signature: string | undefined
  /** The hash of content that was reported as broken, and why it was. */
  rejected: string | undefined
  rejection: string | undefined
  /** True while the file says the right thing but not in our formatting, and is to be rewritten. */
  untidy = false
  replaced: Replaced | undefined
  /**
   * True while the file could not be looked at since the store was opened, or is kept: which version it holds
   * is not known.
   */
  unseen = false
  /** What was to be put into the file when that failed half-way: the next look tells whether it holds it. */
  doubt: FileVersion | undefined
  /** True while the temporary file of a write that is over may still be there. */
  litter = false
  /** True while what a process that died left half-done could not be settled yet. */
  recovering = false
  /**
   * True when a temporary or replaced file was found beside it that may be of an earlier process, in a folder
   * that came back.
   */
  leftover = false
  /** Why the file does not show its document; undefined when it does, as far as known. */
  failure: string | undefined
  /**
   * True while the file is absent, no person removed it as far as can be told, and its document did not
   * change since.
   */
  kept = false
  /** True when a person decided that the missing file is to be written again. */
  restoring = false
  /**
   * What the file held in a folder that went away, after the file was written again elsewhere or its document
   * was deleted.
   */
  stray: FileVersion | undefined
  /**
   * The folder that held the file when it was last seen, or from which it was taken away; without a device
   * when that was in an earlier process.
   */
  folder: FolderIdentity | undefined
  /** How often in a row the file could not be attended to. */
  failures = 0
  readonly #reported = new Set<string>()

  constructor(
    versions: readonly FileVersion[] = [NO_FILE],
    { kept, stray, folder, earlier }: FileNotes = {},
  ) {
    this.#versions = versions
    this.#earlier = earlier ?? []
    this.kept = kept ?? false
    this.stray = stray
    this.folder = folder === undefined ? undefined : parseFolder(folder)
  }

  get known(): FileVersion {
    return this.#versions.at(-1) ?? NO_FILE
  }

  /**
   * What the file, and what was replaced in its place, may hold after a crash, the version known to be
   * durable first.
   */
  possible(from?: FileVersion): readonly FileVersion[] {
    const since = from && !this.unseen ? this.#since(from) : this.#versions
    const next = this.#writing ?? this.doubt
    return this.holding(...since, ...(next ? [next] : []))
  }

  /** These versions, after what was replaced and is still there. */
  holding(...versions: readonly FileVersion[]): readonly FileVersion[] {
    return this.replaced ? [this.replaced.version, ...versions] : versions
  }

  /** What else the journal is to remember. */
  notes(): FileNotes {
    const { kept, stray, folder } = this
    // The first of the versions is the one that the journal knows.
    const wrote = withEarlier([], [...this.#unnoted, ...this.#versions.slice(1)]).filter(
      hash => hash !== this.known.hash,
    )
    return {
      ...(kept && { kept }),
      ...(stray && { stray }),
      ...(folder && { folder: printFolder(folder) }),
      ...(this.#earlier.length > 0 && { earlier: this.#earlier }),
      ...(wrote.length > 0 && { wrote }),
    }
  }

  /** The file is about to hold this. */
  begin(version: FileVersion): void {
    this.#writing = version
  }

  /** The file holds this now; without an argument: what was begun did not come about. */
  end(version?: FileVersion): void {
    this.#writing = undefined
    if (!version) return
    this.#versions = [...this.#versions, version]
    this.#suspect = undefined
    this.kept = false
  }

  /** We took the file away, and nothing is in its place yet: that there is none is nobody's wish. */
  took(): void {
    this.incomplete(null, this.known.text)
    if (this.replaced) this.replaced = { ...this.replaced, isOnly: true }
  }

  /**
   * A write that did not come to its end left this content (null: no file), which stands for a document:
   * ours, and to be replaced.
   */
  incomplete(hash: string | null, text: string | undefined): void {
    this.#versions = [...this.#versions, { hash, text }]
    this.#suspect = undefined
    this.untidy = true
    this.kept = false
  }

  /** True when what was found beside the file is nothing that this process is just working on. */
  get isLeftBehind(): boolean {
    return this.leftover && !this.replaced && !this.litter
  }

  /** The file could not be attended to; true when this reason is to be reported. */
  failed(reason: string): boolean {
    this.failures++
    if (this.#reported.has(reason) || this.#reported.size >= REASONS) return false
    this.#reported.add(reason)
    return true
  }

  /** The file shows its document; once nothing half-done is left beside it, what fails is reported again. */
  shown(): void {
    this.failure = undefined
    if (this.replaced) return
    this.failures = 0
    this.#reported.clear()
  }

  /** This content is not taken in; without a reason it is about to be replaced. */
  reject(hash: string | null, reason: string | undefined): void {
    this.rejected = hash ?? undefined
    this.rejection = reason
  }

  /** The file holds nothing any more that is not taken in. */
  accept(): void {
    this.rejected = undefined
    this.rejection = undefined
  }

  /** The absence of the file is no wish of a person: its document stays, and the file is not written. */
  keep(): void {
    this.kept = true
    this.#suspect = undefined
    this.accept()
    // A file system that is mounted again shows the very same file.
    this.signature = undefined
  }

  /**
   * The absent file is to be brought up to date again: written, or forgotten with its document. What it held
   * may come back with its folder if that is another one now.
   */
  release(isFolderAway: boolean): void {
    const { known } = this
    if (isFolderAway) this.stray = known
    this.#earlier = withEarlier(this.#earlier, this.#versions)
    this.#unnoted = [...this.#unnoted, ...this.#versions]
    this.#versions = [{ hash: null, text: known.text }]
    this.#suspect = undefined
    this.kept = false
    this.restoring = false
    this.unseen = false
    this.untidy = true
    this.accept()
  }

  /** True for content that this store wrote, and replaced since, in a file of a folder that was away. */
  isStray(hash: string | null, folder: FolderIdentity | undefined): boolean {
    if (hash === null || !this.wasAway(folder)) return false
    return this.stray?.hash === hash || this.wrote(hash)
  }

  /** True when the folder that has the file now is not the one that had it last. */
  wasAway(folder: FolderIdentity | undefined): boolean {
    if (this.stray && this.known.hash === null) return true
    return this.folder !== undefined && folder !== undefined && !isSameFolder(this.folder, folder)
  }

  /** True when the store wrote this content into the file at some time. */
  wrote(hash: string | null): boolean {
    return (
      hash !== null && (this.#earlier.includes(hash) || this.#versions.some(version => version.hash === hash))
    )
  }

  /** True when the file held something that may come back with its folder, or a copy of it. */
  get mayComeBack(): boolean {
    return this.stray !== undefined || this.#earlier.length > 0
  }

  /** Remembers only so many of the earlier texts. */
  forget(limit: number): void {
    this.#earlier = withEarlier(this.#earlier, [], limit)
  }

  /** This version is durable, and the journal notes it: the file never goes back to an earlier one. */
  settle(version: FileVersion): void {
    if (this.unseen || !this.#versions.includes(version)) return
    const versions = this.#since(version)
    const replaced = this.#versions.filter(({ hash }) => !versions.some(later => later.hash === hash))
    this.#earlier = withEarlier(this.#earlier, replaced)
    this.#unnoted = []
    this.#versions = versions
  }

  /**
   * The absent file was last seen in another folder than the one in its place now: it may come back with
   * that.
   */
  missFolder(now: FolderIdentity | undefined): void {
    const held = this.#versions.findLast(({ hash }) => hash !== null)
    if (held && this.folder && !isSameFolder(this.folder, now)) this.stray ??= held
    this.folder ??= now
  }

  /**
   * How many milliseconds to wait until content that differs counts as what a person meant; 0 when it does.
   * `inPlace` tells whether the folder is the one that had the file.
   */
  patience(finding: Finding, seen: Seen, now: number, inPlace = true): number {
    if (this.#suspect?.hash !== seen.hash) this.#suspect = { hash: seen.hash, since: now, inPlace }
    else if (!inPlace) this.#suspect = { ...this.#suspect, inPlace }
    const quiet = Math.max(now - this.#suspect.since, seen.age)
    return Math.max(0, PATIENCE[finding] - quiet)
  }

  /** True when a file that is gone was so, at every look, in the folder that had it. */
  get isGoneInPlace(): boolean {
    return this.#suspect?.hash === null && this.#suspect.inPlace
  }

  calm(): void {
    this.#suspect = undefined
  }

  /** A person edited the file. */
  edited(now: number): void {
    this.#editedAt = now
  }

  isBeingEdited(now: number): boolean {
    return now - this.#editedAt < EDITING
  }

  #since(version: FileVersion): readonly FileVersion[] {
    return this.#versions.slice(Math.max(0, this.#versions.lastIndexOf(version)))
  }
}

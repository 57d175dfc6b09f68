import type { FileNotes } from '../format/file-notes.ts'
import { type FileVersion, NO_FILE } from '../format/file-version.ts'
import { FileFailures } from './file-failures.ts'
import { asHeld, asMissing, CLEAN, type FileState, isMissing, MISSING } from './file-state.ts'
import { type FolderIdentity, isSameFolder, parseFolder, printFolder } from './folder-identity.ts'
import type { Replaced } from './replaced.ts'
import { VersionHistory } from './version-history.ts'

/** How long (ms) after a hand edit the person is assumed to be still editing. */
const EDITING_MS = 600_000

/** A version that is being put into the file, or that a failed write may have put there. */
type Write =
  | { readonly state: 'running'; readonly version: FileVersion }
  | { readonly state: 'in doubt'; readonly version: FileVersion }

/**
 * What is known of one readable file.
 *
 * Invariant: after a crash of the process or of the machine the file holds one of {@link possible}, or what a
 * person wrote. The last of its versions is what it holds now as far as is known, and the base of the next
 * hand edit. While the file is missing, that is what it held when it was last seen.
 */
export class TrackedFile {
  readonly failures = new FileFailures()
  readonly #history: VersionHistory
  #write: Write | undefined
  #editedAt = Number.NEGATIVE_INFINITY
  state: FileState
  /** The signature of the file when it was last seen with the known content. */
  signature: string | undefined
  /** True while the file is to be written again although its document has not changed. */
  isRewriteDue = false
  replaced: Replaced | undefined
  /** True while the temporary file of a write that has ended may still exist. */
  hasTemporary = false
  /**
   * A temporary or replaced file beside this one that may be of an earlier process: `found` by a walk, in a
   * folder that came back; `unsettled` since the opening, left by a process that died.
   */
  leftover: 'none' | 'found' | 'unsettled' = 'none'
  /** True when a person asked for the missing file to be written again. */
  isRestoring = false
  /**
   * What the file held in a folder that went away, after the file was written again elsewhere or its document
   * was deleted.
   */
  stray: FileVersion | undefined
  /**
   * The folder that held the file when it was last seen, or from which it was moved away; without a device
   * when that was in an earlier process.
   */
  folder: FolderIdentity | undefined

  constructor(
    versions: readonly FileVersion[] = [NO_FILE],
    { kept, stray, folder, earlier }: FileNotes = {},
  ) {
    this.#history = new VersionHistory(versions, earlier ?? [])
    this.state = kept ? MISSING : CLEAN
    this.stray = stray
    this.folder = folder === undefined ? undefined : parseFolder(folder)
  }

  get known(): FileVersion {
    return this.#history.known
  }

  /** The version of a failed write: the next look shows whether the file holds it. */
  get doubtful(): FileVersion | undefined {
    return this.#write?.state === 'in doubt' ? this.#write.version : undefined
  }

  /**
   * What the file, and the file that was replaced in its place, may hold after a crash; the version known to
   * be durable first.
   */
  possible(from?: FileVersion): readonly FileVersion[] {
    const isSince = from !== undefined && this.state.state !== 'unseen'
    const versions = isSince ? this.#history.since(from) : this.#history.versions
    return this.holding(...versions, ...(this.#write ? [this.#write.version] : []))
  }

  /** These versions, after the one that was replaced and still exists. */
  holding(...versions: readonly FileVersion[]): readonly FileVersion[] {
    return this.replaced ? [this.replaced.version, ...versions] : versions
  }

  /** The notes of the journal beside the versions. */
  notes(): FileNotes {
    const { stray, folder } = this
    const { earlier, wrote } = this.#history
    return {
      ...(isMissing(this.state) && { kept: true }),
      ...(this.isRewriteDue && this.known.hash !== null && { due: true }),
      ...(stray && { stray }),
      ...(folder && { folder: printFolder(folder) }),
      ...(earlier.length > 0 && { earlier }),
      ...(wrote.length > 0 && { wrote }),
    }
  }

  /** The file is about to hold this version. */
  beginWrite(version: FileVersion): void {
    this.#write = { state: 'running', version }
  }

  /** The running write failed: the file may hold its version anyway. */
  doubtWrite(version: FileVersion): void {
    this.#write = { state: 'in doubt', version }
  }

  /** No write is running; one in doubt stays so. */
  endWrite(): void {
    if (this.#write?.state === 'running') this.#write = undefined
  }

  /** No write is in doubt: it is known what the file holds. */
  endDoubt(): void {
    this.#write = undefined
  }

  /** The file holds this version now. */
  hold(version: FileVersion): void {
    this.endWrite()
    this.#history.add(version)
    this.state = asHeld(this.state)
  }

  /**
   * The file holds this content (null: no file) because a write did not complete: it stands for a document,
   * is ours, and is to be replaced.
   */
  holdIncomplete(hash: string | null, text: string | undefined): void {
    this.#history.add({ hash, text })
    this.state = asHeld(this.state)
    this.isRewriteDue = true
  }

  /** This store moved the file away, and no file is in its place yet: no person removed it. */
  takenAway(): void {
    this.holdIncomplete(null, this.known.text)
    if (this.replaced) this.replaced = { ...this.replaced, isOnlyCopy: true }
  }

  /** True when a file found beside this one is not one that this process is working on. */
  get isLeftBehind(): boolean {
    return this.leftover === 'found' && !this.replaced && !this.hasTemporary
  }

  /** The file shows its document; once nothing unfinished is left beside it, failures are reported again. */
  shown(): void {
    this.failures.reason = undefined
    if (!this.replaced) this.failures.clear()
  }

  /** No person removed the absent file as far as is known: its document stays, and it is not written. */
  keepMissing(): void {
    this.state = asMissing(this.state)
    // A file system that is mounted again shows the very same file.
    this.signature = undefined
  }

  /**
   * The absent file is to be brought up to date: written, or forgotten with its document. What it held may
   * come back with its folder when another folder is in its place.
   */
  release(isFolderAway: boolean): void {
    if (isFolderAway) this.stray = this.known
    this.#history.restart()
    this.state = CLEAN
    this.isRestoring = false
    this.isRewriteDue = true
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
    return this.#history.includes(hash)
  }

  /** True when the file held content that may come back with its folder, or with a copy of it. */
  get mayComeBack(): boolean {
    return this.stray !== undefined || this.#history.earlier.length > 0
  }

  /** Keeps only this many hashes of earlier content. */
  limitEarlier(limit: number): void {
    this.#history.limitEarlier(limit)
  }

  /** This version is durable and noted in the journal: the file never holds an earlier one again. */
  settle(version: FileVersion): void {
    if (this.state.state !== 'unseen') this.#history.settle(version)
  }

  /** The absent file was last seen in another folder than the one in its place: it may come back with it. */
  noteAbsence(now: FolderIdentity | undefined): void {
    const held = this.#history.versions.findLast(({ hash }) => hash !== null)
    if (held && this.folder && !isSameFolder(this.folder, now)) this.stray ??= held
    this.folder ??= now
  }

  /** A person edited the file. */
  noteEdit(now: number): void {
    this.#editedAt = now
  }

  isBeingEdited(now: number): boolean {
    return now - this.#editedAt < EDITING_MS
  }
}

import type { JsonObject } from '../../model/value.ts'
import { type FileVersion, NO_FILE } from './file-version.ts'
import type { Seen } from './readable-file.ts'

/** How long (ms) a difference must stay as it is before it counts: a whole document, a broken one, no file at all. */
const PATIENCE = { edited: 100, broken: 300, gone: 1_000 } as const
/** For how long (ms) after a hand edit a person is taken to be still at it. */
const EDITING = 600_000

export type Finding = keyof typeof PATIENCE

/** A file that was replaced and may still be written into by somebody who had it open. */
export interface Replaced {
  /** What it held when it was replaced, or when it was last taken in. */
  readonly version: FileVersion
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

/** Finds which version the replaced content of a file was made from. */
export type FindBase = (seen: Seen, value: JsonObject | undefined) => FileVersion

/** How many different reasons why a file cannot be written are reported until it can be. */
const REASONS = 8

/**
 * What is known of one readable file.
 *
 * Invariant: after a crash of the process or of the machine the file holds one of {@link possible}, or what a person wrote. The last of `versions` is what it
 * holds now as far as we know: the base of the next hand edit.
 */
export class TrackedFile {
  #versions: readonly FileVersion[]
  #writing: FileVersion | undefined
  #suspect: { readonly hash: string | null; readonly since: number } | undefined
  #editedAt = Number.NEGATIVE_INFINITY
  /** The signature of the file when its content was last known to be the one we know. */
  signature: string | undefined
  /** The hash of content that was reported as broken. */
  rejected: string | undefined
  /** True while the file says the right thing but not in our formatting, and is to be rewritten. */
  untidy = false
  replaced: Replaced | undefined
  /** True while nobody could look at the file since the store was opened: which of the versions it holds is not known. */
  unseen = false
  /** What was to be put into the file when that failed half-way: the next look tells whether it holds it. */
  doubt: FileVersion | undefined
  /** True while the temporary file of a write that is over may still be there. */
  litter = false
  /** Set while what a process that died left half-done could not be settled yet. */
  recovery: FindBase | undefined
  /** Why the file does not show its document; undefined when it does, as far as known. */
  failure: string | undefined
  /** How often in a row the file could not be attended to. */
  failures = 0
  readonly #reported = new Set<string>()

  constructor(versions: readonly FileVersion[] = [NO_FILE]) {
    this.#versions = versions
  }

  get known(): FileVersion {
    return this.#versions.at(-1) ?? NO_FILE
  }

  /** What the file, and what was replaced in its place, may hold after a crash, the version known to be durable first. */
  possible(from?: FileVersion): readonly FileVersion[] {
    const since = from ? this.#since(from) : this.#versions
    const next = this.#writing ?? this.doubt
    return this.holding(...since, ...(next ? [next] : []))
  }

  /** These versions, after what was replaced and is still there. */
  holding(...versions: readonly FileVersion[]): readonly FileVersion[] {
    return this.replaced ? [this.replaced.version, ...versions] : versions
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
  }

  /** We took the file away, and nothing is in its place yet: that there is none is nobody's wish. */
  took(): void {
    this.incomplete(null, this.known.text)
    if (this.replaced) this.replaced = { ...this.replaced, isOnly: true }
  }

  /** A write that did not come to its end left this content (null: no file), which stands for a document: ours, and to be replaced. */
  incomplete(hash: string | null, text: string | undefined): void {
    this.#versions = [...this.#versions, { hash, text }]
    this.#suspect = undefined
    this.untidy = true
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

  /** This version is durable: the file never goes back to an earlier one. */
  settle(version: FileVersion): void {
    this.#versions = this.#since(version)
  }

  /** How many milliseconds to wait until content that differs counts as what a person meant; 0 when it does. */
  patience(finding: Finding, seen: Seen, now: number): number {
    if (this.#suspect?.hash !== seen.hash) this.#suspect = { hash: seen.hash, since: now }
    const quiet = Math.max(now - this.#suspect.since, seen.age)
    return Math.max(0, PATIENCE[finding] - quiet)
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

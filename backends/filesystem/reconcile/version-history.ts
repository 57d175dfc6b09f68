import { withEarlier } from '../format/file-notes.ts'
import { type FileVersion, NO_FILE } from '../format/file-version.ts'

/**
 * The versions of one readable file: those it may hold now, and the hashes of those it held before.
 *
 * Invariant: the first of `versions` is the one that the journal knows, the last is what the file holds now
 * as far as is known. A version leaves the list only when a later one is durable and noted in the journal, or
 * when the file was moved away.
 */
export class VersionHistory {
  #versions: readonly FileVersion[]
  #earlier: readonly string[]
  /** Versions that were replaced since the journal last noted what the file holds. */
  #unnoted: readonly FileVersion[] = []

  constructor(versions: readonly FileVersion[], earlier: readonly string[]) {
    this.#versions = versions
    this.#earlier = earlier
  }

  get versions(): readonly FileVersion[] {
    return this.#versions
  }

  /** The last version: what the file holds as far as is known. */
  get known(): FileVersion {
    return this.#versions.at(-1) ?? NO_FILE
  }

  /** Hashes of what the file held before, as the journal keeps them. */
  get earlier(): readonly string[] {
    return this.#earlier
  }

  /** Hashes of what was written into the file since the last note in the journal, without the known one. */
  get wrote(): readonly string[] {
    return withEarlier([], [...this.#unnoted, ...this.#versions.slice(1)]).filter(
      hash => hash !== this.known.hash,
    )
  }

  add(version: FileVersion): void {
    this.#versions = [...this.#versions, version]
  }

  /** This version and the later ones. */
  since(version: FileVersion): readonly FileVersion[] {
    return this.#versions.slice(Math.max(0, this.#versions.lastIndexOf(version)))
  }

  /** The file is absent: all its versions become earlier ones. */
  restart(): void {
    const { text } = this.known
    this.#earlier = withEarlier(this.#earlier, this.#versions)
    this.#unnoted = [...this.#unnoted, ...this.#versions]
    this.#versions = [{ hash: null, text }]
  }

  /** This version is durable and noted in the journal: the file never holds an earlier one again. */
  settle(version: FileVersion): void {
    if (!this.#versions.includes(version)) return
    const versions = this.since(version)
    const replaced = this.#versions.filter(({ hash }) => !versions.some(later => later.hash === hash))
    this.#earlier = withEarlier(this.#earlier, replaced)
    this.#unnoted = []
    this.#versions = versions
  }

  /** True when the store wrote this content into the file at some time. */
  includes(hash: string | null): boolean {
    return (
      hash !== null && (this.#earlier.includes(hash) || this.#versions.some(version => version.hash === hash))
    )
  }

  /** Keeps only this many of the earlier hashes. */
  limitEarlier(limit: number): void {
    this.#earlier = withEarlier(this.#earlier, [], limit)
  }
}

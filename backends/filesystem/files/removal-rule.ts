import { readdirSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { Key } from '../../../model/key.ts'
import type { Layout } from '../format/layout.ts'
import { identifyFolder, isSameFolder } from '../reconcile/folder-identity.ts'
import { signatureNow } from '../reconcile/look.ts'
import { isGoneInPlace } from '../reconcile/settle-time.ts'
import type { TrackedFile } from '../reconcile/tracked-file.ts'

/**
 * How long (ms) a count of the files in a folder is valid for all its missing files, which have been absent
 * for longer than that.
 */
const COUNT_VALID_MS = 200
/** The largest number of folders with a count. */
const MAX_COUNTED_FOLDERS = 100

/** Distinguishes the removal of a readable file by a person from any other absence, which deletes nothing. */
export class RemovalRule {
  readonly #tracked: ReadonlyMap<Key, TrackedFile>
  readonly #layout: Layout
  readonly #counts = new Map<string, { readonly at: number; readonly isMostlyThere: boolean }>()

  /** `tracked`: all files. */
  constructor(tracked: ReadonlyMap<Key, TrackedFile>, layout: Layout) {
    this.#tracked = tracked
    this.#layout = layout
  }

  /**
   * True when a person removed a file that has been absent for a second: its folder is the one in which this
   * process saw it last, and at least half of the files known there are still there, or it was the only one.
   */
  isRemoval(key: Key, tracked: TrackedFile): boolean {
    const { folder } = tracked
    const file = this.#layout.file(key)
    const path = dirname(file)
    const isInPlace = () => folder?.device !== undefined && isSameFolder(folder, identifyFolder(path))
    // The folder is looked at before and after the file, so that it is this folder which lacks the file.
    if (!isGoneInPlace(tracked) || !isInPlace() || signatureNow(file) !== 'no file' || !isInPlace())
      return false
    const counted = this.#counts.get(path)
    if (counted && performance.now() - counted.at < COUNT_VALID_MS) return counted.isMostlyThere
    const isMostlyThere = this.#isMostlyThere(path)
    if (this.#counts.size > MAX_COUNTED_FOLDERS) this.#counts.clear()
    this.#counts.set(path, { at: performance.now(), isMostlyThere })
    return isMostlyThere
  }

  #isMostlyThere(folder: string): boolean {
    const names = namesIn(folder)
    if (!names) return false
    const known = [...this.#tracked].flatMap(([key, { known }]) => {
      const file = known.hash === null ? undefined : this.#layout.file(key)
      return file !== undefined && dirname(file) === folder ? basename(file) : []
    })
    const there = known.filter(name => names.has(name)).length
    return known.length <= 1 || 2 * there >= known.length
  }
}

/**
 * The names in a folder; undefined when it cannot be read: then none of its missing files counts as removed.
 */
function namesIn(folder: string): ReadonlySet<string> | undefined {
  try {
    return new Set(readdirSync(folder))
  } catch {
    return undefined
  }
}

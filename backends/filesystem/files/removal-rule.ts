import { readdirSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { Key } from '../../../model/key.ts'
import type { Layout } from '../format/layout.ts'
import { identifyFolder, isSameFolder } from './folder-identity.ts'
import { signatureNow } from './readable-file.ts'
import type { TrackedFile } from './tracked-file.ts'

/**
 * For how long (ms) what is still there of a folder holds for all its missing files, which are gone for
 * longer than that.
 */
const COUNTED = 200
/** Of how many folders that is remembered. */
const FOLDERS = 100

/** Tells the removal of a readable file by a person from any other absence, which deletes nothing. */
export class RemovalRule {
  readonly #tracked: ReadonlyMap<Key, TrackedFile>
  readonly #layout: Layout
  readonly #counts = new Map<string, { readonly at: number; readonly isMostlyThere: boolean }>()

  /** `tracked`: what is known of all files. */
  constructor(tracked: ReadonlyMap<Key, TrackedFile>, layout: Layout) {
    this.#tracked = tracked
    this.#layout = layout
  }

  /**
   * True when the absence of a file, of a second, is a removal by a person: its folder is the one in which
   * this process saw it last, and of the files known there at least half are there still, or it was the only
   * one.
   */
  isRemoval(key: Key, { folder, isGoneInPlace }: TrackedFile): boolean {
    const file = this.#layout.file(key)
    const path = dirname(file)
    const isInPlace = () => folder?.device !== undefined && isSameFolder(folder, identifyFolder(path))
    // Absent between two looks at the folder: it is that folder which lacks the file.
    if (!isGoneInPlace || !isInPlace() || signatureNow(file) !== 'no file' || !isInPlace()) return false
    const counted = this.#counts.get(path)
    if (counted && performance.now() - counted.at < COUNTED) return counted.isMostlyThere
    const isMostlyThere = this.#isMostlyThere(path)
    if (this.#counts.size > FOLDERS) this.#counts.clear()
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
 * What is in a folder; undefined when it cannot be read: then nothing that is missing in it counts as
 * removed.
 */
function namesIn(folder: string): ReadonlySet<string> | undefined {
  try {
    return new Set(readdirSync(folder))
  } catch {
    return undefined
  }
}

import type { FileVersion } from './file-version.ts'

/** The largest number of hashes of earlier content per file, and the number that is always kept. */
const HASHES_PER_FILE = { most: 256, least: 16 } as const
/** The largest number of such hashes of all files together, unless the least per file is more. */
const MAX_HASHES = 256 * 1024

/** The notes about a readable file beside the versions that it may hold. */
export interface FileNotes {
  /** True while the file is missing: absent, and its document is kept. */
  readonly kept?: boolean
  /** True while the file holds what a person typed, as it was typed: it is to be written again. */
  readonly due?: boolean
  /** What the file held in a folder that went away: it may come back with that folder. */
  readonly stray?: FileVersion
  /**
   * The folder that held the file when it was last seen, or from which it was moved, as `printFolder` prints
   * it.
   */
  readonly folder?: string
  /** Hashes of earlier content, oldest first; only the newest are kept. */
  readonly earlier?: readonly string[]
  /** Hashes of earlier content that the journal may not have yet. */
  readonly wrote?: readonly string[]
}

/** The hashes of earlier content after these versions were replaced; versions without a hash add nothing. */
export function withEarlier(
  earlier: readonly string[],
  replaced: readonly FileVersion[],
  limit: number = HASHES_PER_FILE.most,
): readonly string[] {
  const hashes = replaced.flatMap(({ hash }) => hash ?? [])
  if (hashes.length === 0 && earlier.length <= limit) return earlier
  return [...earlier.filter(hash => !hashes.includes(hash)), ...new Set(hashes)].slice(-limit)
}

/** The largest number of hashes of earlier content per file, for this number of files. */
export function earlierLimit(files: number): number {
  return Math.min(HASHES_PER_FILE.most, Math.max(HASHES_PER_FILE.least, Math.floor(MAX_HASHES / files)))
}

import type { FileVersion } from './file-version.ts'

/** How many earlier texts of one file are remembered at most, and at least. */
const HASHES_PER_FILE = { most: 256, least: 16 } as const
/**
 * How many earlier texts of all files together are remembered, unless that is less than the least of each.
 */
const MAX_HASHES = 256 * 1024

/** What is known of a readable file beside the versions that it may hold. */
export interface FileNotes {
  /** True while the file is absent and its document is kept nevertheless. */
  readonly kept?: boolean
  /** What the file held in a folder that went away: it may come back with that folder. */
  readonly stray?: FileVersion
  /**
   * The folder that held the file when it was last seen, or from which it was taken away, as {@link
   * printFolder} writes it.
   */
  readonly folder?: string
  /** Hashes of what the file held and holds no longer, oldest first; only the newest are remembered. */
  readonly earlier?: readonly string[]
  /** Hashes of what the file held of which the journal may not know yet. */
  readonly wrote?: readonly string[]
}

/**
 * The remembered hashes after these versions were replaced; versions without a file or a known hash add
 * nothing.
 */
export function withEarlier(
  earlier: readonly string[],
  replaced: readonly FileVersion[],
  limit: number = HASHES_PER_FILE.most,
): readonly string[] {
  const hashes = replaced.flatMap(({ hash }) => hash ?? [])
  if (hashes.length === 0 && earlier.length <= limit) return earlier
  return [...earlier.filter(hash => !hashes.includes(hash)), ...new Set(hashes)].slice(-limit)
}

/** How many earlier texts of each file are remembered where there are so many files. */
export function earlierLimit(files: number): number {
  return Math.min(HASHES_PER_FILE.most, Math.max(HASHES_PER_FILE.least, Math.floor(MAX_HASHES / files)))
}

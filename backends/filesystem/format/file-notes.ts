import type { FileVersion } from './file-version.ts'

/** How many earlier texts of one file are remembered. */
const EARLIER = 16

/** What is known of a readable file beside the versions that it may hold. */
export interface FileNotes {
  /** True while the file is absent and its document is kept nevertheless. */
  readonly kept?: boolean
  /** What the file held in a folder that went away: it may come back with that folder. */
  readonly stray?: FileVersion
  /** The folder that held the file when it was last seen, as {@link printFolder} writes it. */
  readonly folder?: string
  /** Hashes of what the file held and holds no longer, oldest first; only the newest are remembered. */
  readonly earlier?: readonly string[]
}

/** The remembered hashes after these versions were replaced; versions without a file or a known hash add nothing. */
export function withEarlier(earlier: readonly string[], replaced: readonly FileVersion[]): readonly string[] {
  const hashes = replaced.flatMap(({ hash }) => hash ?? [])
  if (hashes.length === 0) return earlier
  return [...earlier.filter(hash => !hashes.includes(hash)), ...new Set(hashes)].slice(-EARLIER)
}

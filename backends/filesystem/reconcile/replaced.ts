import type { FileVersion } from '../format/file-version.ts'
import type { FolderIdentity } from './folder-identity.ts'

/** A file that was replaced, and into which a program that had it open may still write. */
export interface Replaced {
  /** What it held when it was replaced, or when its content was last applied. */
  readonly version: FileVersion
  /** The folder in which it was replaced. */
  readonly folder: FolderIdentity | undefined
  /** When it is looked at for the last time; monotonic milliseconds. */
  readonly due: number
  /** The hash of other content that was found in it. */
  readonly found?: string
  /** True when no file is in its place: it is kept until there is one. */
  readonly isOnlyCopy?: true
  /** True when it was looked at for the last time: nothing in it can be lost any more. */
  readonly isInspected?: true
  /** The error because of which it could not be looked at or removed. */
  readonly stuck?: unknown
}

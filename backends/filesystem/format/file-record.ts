import type { FileNotes } from './file-notes.ts'
import type { FileVersion } from './file-version.ts'

/** The record of the journal about one readable file. */
export interface FileRecord {
  readonly versions: readonly FileVersion[]
  readonly notes: FileNotes
}

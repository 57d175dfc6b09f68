import type { FileNotes } from './file-notes.ts'
import type { FileVersion } from './file-version.ts'

/** What the journal keeps of one readable file. */
export interface FileRecord {
  readonly versions: readonly FileVersion[]
  readonly notes: FileNotes
}

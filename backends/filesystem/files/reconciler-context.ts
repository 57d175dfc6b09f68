import type { Key } from '../../../model/key.ts'
import type { BackendContext } from '../../backend.ts'
import type { Layout } from '../format/layout.ts'
import type { Store } from './hand-edit.ts'
import type { TrackedFile } from './tracked-file.ts'

/** What the reconciler of readable files works with. */
export interface ReconcilerContext extends Store {
  readonly layout: Layout
  readonly entryBytes: number
  readonly report: BackendContext['report']
  /** The file's last version is what it will hold: the journal may remember that. */
  readonly remember: (key: Key) => void
  /** True when the absence of a file, of one second, is the wish of a person. */
  readonly isRemoval: (key: Key, tracked: TrackedFile) => boolean
  /** An absence was found that is not: its document is kept. */
  readonly missing: (key: Key) => void
}

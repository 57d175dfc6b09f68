import type { Key } from '../../../model/key.ts'
import type { BackendContext } from '../../backend.ts'
import type { Layout } from '../format/layout.ts'
import type { EditStore } from './hand-edit.ts'
import type { TrackedFile } from './tracked-file.ts'

/** Everything that the reconciler of readable files works with. */
export interface ReconcilerContext extends EditStore {
  readonly layout: Layout
  readonly entryBytes: number
  readonly report: BackendContext['report']
  readonly seal?: BackendContext['seal'] | undefined
  /** Called when the last version of a file is the one it will hold: the journal may note it. */
  readonly remember: (key: Key) => void
  /** True when a person removed a file that has been absent for one second. */
  readonly isRemoval: (key: Key, tracked: TrackedFile) => boolean
  /** Called when an absence was found that is no removal: its document is kept. */
  readonly missing: (key: Key) => void
}

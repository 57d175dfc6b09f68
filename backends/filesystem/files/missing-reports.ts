import type { Key } from '../../../model/key.ts'
import type { BackendContext } from '../../backend.ts'
import type { Layout } from '../format/layout.ts'
import { missingProblems } from '../reconcile/file-problems.ts'
import { isMissing } from '../reconcile/file-state.ts'
import type { TrackedFile } from '../reconcile/tracked-file.ts'

/** How long (ms) missing files are gathered, so that a lost folder is reported in one message. */
const GATHER_MS = 300

/** Reports missing files whose documents are kept, once each time that they become missing. */
export class MissingReports {
  readonly #tracked: ReadonlyMap<Key, TrackedFile>
  readonly #layout: Layout
  readonly #report: BackendContext['report']
  readonly #keys = new Set<Key>()
  #timer: NodeJS.Timeout | undefined

  /** `tracked`: all files. */
  constructor(tracked: ReadonlyMap<Key, TrackedFile>, layout: Layout, report: BackendContext['report']) {
    this.#tracked = tracked
    this.#layout = layout
    this.#report = report
  }

  /** Reports this file soon, unless it is back by then. */
  add(key: Key): void {
    this.#keys.add(key)
    this.#timer ??= setTimeout(() => this.flush(), GATHER_MS).unref()
  }

  /** Reports the gathered files now. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const keys = [...this.#keys].filter(key => this.#isMissing(key)).sort()
    this.#keys.clear()
    for (const problem of missingProblems(keys, this.#layout)) this.#report(problem)
  }

  #isMissing(key: Key): boolean {
    const tracked = this.#tracked.get(key)
    return tracked !== undefined && isMissing(tracked.state)
  }
}

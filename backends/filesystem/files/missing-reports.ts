import type { Key } from '../../../model/key.ts'
import type { BackendContext } from '../../backend.ts'
import type { Layout } from '../format/layout.ts'
import { missingProblems } from './file-problems.ts'
import type { TrackedFile } from './tracked-file.ts'

/**
 * How long (ms) files that are found missing are gathered, so that a lost folder is reported in one sentence.
 */
const GATHER = 300

/** Reports files whose absence is kept, once each time that they are found missing. */
export class MissingReports {
  readonly #tracked: ReadonlyMap<Key, TrackedFile>
  readonly #layout: Layout
  readonly #report: BackendContext['report']
  readonly #keys = new Set<Key>()
  #timer: NodeJS.Timeout | undefined

  /** `tracked`: what is known of all files. */
  constructor(tracked: ReadonlyMap<Key, TrackedFile>, layout: Layout, report: BackendContext['report']) {
    this.#tracked = tracked
    this.#layout = layout
    this.#report = report
  }

  /** Reports this file soon, unless it is back by then. */
  add(key: Key): void {
    this.#keys.add(key)
    this.#timer ??= setTimeout(() => this.flush(), GATHER).unref()
  }

  /** Reports at once what is yet to be reported. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const keys = [...this.#keys].filter(key => this.#tracked.get(key)?.kept).sort()
    this.#keys.clear()
    for (const problem of missingProblems(keys, this.#layout)) this.#report(problem)
  }
}

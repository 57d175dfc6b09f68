import type { Log } from '../log/log.ts'
import type { Watcher } from '../watcher/watcher.ts'

/** Logs the environment variables that are ignored, each once as long as it is. */
export class EnvironmentReport {
  readonly #watcher: Watcher
  readonly #log: Log
  #reported: ReadonlySet<string> | undefined

  constructor(watcher: Watcher, log: Log) {
    this.#watcher = watcher
    this.#log = log
  }

  /** Logs those that were not logged before. */
  print(): void {
    const problems = this.#watcher.cache.environmentProblems()
    for (const problem of problems) if (!this.#reported?.has(problem)) this.#log.warn(problem)
    this.#reported = new Set(problems)
  }

  /** The same after a change, once it was printed for the first time. */
  repeat(): void {
    if (this.#reported) this.print()
  }
}

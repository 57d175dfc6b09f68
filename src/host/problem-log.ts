import type { Log } from '../log/log.ts'

/** Logs the problems of recurring checks: each once, and again after a check without it. */
export class ProblemLog {
  readonly #log: Log
  /** The problems of the last check, by topic. */
  readonly #reported = new Map<string, readonly string[]>()

  constructor(log: Log) {
    this.#log = log
  }

  /** Replaces the problems of a topic and warns of those that are new. */
  report(topic: string, problems: readonly string[]): void {
    const before = this.#reported.get(topic) ?? []
    for (const problem of problems) if (!before.includes(problem)) this.#log.warn(problem)
    this.#reported.set(topic, problems)
  }

  /** Clears a topic, so that its next problems are all new. */
  forget(topic: string): void {
    this.#reported.delete(topic)
  }
}

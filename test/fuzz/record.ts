import type { CrowdResult } from './run-crowd.ts'
import type { Finding, ScenarioResult } from './run-scenario.ts'

interface Row {
  count: number
  /** Answers of success, so that a kind that is always refused is seen. */
  done: number
  worst: number
  worstIn: string
}

/** The findings of a run, printed as they come, and the worst cost of each kind of request. */
export class Record {
  readonly #rows = new Map<string, Row>()
  readonly #statuses = new Map<string, number>()
  #findings = 0
  #scenarios = 0
  #crowds = 0
  #memory = 0

  get findings(): number {
    return this.#findings
  }

  addScenario({ name, notes, measured, findings }: ScenarioResult, again: string): void {
    this.#scenarios++
    for (const { act, answer, cpu } of measured) {
      const row = this.#rows.get(act.name) ?? { count: 0, done: 0, worst: 0, worstIn: '' }
      this.#rows.set(act.name, row)
      row.count++
      if (typeof answer.status === 'number' && answer.status < 300) row.done++
      this.#count(String(answer.status))
      if (cpu > row.worst) Object.assign(row, { worst: cpu, worstIn: name })
    }
    for (const note of notes) console.log(`once, ${name}: ${note}\n  again: ${again}`)
    this.#add(name, findings, again)
  }

  addCrowd({ name, statuses, findings, most }: CrowdResult, again: string): void {
    this.#crowds++
    this.#memory = Math.max(this.#memory, most)
    for (const status of statuses) this.#count(status)
    this.#add(name, findings, again)
  }

  /** The table of costs, the answers and the verdict. */
  print(): string {
    const rows = [...this.#rows].sort(([, a], [, b]) => b.worst - a.worst)
    const table = rows.map(
      ([name, { count, done, worst, worstIn }]) =>
        `${name.padEnd(28)} ${String(count).padStart(7)} ${String(done).padStart(7)}  ${worst.toFixed(0).padStart(6)} ms  ${worstIn}`,
    )
    const answers = [...this.#statuses].sort().map(([status, count]) => `${status}: ${count}`)
    return [
      `${'request'.padEnd(28)}   count    done  worst CPU  in`,
      ...table,
      `answers: ${answers.join(', ')}`,
      `memory: ${this.#memory.toFixed(0)} MiB at most, in ${this.#crowds} crowds`,
      `verdict: ${this.#findings === 0 ? 'ok' : 'not ok'}, ${this.#scenarios} scenarios, ${this.#findings} findings`,
    ].join('\n')
  }

  #count(status: string): void {
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1)
  }

  #add(name: string, findings: readonly Finding[], again: string): void {
    this.#findings += findings.length
    for (const { kind, text } of findings) console.log(`${kind}, ${name}: ${text}\n  again: ${again}`)
  }
}

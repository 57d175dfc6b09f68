import { createRandom } from '../chaos/random.ts'
import type { Act, Scenario } from './act.ts'
import { type Answer, createFuzzClient } from './client.ts'
import type { FuzzedService } from './fuzzed-service.ts'
import { BOX_SCENARIOS } from './generate/boxes.ts'
import { REQUEST_SCENARIOS } from './generate/requests.ts'
import { SETTINGS_SCENARIOS } from './generate/settings.ts'
import { cpuOf, idleCpuOf } from './process-gauge.ts'

/*
 * One scenario: its requests one after the other, each with the CPU time that the service takes for it.
 *
 * Invariants:
 *  1. Requests follow from the seed and the number of the scenario only.
 *  2. A request is measured from an idle service to an idle service, over all threads, so that other load on
 *     the machine does not count.
 *  3. A request is too expensive only when it is so in each of {@link REPEATS} runs of its scenario: the
 *     collector and the compiler of V8 work when they like.
 */

export const SCENARIOS: readonly Scenario[] = [...SETTINGS_SCENARIOS, ...BOX_SCENARIOS, ...REQUEST_SCENARIOS]
const REPEATS = 4

/** A request and what came of it. */
export interface Measured {
  readonly act: Act
  readonly answer: Answer
  readonly cpu: number
}

/** A violation of a promise, in words. */
export interface Finding {
  readonly kind: 'cpu' | 'answer' | 'memory' | 'end'
  readonly text: string
}

export interface ScenarioResult {
  readonly name: string
  /** Requests that were too expensive in some runs only. */
  readonly notes: readonly string[]
  readonly measured: readonly Measured[]
  readonly findings: readonly Finding[]
}

/** The scenario with this number: all kinds in turn. */
export function scenarioOf(number: number, kinds = SCENARIOS): Scenario {
  const found = kinds[number % kinds.length]
  if (!found) throw new Error('No kind of scenarios is chosen.')
  return found
}

/** Runs one scenario, and repeats it when a request is too expensive. */
export async function runScenario(
  service: FuzzedService,
  scenario: Scenario,
  seed: number,
  number: number,
): Promise<ScenarioResult> {
  const measured = await runOnce(service, scenario, seed, number, 0)
  const findings = measured.flatMap(one => findingsOf(one))
  let expensive = overLimit(measured)
  const seen = new Map(expensive.map(i => [i, [measured[i]?.cpu ?? 0]]))
  for (let repeat = 1; repeat < REPEATS && expensive.length > 0; repeat++) {
    const again = await runOnce(service, scenario, seed, number, repeat)
    const over = new Set(overLimit(again))
    for (const i of expensive) seen.get(i)?.push(again[i]?.cpu ?? 0)
    expensive = expensive.filter(i => over.has(i))
  }
  const notes: string[] = []
  for (const [i, times] of seen) {
    const { act } = measured[i] as Measured
    const took = times.map(one => one.toFixed(0)).join(', ')
    const text = `${describe(act)} takes ${took} ms of CPU; ${act.limit} are allowed`
    if (expensive.includes(i)) findings.push({ kind: 'cpu', text })
    else notes.push(text)
  }
  if (!service.isAlive())
    findings.push({ kind: 'end', text: `the service ended: ${service.log().slice(-2_000)}` })
  return { name: scenario.name, notes, measured, findings }
}

async function runOnce(
  service: FuzzedService,
  scenario: Scenario,
  seed: number,
  number: number,
  repeat: number,
): Promise<readonly Measured[]> {
  // A repetition has names of its own, so that it finds nothing that the run before left behind.
  const acts = scenario.make(createRandom(seed).fork(String(number)), `${number}r${repeat}`)
  const client = createFuzzClient(service)
  const measured: Measured[] = []
  try {
    for (const act of acts) {
      if (!service.isAlive()) break
      await idleCpuOf(service.pid)
      const before = await cpuOf(service.pid)
      const answer = await client.send(act)
      measured.push({ act, answer, cpu: (await idleCpuOf(service.pid)) - before })
    }
  } finally {
    client.close()
  }
  return measured
}

function overLimit(measured: readonly Measured[]): number[] {
  return measured.flatMap(({ act, cpu }, i) => (cpu > act.limit ? [i] : []))
}

/** Connections that the service may end instead of an answer: it does not read all of a body it refuses. */
const ENDS: readonly string[] = ['EPIPE', 'ECONNRESET', 'upgraded']

function findingsOf({ act, answer }: Measured): readonly Finding[] {
  const { status, retryAfter, text } = answer
  const isAllowed =
    typeof status === 'string'
      ? ENDS.includes(status)
      : status <= 499 ||
        (status === 503 && retryAfter !== undefined) ||
        (status === 504 && text.includes('OUTCOME_UNKNOWN'))
  return isAllowed
    ? []
    : [{ kind: 'answer', text: `${describe(act)} is answered ${status}: ${text.slice(0, 500)}` }]
}

function describe({ name, role, method, path, body, frame }: Act): string {
  return `${name} (${role}: ${method} ${path.slice(0, 120)}, ${(body ?? frame ?? '').length} characters)`
}

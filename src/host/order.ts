import { SETTINGS_NAPP } from '../client/manifest.ts'

/*
 * Invariants, held by a property test:
 *  1. Every NApp is in the order once; `kytos/settings`, if present, is first.
 *  2. A dependency precedes its dependant, unless that very edge is reported as a broken cycle.
 *  3. Of the NApps that are free to start at the same time, the one with the lower priority is first, then
 *     the one with the lower id.
 *  4. The order depends on the given NApps, not on their sequence.
 */

/** The properties of a NApp that determine its position. */
export interface Candidate {
  readonly id: string
  readonly priority: number
  readonly dependencies: readonly string[]
}

/** A reason why the order departs from the manifests. */
export type OrderProblem =
  | { readonly kind: 'missing'; readonly napp: string; readonly dependency: string }
  /** `cycle` begins and ends with the NApp whose dependency on the second one is ignored. */
  | { readonly kind: 'cycle'; readonly cycle: readonly string[] }

/** The ids in the order of their start, and all dependencies that cannot be satisfied. */
export interface Order {
  readonly ids: readonly string[]
  readonly problems: readonly OrderProblem[]
}

/**
 * Orders dependencies before dependants, ties by priority, then by id; all NApps depend on `kytos/settings`.
 * A dependency that is missing or closes a cycle is ignored and reported.
 */
export function orderNApps(candidates: readonly Candidate[]): Order {
  const sorted = candidates.toSorted((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1))
  const present = new Set(sorted.map(candidate => candidate.id))
  const problems: OrderProblem[] = []
  const waiting = new Map<string, Set<string>>()
  for (const { id, dependencies } of sorted) {
    const wanted =
      id === SETTINGS_NAPP || !present.has(SETTINGS_NAPP) ? dependencies : [SETTINGS_NAPP, ...dependencies]
    for (const dependency of new Set(dependencies)) {
      if (!present.has(dependency)) problems.push({ kind: 'missing', napp: id, dependency })
    }
    waiting.set(id, new Set(wanted.filter(dependency => present.has(dependency))))
  }

  const ids: string[] = []
  while (waiting.size > 0) {
    // The first free NApp has the lowest rank, because a Map keeps insertion order.
    const free = [...waiting].find(([, needs]) => needs.size === 0)?.[0]
    if (free === undefined) {
      problems.push({ kind: 'cycle', cycle: breakCycle(waiting) })
      continue
    }
    ids.push(free)
    waiting.delete(free)
    for (const needs of waiting.values()) needs.delete(free)
  }
  return { ids, problems }
}

/** A problem as one sentence for the operator. */
export function describeProblem(problem: OrderProblem): string {
  if (problem.kind === 'missing')
    return (
      `${problem.napp} depends on ${problem.dependency}, which is not enabled; ` +
      'it starts without that NApp.'
    )
  const [first, second] = problem.cycle
  const path = problem.cycle.join(' -> ')
  return `The dependencies ${path} form a cycle; ${first} starts without waiting for ${second}.`
}

function rank(candidate: Candidate): number {
  return candidate.id === SETTINGS_NAPP ? Number.NEGATIVE_INFINITY : candidate.priority
}

/**
 * Removes one dependency of a cycle, that of its lowest-ranked member, and returns the cycle, which starts
 * and ends with that member. Each NApp in `waiting` depends on another one in it.
 */
function breakCycle(waiting: Map<string, Set<string>>): readonly string[] {
  const path: string[] = []
  let at = first(waiting.keys())
  while (!path.includes(at)) {
    path.push(at)
    at = first(waiting.get(at) ?? [])
  }
  const cycle = path.slice(path.indexOf(at))
  const lowest = first([...waiting.keys()].filter(id => cycle.includes(id)))
  const start = cycle.indexOf(lowest)
  const rotated = [...cycle.slice(start), ...cycle.slice(0, start), lowest]
  waiting.get(lowest)?.delete(rotated[1] ?? lowest)
  return rotated
}

function first(ids: Iterable<string>): string {
  for (const id of ids) return id
  throw new Error('first() requires at least one id.')
}

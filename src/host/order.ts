import { SETTINGS_NAPP } from '../client/manifest.ts'

/*
 * Invariants, held by a property test:
 *  1. Every NApp stands in the order once; `kytos/settings`, if there, is first.
 *  2. A dependency stands before its dependant unless that very edge is reported as a broken cycle.
 *  3. Among NApps that are free to start at the same time the one with the lower priority is first, then the
 *     one with the lower id.
 *  4. The order depends on what is given, not on how it was sorted.
 */

/** What matters of a NApp for its place. */
export interface Candidate {
  readonly id: string
  readonly priority: number
  readonly dependencies: readonly string[]
}

/** Why the order is not quite what the manifests ask for. */
export type OrderProblem =
  | { readonly kind: 'missing'; readonly napp: string; readonly dependency: string }
  /** `cycle` begins and ends with the NApp whose dependency on the second one was given up. */
  | { readonly kind: 'cycle'; readonly cycle: readonly string[] }

/** The ids in the order in which to start, and every dependency that could not be honoured. */
export interface Order {
  readonly ids: readonly string[]
  readonly problems: readonly OrderProblem[]
}

/**
 * Dependencies before dependants, ties by priority, then by id; all depend on `kytos/settings`. A dependency
 * that is missing or closes a cycle is given up and reported.
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
    // A Map keeps insertion order, so the first free one is the one of the lowest rank.
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

/** One sentence for the operator. */
export function describeProblem(problem: OrderProblem): string {
  if (problem.kind === 'missing')
    return `${problem.napp} depends on ${problem.dependency}, which is not enabled; it starts without that NApp.`
  const [first, second] = problem.cycle
  return `The dependencies ${problem.cycle.join(' -> ')} form a cycle; ${first} starts without waiting for ${second}.`
}

function rank(candidate: Candidate): number {
  return candidate.id === SETTINGS_NAPP ? Number.NEGATIVE_INFINITY : candidate.priority
}

/**
 * Gives up one dependency of a circle, that of its lowest-ranked member, and answers the circle, led by that
 * member. Everyone in `waiting` needs someone in it.
 */
function breakCycle(waiting: Map<string, Set<string>>): readonly string[] {
  const path: string[] = []
  let at = first(waiting.keys())
  while (!path.includes(at)) {
    path.push(at)
    at = first(waiting.get(at) ?? [])
  }
  const circle = path.slice(path.indexOf(at))
  const giver = first([...waiting.keys()].filter(id => circle.includes(id)))
  const start = circle.indexOf(giver)
  const turned = [...circle.slice(start), ...circle.slice(0, start), giver]
  waiting.get(giver)?.delete(turned[1] ?? giver)
  return turned
}

function first(ids: Iterable<string>): string {
  for (const id of ids) return id
  throw new Error('first() requires at least one id.')
}

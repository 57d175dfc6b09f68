import { AsyncLocalStorage } from 'node:async_hooks'
import { matchesPattern } from './name-patterns.ts'

/*
 * The part of the store that a caller may see: all of it, or the namespaces and boxes that its token names.
 *
 * Invariant: names that differ only in case are visible together or hidden together, because a store has one
 * namespace of such a name. So a rejected twin never reveals a hidden namespace. Box namespaces may differ
 * only in case, and their patterns distinguish it.
 */

/** The patterns that a token is limited to; without patterns of boxes it sees no box. */
export interface Limits {
  readonly namespaces: readonly string[]
  readonly boxes: readonly string[]
}

export interface Visibility {
  /** Undefined for a caller that sees everything. */
  readonly limits: Limits | undefined
  /** True for a visible namespace, whether it exists or not. */
  seesNamespace(namespace: string): boolean
  /** True for a visible namespace of boxes, whether it exists or not. */
  seesBoxes(namespace: string): boolean
}

/** The visibility of a caller without limits. */
export const EVERYTHING_VISIBLE: Visibility = {
  limits: undefined,
  seesNamespace: () => true,
  seesBoxes: () => true,
}

/** The visibility of a token with these limits. */
export function visibilityOf(limits: Limits | undefined): Visibility {
  if (!limits) return EVERYTHING_VISIBLE
  const namespaces = limits.namespaces.map(pattern => pattern.toLowerCase())
  return {
    limits,
    seesNamespace: namespace => isMatched(namespaces, namespace.toLowerCase()),
    seesBoxes: namespace => isMatched(limits.boxes, namespace),
  }
}

/** The visibility of the caller whose command is handled by this code. */
const current = new AsyncLocalStorage<Visibility>()

/** The visibility of the caller whose command the calling code handles; everything outside of commands. */
export function currentVisibility(): Visibility {
  return current.getStore() ?? EVERYTHING_VISIBLE
}

/** Runs the handler of a command on behalf of a caller with this visibility. */
export function runVisible<Result>(visibility: Visibility, work: () => Result): Result {
  return currentVisibility() === visibility ? work() : current.run(visibility, work)
}

function isMatched(patterns: readonly string[], name: string): boolean {
  return patterns.some(pattern => matchesPattern(pattern, name))
}

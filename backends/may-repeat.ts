import type { Operation } from './backend.ts'

/**
 * True when a commit may be sent again after an attempt that may have been applied, or may still be: of all
 * its copies at most one can ever take effect.
 *
 * Invariant: one write of the commit makes a guard of the same commit fail for good. Each case:
 *  - put or delete guarded by a revision: it leaves the key at another revision or absent, and a key never
 *    returns to a revision. May be repeated.
 *  - put guarded by absence, `lasting`: the key stays. May be repeated.
 *  - put guarded by absence, else: another caller may delete the key, and the repetition would undo that.
 *    Never.
 *  - put with a ttl, guarded by absence: the store itself deletes the key. Never, whatever it says of itself.
 *  - put or delete that expects anything: the repetition would undo what another caller did in between.
 *    Never.
 *  - delete guarded by absence, checks: they change nothing. They neither need nor give protection.
 * One such write protects all operations of its commit, because a commit is applied whole. Commits that share
 * a transaction are judged one by one.
 */
export function mayRepeat(operations: readonly Operation[]): boolean {
  const writes = operations.filter(changes)
  return (
    writes.length === 0 ||
    writes.some(operation => typeof operation.expected === 'bigint' || isLastingCreation(operation))
  )
}

/** True for an operation that can change something. */
export function changes(operation: Operation): boolean {
  return 'put' in operation || ('delete' in operation && operation.expected !== 'absent')
}

/** True for a put that expects absence and whose key stays from then on. */
export function isLastingCreation(operation: Operation): boolean {
  return operation.expected === 'absent' && 'put' in operation && isLasting(operation)
}

/** True for a put whose key is never deleted. */
export function isLasting({ lasting, ttl }: Extract<Operation, { put: string }>): boolean {
  return lasting === true && ttl === undefined
}

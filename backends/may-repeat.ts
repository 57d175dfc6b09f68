import type { Operation } from './backend.ts'

/**
 * True when a commit may be sent again after an attempt that was, or may still be, applied: of all its copies
 * at most one can ever take effect.
 *
 * Invariant: one write of the commit makes a guard of the same commit fail permanently. The cases:
 *  - A put or delete guarded by a revision leaves the key at another revision or absent, and a key never
 *    returns to a revision. It may be repeated.
 *  - A `lasting` put guarded by absence creates a key that is never deleted. It may be repeated.
 *  - Any other put guarded by absence must not be repeated: another caller may delete the key, and the
 *    repetition would undo that.
 *  - A put with a ttl, guarded by absence, must not be repeated, `lasting` or not: the store itself deletes
 *    the key.
 *  - A put or delete that expects `any` must not be repeated: that would undo the commits of other callers in
 *    between.
 *  - A delete guarded by absence, and a check, change nothing. They neither need nor give protection.
 * One write that may be repeated protects all operations of its commit, because a commit is applied as a
 * whole. Commits that share a transaction are judged one by one.
 */
export function mayRepeat(operations: readonly Operation[]): boolean {
  const writes = operations.filter(canChange)
  return (
    writes.length === 0 ||
    writes.some(operation => typeof operation.expected === 'bigint' || isLastingCreation(operation))
  )
}

/** True for an operation that can change something. */
export function canChange(operation: Operation): boolean {
  return 'put' in operation || ('delete' in operation && operation.expected !== 'absent')
}

/** True for a put that expects absence and whose key is never deleted afterwards. */
export function isLastingCreation(operation: Operation): boolean {
  return operation.expected === 'absent' && 'put' in operation && isLasting(operation)
}

/** True for a put whose key is never deleted. */
export function isLasting({ lasting, ttl }: Extract<Operation, { put: string }>): boolean {
  return lasting === true && ttl === undefined
}

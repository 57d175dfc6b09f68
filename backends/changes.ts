import type { Key } from '../model/key.ts'
import type { Change } from './backend.ts'

/** The key that a change is about. */
export function keyOf(change: Change): Key {
  return change.type === 'put' ? change.entry.key : change.key
}

/**
 * The changes in byte order of their keys, as a batch has them; keys are ASCII, so string order is byte
 * order.
 */
export function inKeyOrder(changes: readonly Change[]): readonly Change[] {
  return changes.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
}

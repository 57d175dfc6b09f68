import type { Key } from '../../model/key.ts'
import type { Operation } from '../backend.ts'
import { isWrite } from '../operations.ts'

/**
 * The keys of commits in flight. Invariant: a key that one commit writes belongs to no other commit; any
 * number of commits may check the same key.
 */
export class KeyLocks {
  readonly #written = new Set<Key>()
  readonly #checked = new Map<Key, number>()

  /** True when the keys of these operations do not conflict with those that are held. */
  free(operations: readonly Operation[]): boolean {
    return operations.every(
      operation =>
        !this.#written.has(operation.key) && !(isWrite(operation) && this.#checked.has(operation.key)),
    )
  }

  hold(operations: readonly Operation[]): void {
    for (const operation of operations) {
      if (isWrite(operation)) this.#written.add(operation.key)
      else this.#checked.set(operation.key, (this.#checked.get(operation.key) ?? 0) + 1)
    }
  }

  release(operations: readonly Operation[]): void {
    for (const operation of operations) {
      if (isWrite(operation)) this.#written.delete(operation.key)
      else this.#uncheck(operation.key)
    }
  }

  #uncheck(key: Key): void {
    const left = (this.#checked.get(key) ?? 0) - 1
    if (left > 0) this.#checked.set(key, left)
    else this.#checked.delete(key)
  }
}

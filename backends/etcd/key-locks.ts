import type { Key } from '../../model/key.ts'
import type { Operation } from '../backend.ts'
import { isWrite } from '../operations.ts'

/**
 * Which keys are spoken for. Invariant: a key that one holder writes is held by nobody else; any number may
 * hold a key they only check.
 */
export class KeyLocks {
  readonly #written = new Set<Key>()
  readonly #checked = new Map<Key, number>()

  /** True when all these keys can be held beside those that are. */
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

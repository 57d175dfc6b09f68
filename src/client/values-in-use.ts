import type { ApplyMode, ValueChange } from '../../events/changes.ts'
import { equalJson, type JsonObject } from '../../model/value.ts'
import { valueAt } from '../schema/exact-keywords.ts'

/** A setting whose stored value is not in use yet. */
export interface WaitingValue {
  readonly pointer: string
  readonly apply: ApplyMode
}

/**
 * The values that a NApp started with, and the settings that it uses until it starts again.
 *
 * Invariant: a setting waits exactly while its value differs from that at the start and one of its changes
 * was not `live`. A change back to the value of the start therefore waits for nothing.
 */
export class ValuesInUse {
  #start: JsonObject | undefined
  readonly #changed = new Map<string, ApplyMode>()

  /** Records the values at the start of the NApp. */
  begin(values: JsonObject): void {
    this.#start = values
    this.#changed.clear()
  }

  /** True once the values of the start are known. */
  get hasBegun(): boolean {
    return this.#start !== undefined
  }

  /** Records the differences of an update; those before the start are part of the start. */
  change(now: JsonObject, differences: readonly ValueChange[]): void {
    if (!this.#start) return
    for (const { path, apply } of differences) if (apply !== 'live') this.#changed.set(path, apply)
    // Otherwise it would grow with every member that is added and removed again.
    for (const pointer of this.#changed.keys())
      if (equalJson(valueAt(now, pointer), valueAt(this.#start, pointer))) this.#changed.delete(pointer)
  }

  /** The settings that wait for a reload or a restart, in the order of their changes. */
  waiting(): readonly WaitingValue[] {
    return [...this.#changed].map(([pointer, apply]) => ({ pointer, apply }))
  }
}

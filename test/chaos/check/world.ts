import { isObject, type JsonObject, setMember } from '../../../model/value.ts'
import type { Moment, Step } from './moment.ts'

/**
 * The last change of each key that is announced, as the store was at one moment; moves along the tree of
 * lives, forwards and back.
 */
export class World {
  readonly #steps = new Map<string, Step>()
  #at: Moment | undefined

  /** Undefined before the first revision. */
  get at(): Moment | undefined {
    return this.#at
  }

  get(key: string): Step | undefined {
    return this.#steps.get(key)
  }

  steps(): Iterable<Step> {
    return this.#steps.values()
  }

  /** One change, ahead of the move to its moment. */
  apply(key: string, step: Step | undefined): void {
    if (step) this.#steps.set(key, step)
    else this.#steps.delete(key)
  }

  moveTo(target: Moment | undefined): void {
    for (const [key, step] of this.difference(target)) this.apply(key, step)
    this.#at = target
  }

  /** The keys that something happened to on the way, with the last change as it is there. */
  difference(target: Moment | undefined): Map<string, Step | undefined> {
    const changed = new Map<string, Step | undefined>()
    const ahead: Moment[] = []
    let [from, to] = [this.#at, target]
    while (from !== to) {
      if ((from?.depth ?? -1) >= (to?.depth ?? -1)) {
        for (const { key, before } of from?.steps ?? []) changed.set(key, before)
        from = from?.parent
      } else if (to) {
        ahead.push(to)
        to = to.parent
      }
    }
    for (const moment of ahead.reverse()) for (const step of moment.steps) changed.set(step.key, step)
    return changed
  }

  /**
   * Effective settings as a controller sees them, without schemas; undefined while a document is no JSON
   * object.
   */
  effective({ cluster, own }: { readonly cluster: string; readonly own: string }): JsonObject | undefined {
    const layers = [this.#steps.get(cluster), this.#steps.get(own)].filter(step => step?.text !== undefined)
    if (layers.some(step => step?.content === undefined)) return undefined
    return layers.map(step => step?.content ?? {}).reduce(merge, {})
  }
}

/** Objects key by key, anything else is replaced. */
function merge(low: JsonObject, high: JsonObject): JsonObject {
  const merged: JsonObject = { ...low }
  for (const [key, value] of Object.entries(high)) {
    const below = Object.hasOwn(low, key) ? low[key] : undefined
    setMember(merged, key, isObject(below) && isObject(value) ? merge(below, value) : value)
  }
  return merged
}

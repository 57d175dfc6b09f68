import { equalJson, isObject, type Json, type JsonObject, setMember } from '../../../model/value.ts'

/**
 * What somebody changed in an object, key by key: a value set, a key removed, or changes inside the object
 * there.
 */
export type MemberChanges = ReadonlyMap<
  string,
  { readonly set: Json } | { readonly inside: MemberChanges } | 'removed'
>

/**
 * What was changed from `base` to `edited`; objects are compared key by key, everything else as a whole.
 * Empty when both are equal.
 */
export function difference(base: JsonObject, edited: JsonObject): MemberChanges {
  const changes = new Map<string, { set: Json } | { inside: MemberChanges } | 'removed'>()
  for (const key of Object.keys(base)) if (!Object.hasOwn(edited, key)) changes.set(key, 'removed')
  for (const [key, after] of Object.entries(edited)) {
    const before = member(base, key)
    if (equalJson(before, after)) continue
    changes.set(
      key,
      isObject(before) && isObject(after) ? { inside: difference(before, after) } : { set: after },
    )
  }
  return changes
}

/** `current` with the same changes made; keys that the difference does not name stay as they are. */
export function applyDifference(changes: MemberChanges, current: JsonObject): JsonObject {
  const result: JsonObject = {}
  for (const key of new Set([...Object.keys(current), ...changes.keys()])) {
    const value = changed(changes.get(key), member(current, key))
    if (value !== undefined) setMember(result, key, value)
  }
  return result
}

/** How many values a difference sets or removes. */
export function countChanges(changes: MemberChanges): number {
  let count = 0
  for (const change of changes.values())
    count += change !== 'removed' && 'inside' in change ? countChanges(change.inside) : 1
  return count
}

function changed(change: ReturnType<MemberChanges['get']>, value: Json | undefined): Json | undefined {
  if (change === undefined) return value
  if (change === 'removed') return undefined
  if ('set' in change) return change.set
  if (isObject(value)) return applyDifference(change.inside, value)
  const inside = applyDifference(change.inside, {})
  // The object is gone by now: what was set inside comes back, mere removals have nothing left to remove.
  return Object.keys(inside).length > 0 ? inside : value
}

function member(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined
}

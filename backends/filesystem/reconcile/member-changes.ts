import { equalJson, isObject, type Json, type JsonObject, setMember } from '../../../model/value.ts'

/** The changes to an object, by key: a value set, a key removed, or changes inside the object there. */
export type MemberChanges = ReadonlyMap<
  string,
  { readonly set: Json } | { readonly inside: MemberChanges } | 'removed'
>

/**
 * The changes from `base` to `edited`; objects are compared key by key, other values as a whole. Empty when
 * both are equal.
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

/** A copy of `current` with the changes applied; keys that the changes do not name stay as they are. */
export function applyDifference(changes: MemberChanges, current: JsonObject): JsonObject {
  const result: JsonObject = {}
  for (const key of new Set([...Object.keys(current), ...changes.keys()])) {
    const value = changed(changes.get(key), member(current, key))
    if (value !== undefined) setMember(result, key, value)
  }
  return result
}

/** The number of values that the changes set or remove. */
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
  // The object no longer exists: values set inside come back, removals have no effect.
  return Object.keys(inside).length > 0 ? inside : value
}

function member(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined
}

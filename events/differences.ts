import { equalJson, isObject, isSealed, type Json, type JsonObject, pointerToken } from '../model/value.ts'

/** One difference between two values; `old` or `new` is absent where there was or is no value. */
export interface Difference {
  /** JSON Pointer (RFC 6901). */
  readonly path: string
  readonly old?: Json
  readonly new?: Json
}

/**
 * The differences between two objects, at their leaves. Every value except a non-empty object is a leaf, also
 * an array and a sealed value. Members of `before` come first, in its order, then the added ones.
 */
export function differences(before: JsonObject, after: JsonObject): readonly Difference[] {
  const found: Difference[] = []
  compareMembers(before, after, '', found)
  return found
}

function compareMembers(before: JsonObject, after: JsonObject, path: string, found: Difference[]): void {
  for (const key of Object.keys(before)) compare(before[key], own(after, key), path, key, found)
  for (const key of Object.keys(after)) {
    if (!Object.hasOwn(before, key)) compare(undefined, after[key], path, key, found)
  }
}

function compare(
  before: Json | undefined,
  after: Json | undefined,
  above: string,
  key: string,
  found: Difference[],
): void {
  if (before === after) return
  const path = above + pointerToken(key)
  const inBefore = isBranch(before)
  const inAfter = isBranch(after)
  // Not compared as a whole before: each level would compare everything below it again.
  if (inBefore && inAfter) compareMembers(before, after, path, found)
  else if (equalJson(before, after)) return
  else if (inBefore && after === undefined) compareMembers(before, {}, path, found)
  else if (inAfter && before === undefined) compareMembers({}, after, path, found)
  else
    found.push({
      path,
      ...(before !== undefined && { old: before }),
      ...(after !== undefined && { new: after }),
    })
}

function isBranch(value: Json | undefined): value is JsonObject {
  return isObject(value) && !isSealed(value) && Object.keys(value).length > 0
}

function own(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined
}

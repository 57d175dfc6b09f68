import { isObject, type Json, type JsonObject, setMember } from '../../model/value.ts'
import { memberOf, valueAt } from '../schema/exact-keywords.ts'

/**
 * Overrides in which the members at some JSON Pointers are those of other overrides: set as there, or removed
 * if it has none. An object that a removal leaves empty is removed too, unless the other overrides have
 * one there.
 */
export function restoreKeys(data: JsonObject, from: JsonObject, pointers: readonly string[]): JsonObject {
  return pointers.reduce((result, pointer) => restoreAt(result, from, tokensOf(pointer)) ?? {}, data)
}

/** True when a JSON Pointer leads to a member of objects in one of the overrides. */
export function isMemberOf(overrides: readonly JsonObject[], pointer: string): boolean {
  return overrides.some(one => valueAt(one, pointer) !== undefined)
}

function tokensOf(pointer: string): readonly string[] {
  return pointer
    .split('/')
    .slice(1)
    .map(token => token.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function restoreAt(
  data: JsonObject,
  from: Json | undefined,
  path: readonly string[],
): JsonObject | undefined {
  const [key = '', ...rest] = path
  const there = from === undefined ? undefined : memberOf(from, key)
  const here = Object.hasOwn(data, key) ? data[key] : undefined
  const next = rest.length === 0 ? there : restoreBelow(here, there, rest)
  const copy: JsonObject = {}
  for (const [name, member] of Object.entries(data)) {
    const kept = name === key ? next : member
    if (kept !== undefined) setMember(copy, name, kept)
  }
  if (next !== undefined && here === undefined) setMember(copy, key, next)
  return Object.keys(copy).length > 0 || isObject(from) ? copy : undefined
}

/** The value of a member after a change below it. Arrays and scalars have no members: they return as a whole. */
function restoreBelow(
  here: Json | undefined,
  there: Json | undefined,
  rest: readonly string[],
): Json | undefined {
  if (here !== undefined && !isObject(here)) return there
  if (there !== undefined && !isObject(there)) return there
  return restoreAt(here ?? {}, there, rest)
}

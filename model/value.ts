import { SettingsError } from './errors.ts'

/**
 * A JSON value of settings or of a box. A `bigint` is an integer outside +-(2^53 - 1) that was written
 * without fraction or exponent.
 */
export type Json = null | boolean | number | bigint | string | readonly Json[] | JsonObject
export type JsonObject = { readonly [key: string]: Json }

/**
 * The deepest nesting of arrays and objects; deeper values are rejected (JSON_MALFORMED) before recursive
 * code runs.
 */
export const MAX_DEPTH = 128

/**
 * True when both values have the same text with sorted keys: `1` and `1.0` are equal, `2^53` as an integer
 * and as a double are not.
 */
export function equalJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (isArray(a) || isArray(b)) {
    return isArray(a) && isArray(b) && a.length === b.length && a.every((item, i) => equalJson(item, b[i]))
  }
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every(key => Object.hasOwn(b, key) && equalJson(a[key], b[key]))
  )
}

/**
 * Makes a deep, frozen copy of a value from other code, as JSON: an integer is a bigint exactly when it is
 * outside the safe range.
 * @throws SettingsError JSON_MALFORMED, with the pointer, for a value that JSON does not have (NaN,
 * functions, dates, cycles, undefined in an array).
 */
export function toJson(value: unknown): Json {
  return copy(value, [])
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !isArray(value)
}

export function isArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value)
}

/** Sets an own member of any name; a plain assignment would lose `__proto__`. */
export function setMember(target: JsonObject, key: string, value: Json): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
    return
  }
  // The cast: the object is still being built by its only owner.
  ;(target as Record<string, Json>)[key] = value
}

/** One reference token of a JSON Pointer (RFC 6901), escaped, with `/` before it. */
export function pointerToken(key: string | number): string {
  const text = String(key)
  return `/${text.includes('~') || text.includes('/') ? text.replaceAll('~', '~0').replaceAll('/', '~1') : text}`
}

/** The JSON Pointer of these keys. */
export function pointerTo(place: readonly (string | number)[]): string {
  return place.map(pointerToken).join('')
}

/**
 * Copies a value; `place` has the keys that lead to it, and is printed only for an error, because values are
 * many.
 */
function copy(value: unknown, place: (string | number)[]): Json {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number' && Number.isFinite(value)) return value
  if (typeof value === 'bigint') {
    const number = Number(value)
    return Number.isSafeInteger(number) ? number : value
  }
  if (place.length >= MAX_DEPTH) throw malformed(place, 'nests too deep or contains itself')
  const member = (key: string | number, one: unknown): Json => {
    place.push(key)
    const copied = copy(one, place)
    place.pop()
    return copied
  }
  if (Array.isArray(value)) return Object.freeze(value.map((item, i) => member(i, item)))
  if (typeof value === 'object' && isPlain(value)) {
    const target: JsonObject = {}
    for (const [key, one] of Object.entries(value))
      if (one !== undefined) setMember(target, key, member(key, one))
    return Object.freeze(target)
  }
  throw malformed(place, `is ${describe(value)}, which JSON cannot represent`)
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

function describe(value: unknown): string {
  if (typeof value === 'number') return String(value)
  if (typeof value === 'object' && value !== null) return `a ${value.constructor?.name ?? 'foreign object'}`
  return typeof value
}

function malformed(place: readonly (string | number)[], what: string): SettingsError {
  const path = pointerTo(place)
  return new SettingsError('JSON_MALFORMED', `The value at "${path}" ${what}.`, {
    details: { pointer: path },
  })
}

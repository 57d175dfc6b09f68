import { SettingsError } from './errors.ts'
import { INTEGER_DIGITS, OBJECT_MEMBERS, OUTSIDE_VALUES, weighDigits } from './json-limits.ts'

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
 * outside the safe range. With `boundValues` it has no more values than one message may have.
 * @throws SettingsError JSON_MALFORMED, with the pointer, for a value that JSON does not have (NaN,
 * functions, dates, cycles, undefined in an array).
 */
export function toJson(value: unknown, boundValues = false): Json {
  return copy(value, [], { left: boundValues ? OUTSIDE_VALUES : Number.POSITIVE_INFINITY })
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !isArray(value)
}

export function isArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value)
}

/** The form of a secret outside the store: its tag, or the sealed text, in place of its value. */
export type Sealed = { readonly $sealed: string }

/** True for a sealed value. It is one value for every reader: never merged, compared or entered by member. */
export function isSealed(value: Json | undefined): value is Sealed {
  if (!isObject(value) || typeof value.$sealed !== 'string') return false
  return Object.keys(value).length === 1
}

/** The beginning of what is shown in place of a sealed text that cannot be a value of its place. */
export const INVALID_SEAL = 'invalid:'

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

/** The first integer with too many digits. */
const TOO_LONG = 10n ** BigInt(INTEGER_DIGITS)

/**
 * Copies a value; `place` has the keys that lead to it, and is printed only for an error, because values are
 * many.
 */
function copy(value: unknown, place: (string | number)[], values: { left: number }): Json {
  if (--values.left < 0) throw tooMany(place, `has more than ${OUTSIDE_VALUES} members and items`)
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number' && Number.isFinite(value)) return value
  if (typeof value === 'bigint') {
    const number = Number(value)
    if (Number.isSafeInteger(number)) return number
    if (value >= TOO_LONG || value <= -TOO_LONG)
      throw malformed(place, `has more than ${INTEGER_DIGITS} digits`)
    values.left -= weighDigits(value.toString(16).length) - 1
    return value
  }
  if (place.length >= MAX_DEPTH) throw malformed(place, 'nests too deep or contains itself')
  const member = (key: string | number, one: unknown): Json => {
    place.push(key)
    const copied = copy(one, place, values)
    place.pop()
    return copied
  }
  if (Array.isArray(value)) return Object.freeze(value.map((item, i) => member(i, item)))
  if (typeof value === 'object' && isPlain(value)) {
    const target: JsonObject = {}
    const members = Object.keys(value)
    if (members.length > OBJECT_MEMBERS && Number.isFinite(values.left))
      throw tooMany(place, `has more than ${OBJECT_MEMBERS} members`)
    for (const key of members) {
      // A plain object, of which these are the keys.
      const one = (value as Record<string, unknown>)[key]
      if (one !== undefined) setMember(target, key, member(key, one))
    }
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

function tooMany(place: readonly (string | number)[], what: string): SettingsError {
  const path = pointerTo(place).slice(0, 200)
  return new SettingsError('DOCUMENT_TOO_LARGE', `The value at "${path}" ${what}. Split it into several.`)
}

function malformed(place: readonly (string | number)[], what: string): SettingsError {
  const path = pointerTo(place)
  return new SettingsError('JSON_MALFORMED', `The value at "${path}" ${what}.`, {
    details: { pointer: path },
  })
}

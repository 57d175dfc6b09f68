import { SettingsError } from './errors.ts'

/**
 * A value of settings or of a box. A `bigint` is an integer outside +-(2^53 - 1) that was written without
 * fraction or exponent.
 */
export type Json = null | boolean | number | bigint | string | readonly Json[] | JsonObject
export type JsonObject = { readonly [key: string]: Json }

/**
 * How deep arrays and objects may nest; deeper values are refused (JSON_MALFORMED) before any recursive code
 * meets them.
 */
export const MAX_DEPTH = 128

/**
 * True when both print the same text once keys are sorted: `1` and `1.0` are equal, `2^53` as integer and as
 * double are not.
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
 * A deep, frozen copy of a value that code handed over, as JSON sees it: an integer is a bigint exactly where
 * it is outside the safe range.
 * @throws SettingsError JSON_MALFORMED, with the pointer, for what JSON cannot hold (NaN, functions, dates,
 * cycles, undefined in an array).
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

/** Sets an own member whatever its name is; plain assignment would lose `__proto__`. */
export function setMember(target: JsonObject, key: string, value: Json): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
    return
  }
  // The object is under construction by its only owner; readonly is for everybody after.
  ;(target as Record<string, Json>)[key] = value
}

/** One reference token of a JSON Pointer (RFC 6901), escaped and led by `/`. */
export function pointerToken(key: string | number): string {
  const text = String(key)
  return `/${text.includes('~') || text.includes('/') ? text.replaceAll('~', '~0').replaceAll('/', '~1') : text}`
}

/** The JSON Pointer that these keys make. */
export function pointerTo(place: readonly (string | number)[]): string {
  return place.map(pointerToken).join('')
}

/**
 * `place` holds the keys that lead to the value; it is only printed when something is wrong there, for there
 * are millions of places.
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

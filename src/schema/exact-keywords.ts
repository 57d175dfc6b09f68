import type { Ajv } from 'ajv'
import { equalValues, valueText } from '../../model/equal-values.ts'
import { compareNumbers } from '../../model/numbers.ts'
import { isArray, isObject, type Json } from '../../model/value.ts'

/**
 * The exact values of a validation: ajv sees a copy in which each bigint is the nearest double, and the
 * keywords below look up the exact values here.
 */
export interface ExactContext {
  readonly data: Json
  /** The exact object for each object of the schema's copy. */
  readonly schemas: WeakMap<object, Json>
}

type ExactTest = (limit: Json, value: Json) => boolean

const number =
  (test: (order: number) => boolean): ExactTest =>
  (limit, value) =>
    !isNumeric(value) || !isNumeric(limit) || test(compareNumbers(value, limit))

const KEYWORDS: Readonly<Record<string, ExactTest>> = {
  minimum: number(order => order >= 0),
  maximum: number(order => order <= 0),
  exclusiveMinimum: number(order => order > 0),
  exclusiveMaximum: number(order => order < 0),
  multipleOf: (limit, value) => !isNumeric(value) || !isNumeric(limit) || isMultiple(value, limit),
  enum: (allowed, value) => isArray(allowed) && allowed.some(one => equalValues(one, value)),
  const: (only, value) => equalValues(only, value),
  // Compared by their texts, because comparing pairs takes minutes on a long list.
  uniqueItems: (wanted, value) =>
    wanted !== true || !isArray(value) || new Set(value.map(valueText)).size === value.length,
}

/** Replaces the keywords of ajv for which a double may differ from an exact integer. */
export function addExactKeywords(ajv: Ajv): void {
  for (const [keyword, test] of Object.entries(KEYWORDS)) {
    ajv.removeKeyword(keyword)
    ajv.addKeyword({
      keyword,
      validate(
        this: ExactContext | undefined,
        limit: Json,
        value: Json,
        parent?: object,
        at?: { readonly instancePath: string },
      ): boolean {
        const exact = parent && this?.schemas?.get(parent)
        const exactLimit = isObject(exact) ? (exact[keyword] ?? limit) : limit
        // A property name under `propertyNames` has the path of its object, so a string is never looked up.
        const looksUp = typeof value === 'number' || (typeof value === 'object' && value !== null)
        return test(
          exactLimit,
          looksUp && this?.data !== undefined && at ? (valueAt(this.data, at.instancePath) ?? value) : value,
        )
      },
    })
  }
}

/** The value at a JSON Pointer; undefined when there is none. */
export function valueAt(data: Json, pointer: string): Json | undefined {
  let at: Json | undefined = data
  for (const token of pointer.split('/').slice(1)) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~')
    if (isArray(at)) at = /^\d+$/.test(key) ? at[Number(key)] : undefined
    else at = isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined
  }
  return at
}

/** A deep copy with the nearest double for each bigint; `seen` gets the exact object of each copy. */
export function withDoubles(value: Json, seen?: WeakMap<object, Json>): Json {
  if (typeof value === 'bigint') return Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, Number(value)))
  if (isArray(value)) return value.map(item => withDoubles(item, seen))
  if (!isObject(value)) return value
  const copy = Object.create(Object.prototype)
  for (const [key, member] of Object.entries(value)) {
    Object.defineProperty(copy, key, {
      value: withDoubles(member, seen),
      enumerable: true,
      configurable: true,
      writable: true,
    })
  }
  seen?.set(copy, value)
  return copy
}

function isNumeric(value: Json): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint'
}

/** Computes with decimal digits, so that 0.3 is a multiple of 0.1 and 2^64 + 1 is not one of 2. */
function isMultiple(value: number | bigint, of: number | bigint): boolean {
  const a = decimal(value)
  const b = decimal(of)
  if (b.digits === 0n) return false
  const exponent = Math.min(a.exponent, b.exponent)
  return (
    (a.digits * 10n ** BigInt(a.exponent - exponent)) % (b.digits * 10n ** BigInt(b.exponent - exponent)) ===
    0n
  )
}

function decimal(value: number | bigint): { digits: bigint; exponent: number } {
  const [mantissa = '0', exponent = '0'] = String(value).split('e')
  const [whole = '0', fraction = ''] = mantissa.split('.')
  return { digits: BigInt(whole + fraction), exponent: Number(exponent) - fraction.length }
}

import { printCanonical } from './canonical.ts'
import { compareNumbers, toInteger } from './numbers.ts'
import { isArray, isObject, type Json, type JsonObject, setMember } from './value.ts'

/*
 * Equality as JSON Schema and JSON Patch define it: numbers are equal by their values, so `1e20` and
 * `100000000000000000000` are one number. equalJson, in contrast, compares texts, because a store keeps how
 * a number was written.
 */

/** True when both values are equal; numbers are compared exactly, whether they are doubles or bigints. */
export function equalValues(a: Json, b: Json): boolean {
  if (isNumber(a) && isNumber(b)) return compareNumbers(a, b) === 0
  if (isArray(a)) return isArray(b) && a.length === b.length && a.every((item, i) => equalAt(item, b[i]))
  if (isObject(a)) {
    const keys = Object.keys(a)
    return (
      isObject(b) &&
      keys.length === Object.keys(b).length &&
      keys.every(key => Object.hasOwn(b, key) && equalAt(a[key], b[key]))
    )
  }
  return a === b
}

/** A text that two values share exactly when they are equal. */
export function valueText(value: Json): string {
  return printCanonical(withIntegers(value))
}

/** A copy with a bigint for each double beyond the safe integers. */
function withIntegers(value: Json): Json {
  if (typeof value === 'number') return toInteger(value)
  if (isArray(value)) return value.map(withIntegers)
  if (!isObject(value)) return value
  const copy: JsonObject = {}
  for (const [key, member] of Object.entries(value)) setMember(copy, key, withIntegers(member))
  return copy
}

function equalAt(a: Json | undefined, b: Json | undefined): boolean {
  return a !== undefined && b !== undefined && equalValues(a, b)
}

function isNumber(value: Json): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint'
}

import { compareNumbers, toInteger } from './numbers.ts'
import { isArray, isObject, type Json } from './value.ts'

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

/** A text that two values share exactly when they are equal; made in one pass, because validation needs many. */
export function valueText(value: Json): string {
  if (typeof value === 'number') return numberText(value)
  if (typeof value === 'bigint') return value.toString()
  if (isArray(value)) {
    let text = '['
    for (let i = 0; i < value.length; i++) text += `${i > 0 ? ',' : ''}${valueText(value[i] as Json)}`
    return `${text}]`
  }
  if (!isObject(value)) return JSON.stringify(value)
  const keys = Object.keys(value).sort()
  let text = '{'
  for (const [i, key] of keys.entries())
    text += `${i > 0 ? ',' : ''}${JSON.stringify(key)}:${valueText(value[key] as Json)}`
  return `${text}}`
}

function numberText(value: number): string {
  // Zero has no sign.
  return value === 0 ? '0' : String(toInteger(value))
}

function equalAt(a: Json | undefined, b: Json | undefined): boolean {
  return a !== undefined && b !== undefined && equalValues(a, b)
}

function isNumber(value: Json): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint'
}

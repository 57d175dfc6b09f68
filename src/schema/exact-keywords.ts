import { _, type Ajv, type KeywordCxt } from 'ajv'
import { equalValues, valueText } from '../../model/equal-values.ts'
import { compareNumbers } from '../../model/numbers.ts'
import { isArray, isObject, type Json, type JsonObject } from '../../model/value.ts'
import type { StepMeter } from './step-meter.ts'
import { stepsOfText } from './text-steps.ts'

/**
 * The exact values of a validation: ajv sees a copy in which each bigint is the nearest double, and the
 * keywords below look up the exact values here. Set during one validation.
 */
export interface ExactContext {
  /** The exact container for each container of the copy; undefined for data that is its own copy. */
  data: ReadonlyMap<object, Json> | undefined
  /** The exact object for each object of the schema's copy. */
  readonly schemas: WeakMap<object, Json>
  readonly meter: StepMeter
}

type ExactTest = (value: Json) => boolean
/** Makes the test of a keyword from its limit; called once for each place in a schema. */
type Prepare = (limit: Json, meter: StepMeter) => ExactTest

const number =
  (test: (order: number) => boolean): Prepare =>
  limit =>
  value =>
    !isNumeric(value) || !isNumeric(limit) || test(compareNumbers(value, limit))

const KEYWORDS: Readonly<Record<string, Prepare>> = {
  minimum: number(order => order >= 0),
  maximum: number(order => order <= 0),
  exclusiveMinimum: number(order => order > 0),
  exclusiveMaximum: number(order => order < 0),
  multipleOf: (limit, meter) => value => {
    if (!isNumeric(value) || !isNumeric(limit)) return true
    if (typeof value === 'bigint') meter.spend(value.toString(16).length)
    return isMultiple(value, limit)
  },
  enum: anyOf,
  const: only => value => equalValues(only, value),
  // Compared by their texts, because comparing pairs takes minutes on a long list.
  uniqueItems: (wanted, meter) => value => {
    if (wanted !== true || !isArray(value)) return true
    const found = new Set<string>()
    return value.every(item => {
      const text = canonical(item, meter)
      return !found.has(text) && found.add(text)
    })
  },
}

/** Finds a value by its text, because comparing it with each value of a long list takes minutes. */
function anyOf(allowed: Json, meter: StepMeter): ExactTest {
  if (!isArray(allowed)) return () => false
  const texts = new Set(allowed.map(valueText))
  // Most values are no container, and most lists have none.
  const hasContainers = allowed.some(one => typeof one === 'object' && one !== null)
  return value =>
    (hasContainers || typeof value !== 'object' || value === null) && texts.has(canonical(value, meter))
}

/** The text by which a value is compared, whose cost is counted before it is made. */
function canonical(value: Json, meter: StepMeter): string {
  meter.spend(stepsOfText(value))
  return valueText(value)
}

/**
 * Replaces the keywords of ajv for which a double may differ from an exact integer. A value is found by its
 * container, not by its pointer, because a pointer would be read again for each value.
 */
export function addExactKeywords(ajv: Ajv, context: ExactContext): void {
  for (const [keyword, prepare] of Object.entries(KEYWORDS)) {
    ajv.removeKeyword(keyword)
    ajv.addKeyword({
      keyword,
      code(cxt: KeywordCxt) {
        const { gen, data, parentSchema, schema, it } = cxt
        const exact = context.schemas.get(parentSchema)
        // The cast is safe, because the schema is a copy of JSON.
        const limit = (isObject(exact) ? exact[keyword] : undefined) ?? (schema as Json)
        const test = prepare(limit, context.meter)
        const check = (value: Json, parent: unknown, member: string | number): boolean =>
          test(context.data ? exactValue(context.data, value, parent, member) : value)
        const name = gen.scopeValue('keyword', { ref: check })
        cxt.fail(_`!${name}(${data}, ${it.parentData}, ${it.parentDataProperty})`)
      },
    })
  }
}

function exactValue(
  exact: ReadonlyMap<object, Json>,
  value: Json,
  parent: unknown,
  member: string | number,
): Json {
  if (typeof value === 'object' && value !== null) return exact.get(value) ?? value
  // A property name under `propertyNames` has its object as parent, so a string is never looked up.
  if (typeof value !== 'number' || typeof parent !== 'object' || parent === null) return value
  const container = exact.get(parent)
  const found = isArray(container)
    ? container[Number(member)]
    : isObject(container)
      ? container[member]
      : undefined
  return found ?? value
}

/** The value at a JSON Pointer; undefined for a place without a value. */
export function valueAt(data: Json, pointer: string): Json | undefined {
  let at: Json | undefined = data
  // Without a list of its tokens, because a pointer may be long and its first token may lead nowhere.
  for (let slash = pointer.indexOf('/'); slash >= 0 && at !== undefined; ) {
    const end = pointer.indexOf('/', slash + 1)
    const token = end < 0 ? pointer.slice(slash + 1) : pointer.slice(slash + 1, end)
    at = memberOf(at, token.includes('~') ? token.replaceAll('~1', '/').replaceAll('~0', '~') : token)
    slash = end
  }
  return at
}

/**
 * Reads values at JSON Pointers. Many long pointers in the order of the document cost little, because the
 * container of the last one is remembered.
 */
export function createReader(data: Json): (pointer: string) => Json | undefined {
  let above = ''
  let container: Json | undefined = data
  return pointer => {
    const cut = pointer.lastIndexOf('/')
    if (cut < 0) return data
    const parent = pointer.slice(0, cut)
    if (parent !== above) container = valueAt(data, parent)
    above = parent
    return container === undefined ? undefined : valueAt(container, pointer.slice(cut))
  }
}

/** The member or item of a container; undefined without one. */
export function memberOf(container: Json, key: string): Json | undefined {
  if (isArray(container)) return /^\d+$/.test(key) ? container[Number(key)] : undefined
  return isObject(container) && Object.hasOwn(container, key) ? container[key] : undefined
}

/**
 * A deep copy with the nearest double for each bigint, and the exact container of each copied one. `empty`
 * makes the objects of the copy.
 */
export function withDoubles(value: Json, empty: () => object = () => Object.create(Object.prototype)) {
  const exact = new Map<object, Json>()
  const copy = (one: Json): unknown => {
    if (typeof one === 'bigint') return Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, Number(one)))
    if (typeof one !== 'object' || one === null) return one
    const made = isArray(one) ? one.map(copy) : copyMembers(one)
    exact.set(made, one)
    return made
  }
  const copyMembers = (one: JsonObject): object => {
    const made = empty()
    for (const [key, member] of Object.entries(one)) {
      Object.defineProperty(made, key, {
        value: copy(member),
        enumerable: true,
        configurable: true,
        writable: true,
      })
    }
    return made
  }
  return { copy: copy(value), exact }
}

/** The size of a document, measured before its validation. */
export interface Extent {
  /** True when a double cannot represent one of the integers. */
  readonly hasBigints: boolean
  /** The most characters of the names on the path of a value. */
  readonly longestPath: number
}

export function measure(value: Json): Extent {
  let hasBigints = false
  let longestPath = 0
  const look = (one: Json, path: number): void => {
    if (typeof one === 'bigint') hasBigints = true
    if (typeof one !== 'object' || one === null) return
    if (isArray(one)) {
      for (const item of one) look(item, path)
      return
    }
    for (const key of Object.keys(one)) {
      const length = path + key.length
      if (length > longestPath) longestPath = length
      look(one[key] as Json, length)
    }
  }
  look(value, 0)
  return { hasBigints, longestPath }
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

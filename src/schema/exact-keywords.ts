import { _, type Ajv, type KeywordCxt } from 'ajv'
import { printCanonical } from '../../model/canonical.ts'
import { equalJson, isArray, isObject, type Json, type JsonObject } from '../../model/value.ts'
import { CHARACTERS_A_STEP, type StepMeter } from './step-meter.ts'

/**
 * What a validation runs on: ajv sees a copy in which each bigint is the nearest double; the keywords below
 * look the exact values up here. Set for the time of one validation.
 */
export interface ExactContext {
  /** From each container of the copy to the exact one; undefined where the data is its own copy. */
  data: ReadonlyMap<object, Json> | undefined
  /** From each object of the schema's copy to the exact one. */
  readonly schemas: WeakMap<object, Json>
  readonly meter: StepMeter
}

type ExactTest = (value: Json) => boolean
/** A keyword with its limit, ready to test values; done once for each place in a schema. */
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
  const: only => value => equalJson(only, value),
  // By their texts: pairs would take minutes on a long list.
  uniqueItems: (wanted, meter) => value => {
    if (wanted !== true || !isArray(value)) return true
    const found = new Set<string>()
    return value.every(item => {
      const text = canonical(item, meter)
      return !found.has(text) && found.add(text)
    })
  },
}

/** Looks a value up by its text, so that a long list of long values does not take minutes. */
function anyOf(allowed: Json, meter: StepMeter): ExactTest {
  if (!isArray(allowed)) return () => false
  const texts = new Set(allowed.map(printCanonical))
  // Most values are no container, and most lists have none.
  const hasContainers = allowed.some(one => typeof one === 'object' && one !== null)
  return value =>
    (hasContainers || typeof value !== 'object' || value === null) && texts.has(canonical(value, meter))
}

function canonical(value: Json, meter: StepMeter): string {
  const text = printCanonical(value)
  meter.spend(text.length / CHARACTERS_A_STEP)
  return text
}

/**
 * Puts our keywords in the place of ajv's wherever a double could lie about an integer. A value is looked up
 * by the container it is in, not by its pointer, which would be read again for each value.
 */
export function addExactKeywords(ajv: Ajv, context: ExactContext): void {
  for (const [keyword, prepare] of Object.entries(KEYWORDS)) {
    ajv.removeKeyword(keyword)
    ajv.addKeyword({
      keyword,
      code(cxt: KeywordCxt) {
        const { gen, data, parentSchema, schema, it } = cxt
        const exact = context.schemas.get(parentSchema)
        // The schema is JSON, copied from the exact one.
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
  // A name under `propertyNames` has its owner as parent, so text is always taken as it comes.
  if (typeof value !== 'number' || typeof parent !== 'object' || parent === null) return value
  const container = exact.get(parent)
  const found = isArray(container)
    ? container[Number(member)]
    : isObject(container)
      ? container[member]
      : undefined
  return found ?? value
}

/** The value a JSON Pointer leads to; undefined when there is none. */
export function valueAt(data: Json, pointer: string): Json | undefined {
  let at: Json | undefined = data
  for (const token of pointer.split('/').slice(1)) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~')
    if (isArray(at)) at = /^\d+$/.test(key) ? at[Number(key)] : undefined
    else at = isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined
  }
  return at
}

/** A deep copy with the nearest double for each bigint, and from which container each of its own was made. */
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

/** What there is to know of a document before it is validated. */
export interface Extent {
  /** Some integer is none that a double holds. */
  readonly hasBigints: boolean
  /** The most characters of names that lead to a value. */
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

/** JavaScript compares a bigint and a double by their mathematical values. */
function compareNumbers(a: number | bigint, b: number | bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** By decimal digits, so that 0.3 is a multiple of 0.1 and 2^64 + 1 is not one of 2. */
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

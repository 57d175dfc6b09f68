import type { ErrorObject } from 'ajv/dist/2020.js'
import type { RuleBroken } from '../../events/changes.ts'
import { printJson } from '../../model/json.ts'
import { nearest } from '../../model/nearest.ts'
import { isArray, isObject, type Json, type JsonObject, pointerToken } from '../../model/value.ts'
import { valueAt } from './exact-keywords.ts'

/** The broken rules that are described for one document. */
const MAX_DESCRIBED_RULES = 1_000

/**
 * Describes the errors of ajv for operators and programs: pointer, rule, the given value, the allowed value
 * and the nearest key.
 */
export function describeErrors(
  errors: readonly ErrorObject[],
  data: JsonObject,
  exactSchema: (copy: unknown) => JsonObject,
): RuleBroken[] {
  return errors
    .slice(0, MAX_DESCRIBED_RULES)
    .map(error => describeError(error, data, exactSchema(error.parentSchema)))
}

function describeError(error: ErrorObject, data: JsonObject, schema: JsonObject): RuleBroken {
  // A rule for names concerns the name, which takes the place of the value.
  const name =
    error.propertyName ?? (error.keyword === 'propertyNames' ? error.params.propertyName : undefined)
  const misplaced = error.params.additionalProperty ?? error.params.unevaluatedProperty
  const member = name ?? misplaced ?? error.params.missingProperty
  const pointer = error.instancePath + (member === undefined ? '' : pointerToken(member))
  const got = name ?? valueAt(data, pointer)
  const expected =
    misplaced === undefined && error.params.missingProperty === undefined ? schema[error.keyword] : undefined
  const near = nearestKey(name, misplaced, schema)
  return {
    pointer,
    rule: error.keyword,
    ...(got === undefined ? {} : { got }),
    ...(expected === undefined ? {} : { expected }),
    message: sentence(error, name !== undefined, pointer, got, expected, near),
    ...(near === undefined ? {} : { nearest: near }),
  }
}

function nearestKey(
  name: string | undefined,
  misplaced: string | undefined,
  schema: JsonObject,
): string | undefined {
  const typed = misplaced ?? name
  if (typed === undefined) return undefined
  const keys =
    misplaced === undefined ? schema.enum : Object.keys(isObject(schema.properties) ? schema.properties : {})
  const texts = isArray(keys) ? keys.filter(key => typeof key === 'string') : []
  return nearest(
    typed,
    texts.filter(key => key !== typed),
  )
}

function sentence(
  error: ErrorObject,
  isName: boolean,
  pointer: string,
  got: Json | undefined,
  expected: Json | undefined,
  near: string | undefined,
): string {
  const where = `"${shorten(pointer || '/')}"`
  const hint = near === undefined ? '.' : `; did you mean "${near}"?`
  switch (error.keyword) {
    case 'required':
      return `${where} is required.`
    case 'dependentRequired':
      return `${where} is required when "${error.params.property}" is set.`
    case 'additionalProperties':
    case 'unevaluatedProperties':
      return `${where} is not a known setting${hint}`
    case 'propertyNames':
      return `${where} has a name that the schema does not allow.`
    case 'false schema':
      return `${where} is not allowed by the schema.`
  }
  const subject = isName ? `The name of ${where}` : where
  const limit = expected === undefined ? undefined : LIMITS[error.keyword]?.(expected)
  return `${subject} ${limit ?? error.message ?? 'is not valid'}${shownAfter(error.keyword, got)}${isName ? hint : '.'}`
}

/** The requirement of a keyword, in words; other keywords use the message of ajv. */
const LIMITS: Readonly<Record<string, (limit: Json) => string>> = {
  minimum: limit => `must be at least ${brief(limit)}`,
  maximum: limit => `must be at most ${brief(limit)}`,
  exclusiveMinimum: limit => `must be more than ${brief(limit)}`,
  exclusiveMaximum: limit => `must be less than ${brief(limit)}`,
  multipleOf: limit => `must be a multiple of ${brief(limit)}`,
  enum: limit => `must be one of ${isArray(limit) ? shorten(limit.map(brief).join(', ')) : brief(limit)}`,
  const: limit => `must be ${brief(limit)}`,
  uniqueItems: () => 'must not contain duplicate items',
  type: limit => `must be of type ${isArray(limit) ? limit.join(' or ') : limit}`,
  format: limit => `must have the format ${brief(limit)}`,
  pattern: limit => `must match the pattern ${brief(limit)}`,
  anyOf: () => 'matches none of the allowed schemas',
  oneOf: () => 'must match exactly one of the allowed schemas',
  not: limit => `must not match ${brief(limit)}`,
}

/** The given value, unless it is a container whose errors inside are more specific. */
function shownAfter(keyword: string, got: Json | undefined): string {
  if (
    got === undefined ||
    (typeof got === 'object' &&
      got !== null &&
      keyword !== 'type' &&
      keyword !== 'const' &&
      keyword !== 'enum')
  )
    return ''
  return keyword === 'anyOf' || keyword === 'oneOf' || keyword === 'not'
    ? `: ${brief(got)}`
    : `, not ${brief(got)}`
}

function brief(value: Json): string {
  return shorten(printJson(value))
}

function shorten(text: string): string {
  return text.length > 120 ? `${text.slice(0, 117)}...` : text
}

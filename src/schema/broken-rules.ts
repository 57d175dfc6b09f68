import type { ErrorObject } from 'ajv/dist/2020.js'
import type { RuleBroken } from '../../events/changes.ts'
import { printJson } from '../../model/json.ts'
import { createSearchBudget, nearest, type SearchBudget } from '../../model/nearest.ts'
import { isArray, isObject, type Json, type JsonObject, pointerToken } from '../../model/value.ts'
import { noteTraits } from './counting-rules.ts'
import { valueAt } from './exact-keywords.ts'
import { MAX_ERRORS } from './step-meter.ts'

/** The most characters of all pointers of one list; further rules are omitted. */
const POINTER_CHARACTERS = 1024 * 1024
/** The most characters of one `got` or `expected`, and of all in one list; further values are omitted. */
const VALUE_CHARACTERS = 4_096
const ALL_VALUES_CHARACTERS = 256 * 1024
/** The most characters of a value in a message. */
const SHOWN_CHARACTERS = 120

/** The remaining limits of the description of one document, and the keys found so far. */
interface Progress {
  pointers: number
  values: number
  readonly search: SearchBudget
  readonly keys: Map<JsonObject, readonly string[]>
  /** The lengths of containers that were printed, because many errors share one. */
  readonly lengths: Map<object, number>
}

/**
 * Describes the errors of ajv for operators and programs: pointer, rule, the given value, the allowed value
 * and the nearest key. At most 1,000 rules, and about 1.5 MiB, for any document.
 */
export function describeErrors(
  errors: readonly ErrorObject[],
  data: JsonObject,
  exactSchema: (copy: unknown) => JsonObject,
  root: Json = {},
): RuleBroken[] {
  const progress: Progress = {
    pointers: POINTER_CHARACTERS,
    values: ALL_VALUES_CHARACTERS,
    search: createSearchBudget(),
    keys: new Map(),
    lengths: new Map(),
  }
  const described: RuleBroken[] = []
  for (const error of errors.slice(0, MAX_ERRORS)) {
    const rule = describeError(error, data, exactSchema(error.parentSchema), progress)
    progress.pointers -= rule.pointer.length
    if (progress.pointers < 0 && described.length > 0) break
    described.push(rule)
  }
  noteTraits(described, errors, root)
  return described
}

function describeError(
  error: ErrorObject,
  data: JsonObject,
  schema: JsonObject,
  progress: Progress,
): RuleBroken {
  // A rule for names concerns the name, which takes the place of the value.
  const name =
    error.propertyName ?? (error.keyword === 'propertyNames' ? error.params.propertyName : undefined)
  const misplaced = error.params.additionalProperty ?? error.params.unevaluatedProperty
  const member = name ?? misplaced ?? error.params.missingProperty
  const pointer = error.instancePath + (member === undefined ? '' : pointerToken(member))
  const got = name ?? valueAt(data, pointer)
  const expected =
    misplaced === undefined && error.params.missingProperty === undefined ? schema[error.keyword] : undefined
  const near = nearestKey(name, misplaced, schema, progress)
  return {
    pointer,
    rule: error.keyword,
    ...(isKept(got, progress) ? { got } : {}),
    ...(isKept(expected, progress) ? { expected } : {}),
    message: sentence(error, name !== undefined, pointer, got, expected, near),
    ...(near === undefined ? {} : { nearest: near }),
  }
}

/** True for a value that the list has room for, which it then takes. */
function isKept(value: Json | undefined, progress: Progress): value is Json {
  if (value === undefined) return false
  const length = lengthOf(value, progress)
  if (length > VALUE_CHARACTERS || length > progress.values) return false
  progress.values -= length
  return true
}

/** The length of a printed value; of a longer one than fits, only that it is longer. */
function lengthOf(value: Json, { values, lengths }: Progress): number {
  const print = (): number => printStart(value, Math.min(VALUE_CHARACTERS, values)).length
  if (typeof value !== 'object' || value === null) return print()
  const length = lengths.get(value) ?? print()
  lengths.set(value, length)
  return length
}

function nearestKey(
  name: string | undefined,
  misplaced: string | undefined,
  schema: JsonObject,
  { search, keys }: Progress,
): string | undefined {
  const typed = misplaced ?? name
  if (typed === undefined || search.left <= 0) return undefined
  let known = keys.get(schema)
  if (!known) {
    const all =
      misplaced === undefined
        ? schema.enum
        : Object.keys(isObject(schema.properties) ? schema.properties : {})
    known = isArray(all) ? all.filter(key => typeof key === 'string') : []
    keys.set(schema, known)
  }
  return nearest(typed, known.includes(typed) ? known.filter(key => key !== typed) : known, search)
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
  enum: limit => `must be one of ${isArray(limit) ? list(limit) : brief(limit)}`,
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
  return shorten(printStart(value, SHOWN_CHARACTERS))
}

function list(values: readonly Json[]): string {
  let text = ''
  for (const value of values) {
    if (text.length > SHOWN_CHARACTERS) break
    text += (text === '' ? '' : ', ') + brief(value)
  }
  return shorten(text)
}

/** The text of a value, or a beginning of it that is longer than `most`: no more of it is looked at. */
function printStart(value: Json, most: number): string {
  if (typeof value === 'string') return JSON.stringify(value.length > most ? value.slice(0, most + 1) : value)
  if (typeof value !== 'object' || value === null) return printJson(value)
  let text = isArray(value) ? '[' : '{'
  const add = (lead: string, member: Json): boolean => {
    text += `${text.length > 1 ? ',' : ''}${lead}${printStart(member, most)}`
    return text.length <= most
  }
  if (isArray(value)) value.every(item => add('', item))
  else Object.keys(value).every(key => add(`${printStart(key, most)}:`, value[key] as Json))
  return text + (isArray(value) ? ']' : '}')
}

function shorten(text: string): string {
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS - 3)}...` : text
}

import { SettingsError } from '../../model/errors.ts'
import { isArray, isObject, type Json, type JsonObject } from '../../model/value.ts'

/** The most rules in a schema: compiled keywords, each of which takes up to 0.2 ms. */
export const SCHEMA_RULES = 1_500
/** The keywords that list names for each member. */
const LISTING: readonly string[] = ['dependentRequired', 'dependencies']
/** Names that one of them lists and that count as one rule. */
const NAMES_A_RULE = 4
/** The most instructions of all patterns in a schema. */
export const SCHEMA_INSTRUCTIONS = 20_000
/** The most members and items in a schema: names, allowed values, defaults. */
export const SCHEMA_VALUES = 50_000
/** The most characters of all names and texts in a schema. */
export const SCHEMA_CHARACTERS = 256 * 1024

/** The keywords that are compiled, with their count; a reference is compiled to a function of its own. */
const RULES: ReadonlyMap<string, number> = new Map(
  [
    ...['type', 'enum', 'const', 'format', 'required', 'dependentRequired', 'dependencies'],
    ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
    ...['minLength', 'maxLength', 'pattern', 'patternProperties'],
    ...[
      'minItems',
      'maxItems',
      'uniqueItems',
      'contains',
      'minContains',
      'maxContains',
      'items',
      'prefixItems',
    ],
    ...['minProperties', 'maxProperties', 'properties', 'propertyNames', 'additionalProperties'],
    ...['unevaluatedProperties', 'unevaluatedItems', 'dependentSchemas'],
    ...['allOf', 'anyOf', 'oneOf', 'not', 'if', 'then', 'else'],
  ]
    .map((keyword): [string, number] => [keyword, 1])
    .concat([
      ['$ref', 4],
      ['$dynamicRef', 4],
    ]),
)

/**
 * Walks through a whole schema before its compilation, and refuses one that would take long.
 * @throws SettingsError SCHEMA_TOO_COSTLY.
 */
export function refuseCostlySchema(schema: JsonObject): void {
  let [rules, values, characters] = [0, 0, 0]
  const look = (one: Json): void => {
    if (++values > SCHEMA_VALUES) throw tooCostly(`it has more than ${SCHEMA_VALUES} values`)
    if (typeof one === 'string') read(one)
    // A subschema that allows nothing is compiled too.
    if (one === false) count(1)
    if (isArray(one)) for (const item of one) look(item)
    if (!isObject(one)) return
    for (const [key, member] of Object.entries(one)) {
      count(RULES.get(key) ?? 0)
      if (LISTING.includes(key) && isObject(member)) count(weighDependencies(member))
      read(key)
      look(member)
    }
  }
  const count = (more: number): void => {
    rules += more
    if (rules > SCHEMA_RULES) throw tooCostly(`it has more than ${SCHEMA_RULES} rules`)
  }
  const read = (text: string): void => {
    characters += text.length
    if (characters > SCHEMA_CHARACTERS)
      throw tooCostly(`its names and texts have more than ${SCHEMA_CHARACTERS} characters`)
  }
  look(schema)
}

/** The rules that such a keyword counts as: each listed name may be checked. */
function weighDependencies(member: JsonObject): number {
  const lists = Object.values(member)
  const names = lists.reduce<number>((sum, one) => sum + (isArray(one) ? one.length : 0), 0)
  return lists.length + Math.ceil(names / NAMES_A_RULE)
}

/** A refusal with its reason. */
export function tooCostly(why: string): SettingsError {
  return new SettingsError(
    'SCHEMA_TOO_COSTLY',
    `The schema cannot be used because ${why}. Simplify it, or keep data in boxes.`,
  )
}

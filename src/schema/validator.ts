import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import type { RuleBroken } from '../../events/changes.ts'
import { SettingsError } from '../../model/errors.ts'
import { quote } from '../../model/quote.ts'
import { isObject, type Json, type JsonObject } from '../../model/value.ts'
import { describeErrors } from './broken-rules.ts'
import { addExactKeywords, type ExactContext, withDoubles } from './exact-keywords.ts'

/** All rules that the data breaks; empty when it is valid. Never throws. */
export type Validate = (data: JsonObject) => readonly RuleBroken[]

/** What ajv makes of a schema. */
type Check = ((this: ExactContext, data: unknown) => unknown) & {
  readonly errors?: null | readonly ErrorObject[]
}

/** The rule that a schema breaks which comes back to itself without going deeper into the value. */
const ENDLESS = '$ref'
/** How many broken rules an error's message tells; the details have the others too. */
const MOST_TOLD = 20

/**
 * Compiles a JSON Schema, draft 2020-12. Unknown keywords (`x-apply`, `x-sensitive`) are annotations.
 * @throws SettingsError SCHEMA_MALFORMED, saying where.
 */
export function compileSchema(schema: JsonObject): Validate {
  const schemas = new WeakMap<object, Json>()
  const check = compile(withDoubles(schema, schemas))
  const exactSchema = (copy: unknown): JsonObject => {
    const exact = typeof copy === 'object' && copy !== null ? schemas.get(copy) : undefined
    return isObject(exact) ? exact : {}
  }
  const validate: Validate = data => {
    try {
      if (check.call({ data, schemas }, withDoubles(data))) return []
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      return [
        {
          pointer: '',
          rule: ENDLESS,
          message: 'The schema refers to itself without end, so the settings cannot be validated.',
        },
      ]
    }
    return describeErrors(check.errors ?? [], data, exactSchema)
  }
  if (validate({})[0]?.rule === ENDLESS) throw malformed('it refers to itself without end')
  return validate
}

/**
 * @throws SettingsError SETTINGS_INVALID with all broken rules at once, for a person to read and a machine to
 * point at.
 */
export function refuseBroken(broken: readonly RuleBroken[], what: string): void {
  if (broken.length === 0) return
  const told = broken.slice(0, MOST_TOLD).map(rule => rule.message)
  if (broken.length > told.length) told.push(`${broken.length - told.length} more errors.`)
  throw new SettingsError('SETTINGS_INVALID', `${what} does not match the schema: ${told.join(' ')}`, {
    details: { errors: broken },
  })
}

/** Knows the schema of schemas, and nothing else. */
const ofSchemas = new Ajv2020({ strict: false, logger: false, ownProperties: true })

function compile(schema: Json): Check {
  if (!isObject(schema)) throw malformed('it is not a JSON object')
  // ajv would answer a promise, which is true whatever the data.
  if (Object.hasOwn(schema, '$async')) throw malformed('"$async" is not a keyword of JSON Schema')
  const ajv = new Ajv2020({
    // Checked below, by one instance for all schemas: each of its own would compile the schema of schemas
    // again.
    meta: false,
    validateSchema: false,
    allErrors: true,
    strict: false,
    passContext: true,
    verbose: true,
    validateFormats: true,
    // A setting may be named `constructor` or `toString`.
    ownProperties: true,
    logger: false,
  })
  // Under nodenext the default export is typed as a namespace; at run time it is the plug-in.
  ;(formats as unknown as (on: Ajv2020) => void)(ajv)
  addExactKeywords(ajv)
  try {
    ofSchemas.validateSchema(schema, true)
    return ajv.compile(schema)
  } catch (cause) {
    throw malformed(reasonOf(cause, schema), cause)
  }
}

function reasonOf(cause: unknown, schema: JsonObject): string {
  const message = (cause instanceof Error ? cause.message : String(cause)).replace(/\.+$/, '')
  if (cause instanceof RangeError) return 'it refers to itself without end'
  if (message.startsWith('no schema with key or ref'))
    return `"$schema" is ${quote(schema.$schema)}; omit it, or set it to draft 2020-12`
  return message.replace(/^schema is invalid: /, '').replaceAll(/\bdata(?=\/)/g, '')
}

function malformed(why: string, cause?: unknown): SettingsError {
  return new SettingsError(
    'SCHEMA_MALFORMED',
    `Invalid JSON Schema (draft 2020-12): ${why}.`,
    cause === undefined ? {} : { cause },
  )
}

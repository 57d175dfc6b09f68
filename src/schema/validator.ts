import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import type { RuleBroken } from '../../events/changes.ts'
import { SettingsError } from '../../model/errors.ts'
import { quote } from '../../model/quote.ts'
import { isObject, type Json, type JsonObject } from '../../model/value.ts'
import { describeErrors } from './broken-rules.ts'
import { addExactKeywords, type ExactContext, withDoubles } from './exact-keywords.ts'
import { withLocalReferences } from './references.ts'

/** All rules that the data breaks; empty when it is valid. Never throws. */
export type Validate = (data: JsonObject) => readonly RuleBroken[]

/** A schema that ajv has compiled. */
type CompiledCheck = ((this: ExactContext, data: unknown) => unknown) & {
  readonly errors?: null | readonly ErrorObject[]
}

/** The rule that is reported for a schema that refers to itself without descending into the value. */
const ENDLESS = '$ref'
/** The broken rules in the message of an error; its details have all of them. */
const MAX_REPORTED_RULES = 20

/**
 * Compiles a JSON Schema, draft 2020-12. Unknown keywords (`x-apply`, `x-sensitive`) are annotations.
 * @throws SettingsError SCHEMA_MALFORMED with the place.
 */
export function compileSchema(schema: JsonObject): Validate {
  const schemas = new WeakMap<object, Json>()
  const check = compile(withDoubles(withLocalReferences(schema), schemas))
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

/** @throws SettingsError SETTINGS_INVALID with all broken rules at once: as a message and as details. */
export function refuseBroken(broken: readonly RuleBroken[], what: string): void {
  if (broken.length === 0) return
  const reported = broken.slice(0, MAX_REPORTED_RULES).map(rule => rule.message)
  if (broken.length > reported.length) reported.push(`${broken.length - reported.length} more errors.`)
  throw new SettingsError('SETTINGS_INVALID', `${what} does not match the schema: ${reported.join(' ')}`, {
    details: { errors: broken },
  })
}

/** Validates schemas against the meta-schema; one instance is enough for all. */
const metaSchemaValidator = new Ajv2020({ strict: false, logger: false, ownProperties: true })

function compile(schema: Json): CompiledCheck {
  if (!isObject(schema)) throw malformed('it is not a JSON object')
  // ajv would return a promise, which is truthy for all data.
  if (Object.hasOwn(schema, '$async')) throw malformed('"$async" is not a keyword of JSON Schema')
  const ajv = new Ajv2020({
    // The schema is checked below, because each instance of its own would compile the meta-schema again.
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
  // The cast is necessary, because nodenext types the default export as a namespace; it is the plug-in.
  ;(formats as unknown as (on: Ajv2020) => void)(ajv)
  addExactKeywords(ajv)
  try {
    metaSchemaValidator.validateSchema(schema, true)
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

import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import type { RuleBroken } from '../../events/map.ts'
import { SettingsError } from '../../model/errors.ts'
import { printJson } from '../../model/json.ts'
import { isObject, type Json, type JsonObject, pointerToken } from '../../model/value.ts'
import { nearest } from '../nearest.ts'
import { addExactKeywords, type ExactContext, valueAt, withDoubles } from './exact-keywords.ts'

/** All rules that the data breaks; empty when it is valid. */
export type Validate = (data: JsonObject) => readonly RuleBroken[]

/**
 * Compiles a JSON Schema, draft 2020-12. Unknown keywords (`x-apply`, `x-sensitive`) are annotations.
 * @throws SettingsError SCHEMA_MALFORMED, saying where.
 */
export function compileSchema(schema: JsonObject): Validate {
  const schemas = new WeakMap<object, Json>()
  const ajv = new Ajv2020({ allErrors: true, strict: false, passContext: true, verbose: true, validateFormats: true, logger: false })
  // Under nodenext the default export is typed as a namespace; at run time it is the plug-in.
  ;(formats as unknown as (on: Ajv2020) => void)(ajv)
  addExactKeywords(ajv)
  const copy = withDoubles(schema, schemas)
  if (!isObject(copy)) throw new SettingsError('SCHEMA_MALFORMED', 'The schema is not a JSON object.')
  let check: (this: ExactContext, data: unknown) => unknown
  let errors: () => readonly ErrorObject[]
  try {
    const compiled = ajv.compile(copy)
    check = compiled
    errors = () => compiled.errors ?? []
  } catch (cause) {
    const detail = ajv.errors?.[0] ? ` (${ajv.errors[0].instancePath || '/'} ${ajv.errors[0].message})` : ''
    throw new SettingsError(
      'SCHEMA_MALFORMED',
      `Not a JSON Schema (draft 2020-12): ${cause instanceof Error ? cause.message : String(cause)}${detail}.`,
      { cause },
    )
  }
  return data => (check.call({ data, schemas }, withDoubles(data)) ? [] : describe(errors(), data, schemas))
}

/** @throws SettingsError SETTINGS_INVALID with all broken rules at once, for a person to read and a machine to point at. */
export function refuseBroken(broken: readonly RuleBroken[], what: string): void {
  if (broken.length === 0) return
  throw new SettingsError('SETTINGS_INVALID', `${what} does not validate: ${broken.map(rule => rule.message).join(' ')}`, {
    details: { errors: broken },
  })
}

function describe(errors: readonly ErrorObject[], data: JsonObject, schemas: WeakMap<object, Json>): RuleBroken[] {
  return errors.map(error => {
    const schema = isExactObject(schemas, error.parentSchema)
    const property = misplacedProperty(error)
    const pointer = property === undefined ? error.instancePath : error.instancePath + pointerToken(property)
    const got = valueAt(data, pointer)
    const expected = property === undefined ? schema[error.keyword] : undefined
    const allowed = error.keyword === 'required' ? [] : Object.keys(isObject(schema.properties) ? schema.properties : {})
    const near = property === undefined ? undefined : nearest(property, allowed)
    return {
      pointer,
      rule: error.keyword,
      ...(got === undefined ? {} : { got }),
      ...(expected === undefined ? {} : { expected }),
      message: sentence(error, pointer, got, expected, near),
      ...(near === undefined ? {} : { nearest: near }),
    }
  })
}

function misplacedProperty(error: ErrorObject): string | undefined {
  return error.params.additionalProperty ?? error.params.unevaluatedProperty ?? error.params.missingProperty
}

function sentence(error: ErrorObject, pointer: string, got: Json | undefined, expected: Json | undefined, near: string | undefined): string {
  const where = `"${pointer || '/'}"`
  if (error.keyword === 'required') return `${where} is required.`
  if (error.keyword === 'additionalProperties' || error.keyword === 'unevaluatedProperties') {
    return `${where} is not a setting here${near === undefined ? '' : `; did you mean "${near}"?`}${near === undefined ? '.' : ''}`
  }
  const shown = got === undefined ? '' : `, not ${brief(got)}`
  if (expected === undefined) return `${where} ${error.message}${shown}.`
  return `${where} must hold to ${error.keyword} ${brief(expected)}${shown}.`
}

function brief(value: Json): string {
  const text = printJson(value)
  return text.length > 120 ? `${text.slice(0, 117)}...` : text
}

function isExactObject(schemas: WeakMap<object, Json>, copy: unknown): JsonObject {
  const exact = typeof copy === 'object' && copy !== null ? schemas.get(copy) : undefined
  return isObject(exact) ? exact : {}
}

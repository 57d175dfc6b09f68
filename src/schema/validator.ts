import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import type { RuleBroken } from '../../events/changes.ts'
import { isSettingsError, SettingsError } from '../../model/errors.ts'
import { quote } from '../../model/quote.ts'
import { isObject, type Json, type JsonObject } from '../../model/value.ts'
import { addBoundedFormats } from './bounded-formats.ts'
import { describeErrors } from './broken-rules.ts'
import { addDependentRequired } from './dependent-required.ts'
import { addExactKeywords, type ExactContext, measure, withDoubles } from './exact-keywords.ts'
import { compilePattern } from './pattern.ts'
import { PatternRefused } from './pattern-property.ts'
import { withLocalReferences } from './references.ts'
import { refuseInvalidSchema, schemaMalformed } from './schema-faults.ts'
import { refuseCostlySchema, SCHEMA_INSTRUCTIONS, tooCostly } from './schema-size.ts'
import {
  addStepKeyword,
  type Budget,
  BudgetExceeded,
  countedObject,
  EnoughErrors,
  StepMeter,
  VALIDATION_STEPS,
} from './step-meter.ts'

/**
 * All rules that the data breaks, the first 1,000 of them; empty when it is valid. Never throws. A validation
 * that takes more steps than the budget ends with the one rule {@link BUDGET}; without a budget it has one of
 * its own.
 */
export type Validate = (data: JsonObject, budget?: Budget) => readonly RuleBroken[]

/** A schema that ajv has compiled. */
type CompiledCheck = ((data: unknown) => unknown) & { readonly errors?: null | readonly ErrorObject[] }

/** The rule that is reported for a schema that refers to itself without descending into the value. */
const ENDLESS = '$ref'
/** The rule that a document breaks whose validation takes more steps than are allowed. */
export const BUDGET = 'budget'
/** The broken rules in the message of an error; its details have all of them. */
const MAX_REPORTED_RULES = 20

/**
 * Compiles a JSON Schema, draft 2020-12. Unknown keywords (`x-apply`, `x-sensitive`) are annotations.
 *
 * A value is validated up to its first broken rule. All rules are collected afterwards, and only for an
 * invalid value, so that the collection can be bounded without a false result.
 * @throws SettingsError SCHEMA_MALFORMED with the place; SCHEMA_TOO_COSTLY for one that is too large to
 * compile, or takes too many steps on `{}`.
 */
export function compileSchema(schema: JsonObject): Validate {
  refuseCostlySchema(schema)
  const { copy, exact } = withDoubles(withLocalReferences(schema), countedObject)
  const schemas = new WeakMap(exact)
  const context: ExactContext = { data: undefined, schemas, meter: new StepMeter() }
  const checked = requireSchema(copy)
  const isValid = compile(checked, context, false)
  let collect: CompiledCheck | undefined
  const exactSchema = (one: unknown): JsonObject => {
    const found = typeof one === 'object' && one !== null ? schemas.get(one) : undefined
    return isObject(found) ? found : {}
  }
  const validate: Validate = (data, shared = { left: VALIDATION_STEPS }) => {
    const given = Math.min(shared.left, VALIDATION_STEPS)
    const budget = { left: given }
    const { hasBigints, longestPath } = measure(data)
    const doubles = hasBigints ? withDoubles(data) : undefined
    const value = doubles ? doubles.copy : data
    context.data = doubles?.exact
    try {
      if (context.meter.run(budget, longestPath, () => isValid(value))) return []
      collect ??= compile(checked, context, true)
      const check = collect
      context.meter.run(budget, longestPath, () => check(value))
      return describeErrors(check.errors ?? [], data, exactSchema, checked)
    } catch (error) {
      return brokenBy(error, data, exactSchema, checked)
    } finally {
      context.data = undefined
      shared.left -= given - budget.left
    }
  }
  const [broken] = validate({})
  if (broken?.rule === ENDLESS) throw schemaMalformed('it refers to itself without end')
  if (broken?.rule === BUDGET)
    throw tooCostly(`its validation of {} takes more than ${VALIDATION_STEPS} steps`)
  return validate
}

function brokenBy(
  error: unknown,
  data: JsonObject,
  exactSchema: (one: unknown) => JsonObject,
  root: JsonObject,
): readonly RuleBroken[] {
  // The cast is safe, because ajv collected the errors.
  if (error instanceof EnoughErrors)
    return describeErrors(error.errors as readonly ErrorObject[], data, exactSchema, root)
  if (error instanceof BudgetExceeded) return [BUDGET_EXCEEDED]
  if (!(error instanceof RangeError)) throw error
  const message = 'The schema refers to itself without end, so the settings cannot be validated.'
  return [{ pointer: '', rule: ENDLESS, message }]
}

const BUDGET_EXCEEDED: RuleBroken = {
  pointer: '',
  rule: BUDGET,
  expected: VALIDATION_STEPS,
  message: `The validation takes more than the allowed ${VALIDATION_STEPS} steps. Use shorter values or fewer members, or a simpler schema.`,
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

/** The copy of a schema, if it is one. @throws SettingsError SCHEMA_MALFORMED. */
function requireSchema(copy: unknown): JsonObject {
  // The cast is safe, because the schema is a copy of JSON.
  const schema = copy as Json
  if (!isObject(schema)) throw schemaMalformed('it is not a JSON object')
  // ajv would return a promise, which is truthy for all data.
  if (Object.hasOwn(schema, '$async')) throw schemaMalformed('"$async" is not a keyword of JSON Schema')
  return translateFailure(schema, () => {
    refuseInvalidSchema(schema)
    return schema
  })
}

/** @throws SettingsError SCHEMA_MALFORMED for an error of ajv about the schema. */
function translateFailure<Result>(schema: JsonObject, work: () => Result): Result {
  try {
    return work()
  } catch (cause) {
    if (isSettingsError(cause)) throw cause
    throw schemaMalformed(reasonOf(cause, schema), { cause })
  }
}

/** Compiles for all broken rules with `collects`, else for the first one. */
function compile(schema: JsonObject, context: ExactContext, collects: boolean): CompiledCheck {
  const ajv = new Ajv2020({
    // The schema was checked before, because each instance would compile the meta-schema again.
    meta: false,
    validateSchema: false,
    allErrors: collects,
    strict: false,
    verbose: collects,
    messages: collects,
    validateFormats: true,
    // A setting may be named `constructor` or `toString`.
    ownProperties: true,
    logger: false,
    // An inlined subschema would be compiled once for each reference.
    inlineRefs: false,
    // The optimization takes as long as the rest of a compilation, and has no benefit here.
    code: { optimize: false, regExp: Object.assign(patternOf(context.meter), { code: 'compilePattern' }) },
  })
  // The cast is necessary, because nodenext types the default export as a namespace; it is the plug-in.
  ;(formats as unknown as (on: Ajv2020) => void)(ajv)
  addBoundedFormats(ajv, context.meter)
  addExactKeywords(ajv, context)
  addDependentRequired(ajv, collects)
  addStepKeyword(ajv, context.meter, collects)
  // The cast is safe, because ajv returns a promise only for `$async`.
  return translateFailure(schema, () => ajv.compile(schema) as CompiledCheck)
}

/** The engine of patterns for ajv. */
function patternOf(meter: StepMeter) {
  let total = 0
  return (source: string) => {
    const { instructions, test } = compilePattern(source)
    total += instructions
    if (total > SCHEMA_INSTRUCTIONS)
      throw tooCostly(`the programs of its patterns have more than ${SCHEMA_INSTRUCTIONS} instructions`)
    return {
      test: (text: string): boolean => {
        meter.spendOnPattern(instructions, text)
        return test(text)
      },
      // ajv distinguishes patterns by this text.
      toString: () => source,
    }
  }
}

function reasonOf(cause: unknown, schema: JsonObject): string {
  const message = (cause instanceof Error ? cause.message : String(cause)).replace(/\.+$/, '')
  if (cause instanceof PatternRefused) return `a pattern cannot be used: ${message}`
  if (cause instanceof RangeError) return 'it refers to itself without end'
  if (message.startsWith('no schema with key or ref'))
    return `"$schema" is ${quote(schema.$schema)}; omit it, or set it to draft 2020-12`
  return message
}

import { createHash } from 'node:crypto'
import { printJson } from '../../model/json.ts'
import { VALIDATION_STEPS } from './step-meter.ts'
import { BUDGET, type Validate } from './validator.ts'

/** Steps from which a validation is remembered; finding it again takes less. */
const COSTLY_STEPS = 100_000
/** Broken rules from which it is remembered, because their description takes long too. */
const COSTLY_RULES = 100
/** Results that are kept, of all schemas together; each has up to 1.5 MiB. */
const MAX_RESULTS = 32

interface Result {
  readonly rules: ReturnType<Validate>
  readonly steps: number
}

const results = new Map<string, Result>()
let schemas = 0

/**
 * Remembers the results of costly validations: one request validates the same settings several times, for the
 * check of a change, its effect, and each reader.
 *
 * Invariant: result and steps are those of the validation, because both depend on the schema and the text of
 * the value only. A budget that has fewer steps left is not decided from memory.
 */
export function rememberCostly(validate: Validate): Validate {
  const schema = schemas++
  let hasCostly = false
  return (data, budget = { left: VALIDATION_STEPS }) => {
    const key = hasCostly ? keyOf(schema, data) : undefined
    const known = key === undefined ? undefined : results.get(key)
    if (key !== undefined && known && known.steps <= budget.left) {
      // The oldest one is dropped first.
      results.delete(key)
      results.set(key, known)
      budget.left -= known.steps
      return known.rules
    }
    const before = budget.left
    const rules = validate(data, budget)
    const steps = before - budget.left
    const isWhole = before >= VALIDATION_STEPS || rules[0]?.rule !== BUDGET
    if (isWhole && (steps >= COSTLY_STEPS || rules.length >= COSTLY_RULES)) {
      hasCostly = true
      results.set(key ?? keyOf(schema, data), { rules, steps })
      if (results.size > MAX_RESULTS) results.delete(results.keys().next().value ?? '')
    }
    return rules
  }
}

function keyOf(schema: number, data: Parameters<Validate>[0]): string {
  return `${schema} ${createHash('sha256').update(printJson(data)).digest('base64')}`
}

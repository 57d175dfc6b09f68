import { expect, it } from 'vitest'
import { type JsonObject, toJson } from '../../../model/value.ts'
import { createSchemaDocument } from '../../../src/schema/schema-document.ts'
import { compileSchema } from '../../../src/schema/validator.ts'

// The values are JSON, frozen and typed by toJson.
const json = (value: unknown): JsonObject => toJson(value) as JsonObject
const SCHEMA = json({
  properties: { a: { items: { not: { const: Array.from({ length: 500 }, (_, i) => i) } } } },
})
const rows = (count: number, last: number) =>
  json({ a: Array.from({ length: count }, (_, i) => (i === count - 1 ? [last] : { i })) })

function measure(validate: ReturnType<typeof compileSchema>, data: JsonObject, left = 2_000_000) {
  const budget = { left }
  const before = process.cpuUsage()
  const rules = validate(data, budget)
  return { rules, steps: left - budget.left, ms: process.cpuUsage(before).user / 1e3 }
}

it('a costly validation is done once, and has the result and the steps of each one', () => {
  const { validate } = createSchemaDocument(SCHEMA, {}, undefined)
  const plain = compileSchema(SCHEMA)
  for (const data of [rows(3_000, 1), rows(3_000, 2), rows(20_000, 1)]) {
    const expected = measure(plain, data)
    const first = measure(validate, data)
    const again = measure(validate, json(data))
    expect([first.rules, first.steps]).toEqual([expected.rules, expected.steps])
    expect([again.rules, again.steps]).toEqual([expected.rules, expected.steps])
    expect(again.rules).toBe(first.rules)
  }
  // A budget with fewer steps decides as without a memory, and leaves none behind.
  const small = measure(validate, rows(3_000, 1), 1_000)
  expect(small.rules).toMatchObject([{ rule: 'budget' }])
  expect(measure(validate, rows(3_000, 1)).rules).toEqual([])
})

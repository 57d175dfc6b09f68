import fc from 'fast-check'
import { type Json, type JsonObject, toJson } from '../../../model/value.ts'

/* Generated schemas and overrides that may break them. */

// The values are JSON, frozen and typed by toJson.
export const json = (value: unknown): JsonObject => toJson(value) as JsonObject
/** Under these names, for an object that has a member `then` looks like a promise. */
export const condition = (test: unknown, yes: unknown): object =>
  Object.fromEntries([
    ['if', test],
    ['then', yes],
  ])

export const keys = ['a', 'b', 'c']
export const leaf = fc.constantFrom<Json>(0, 1, 5, 'x', null, [1, 'x'])
export const documents = fc
  .dictionary(
    fc.constantFrom(...keys),
    fc.oneof(leaf, fc.dictionary(fc.constantFrom(...keys), leaf, { maxKeys: 3 })),
    { maxKeys: 3 },
  )
  .map(json)
export const local = fc.constantFrom<object>(
  { type: 'integer' },
  { type: ['integer', 'object'], minimum: 1 },
  { enum: [1, 'x', { a: 1 }] },
  { anyOf: [{ type: 'string' }, { type: 'integer', maximum: 3 }] },
  { properties: { a: { type: 'integer' }, b: { minimum: 1 } }, additionalProperties: false },
  { properties: { a: { $ref: '#/$defs/n' } }, propertyNames: { maxLength: 1 } },
  { type: 'array', items: { type: 'integer' }, contains: { const: 5 } },
  { not: { type: 'null' } },
  {},
)
export const across = fc.constantFrom<object>(
  { maxProperties: 2 },
  { required: ['a'] },
  { minProperties: 2 },
  { oneOf: [{ required: ['a'] }, { required: ['b'] }] },
  { dependentRequired: { a: ['c'] } },
  { not: { required: ['b', 'c'] } },
  condition({ properties: { a: { const: 1 } } }, { properties: { b: { const: 1 } } }),
  { unevaluatedProperties: false },
)
export const schemasOf = (rules: fc.Arbitrary<object>): fc.Arbitrary<JsonObject> =>
  fc
    .tuple(fc.dictionary(fc.constantFrom(...keys), local, { maxKeys: 3 }), rules, rules)
    .map(([properties, one, other]) =>
      json({ $defs: { n: { type: 'integer' } }, properties, allOf: [one], ...other }),
    )

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { SettingsError } from '../../../model/errors.ts'
import { parseUntrustedJson } from '../../../model/json.ts'
import { parseExact, parsePlain } from '../../../model/json-parser.ts'

const OPTIONS = { maxDepth: 128, refuseDuplicates: true, boundValues: true }
const outcomeOf = (parse: () => unknown): unknown => {
  try {
    return { value: parse() }
  } catch (error) {
    assert.ok(error instanceof SettingsError)
    return { code: error.code, message: error.message }
  }
}

const space = fc.constantFrom('', '', ' ', '\n', '\t \r')
// One name has several texts, and texts contain what looks like names.
const name = fc.constantFrom('"a"', '"\\u0061"', '"b\\""', '"b\\\\"', '""', '"__proto__"', '"a\\":1,\\"c"')
const leaf = fc.oneof(
  fc.constantFrom(
    '1',
    '-0',
    '1.50',
    '1e3',
    '1e999',
    '12345678901234567890',
    'true',
    'null',
    '01',
    'nul',
    '"\t"',
  ),
  name,
)
const { text } = fc.letrec<{ text: string; object: string; array: string }>(tie => ({
  text: fc.oneof({ maxDepth: 4 }, leaf, tie('object'), tie('array')),
  object: fc
    .array(fc.tuple(space, name, space, tie('text'), space), { maxLength: 4 })
    .map(all => `{${all.map(([a, key, b, value, c]) => `${a}${key}${b}:${value}${c}`).join()}}`),
  array: fc
    .array(fc.tuple(space, tie('text'), space), { maxLength: 4 })
    .map(all => `[${all.map(parts => parts.join('')).join()}]`),
}))

it('a text from outside has the value, or the error, of the exact parser', () => {
  fc.assert(
    fc.property(text, source => {
      assert.deepStrictEqual(
        outcomeOf(() => parseUntrustedJson(source, true)),
        outcomeOf(() => parseExact(source, OPTIONS)),
      )
    }),
    { numRuns: 3_000 },
  )
})

it('many values, a large object and deep nesting have the errors of the exact parser', () => {
  const members = Array.from({ length: 50_001 }, (_, i) => `"k${i}":0`).join()
  for (const source of [`[${'0,'.repeat(100_000)}0]`, `{${members}}`, `${'['.repeat(200)}${']'.repeat(200)}`])
    expect(outcomeOf(() => parseUntrustedJson(source, true))).toEqual(
      outcomeOf(() => parseExact(source, OPTIONS)),
    )
})

it('an ordinary text is parsed by the native parser', () => {
  const source = JSON.stringify({ a: [1.5, 'x:"y"', { b: null }], 'c\\': { '"': true } }, undefined, 2)
  expect(parsePlain(source, true)).toEqual(JSON.parse(source))
  expect(parsePlain('{"a": 1, "\\u0061": 2}', true)).toBeUndefined()
})

import { describe, expect, it } from 'vitest'
import { nearest } from '../../../model/nearest.ts'
import { type JsonObject, toJson } from '../../../model/value.ts'
import { createSchemaDocument } from '../../../src/schema/schema-document.ts'
import { compileSchema } from '../../../src/schema/validator.ts'

/*
 * What one schema or document can cost, in CPU seconds of this process. The inputs are cut so that they end
 * where nothing is bounded, too; the limits are several times what is needed on a busy machine.
 */

// The values are JSON, frozen and typed by toJson.
const json = (value: unknown): JsonObject => toJson(value) as JsonObject
const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
const named = <Value>(count: number, value: (i: number) => Value, lead = 'k'): Record<string, Value> =>
  Object.fromEntries(numbers(count).map(i => [`${lead}${i}`, value(i)]))
/** A schema of `depth` levels, each of which refers to the next one twice. */
const doubled = (depth: number, combine: string, end: object): Record<string, object> => ({
  ...named(depth, i => ({ [combine]: [{ $ref: `#/$defs/k${i + 1}` }, { $ref: `#/$defs/k${i + 1}` }] })),
  [`k${depth}`]: end,
})

/** The CPU seconds that work takes, and what it came to. */
function cpu<Result>(work: () => Result): { readonly seconds: number; readonly result: Result } {
  const before = process.cpuUsage()
  const result = work()
  const { user, system } = process.cpuUsage(before)
  return { seconds: (user + system) / 1e6, result }
}

function validation(schema: unknown, data: unknown) {
  const validate = compileSchema(json(schema))
  const value = json(data)
  const { seconds, result } = cpu(() => validate(value))
  return { seconds, rules: result, kinds: [...new Set(result.map(({ rule }) => rule))] }
}

describe('a validation ends within its budget', () => {
  it.each<[string, unknown, unknown, string[]]>([
    [
      'a pattern that backtracks',
      { properties: { a: { pattern: '^(a+)+$' } } },
      { a: `${'a'.repeat(27)}!` },
      ['pattern'],
    ],
    [
      'a long text on a long pattern',
      { properties: { a: { pattern: '^[ab]*a[ab]{400}[cd]' } } },
      { a: `${'ab'.repeat(100_000)}c` },
      ['budget'],
    ],
    [
      'names that patterns are run on',
      { patternProperties: named(50, () => ({}), '^(a|b)*[ab]{200}c') },
      named(200, () => 1, 'ab'.repeat(200)),
      ['budget'],
    ],
    [
      'doubled references',
      { properties: { a: { $ref: '#/$defs/k0' } }, $defs: doubled(20, 'anyOf', { type: 'string' }) },
      { a: 1 },
      ['budget'],
    ],
    [
      'doubled references that hold',
      { properties: { a: { $ref: '#/$defs/k0' } }, $defs: doubled(20, 'allOf', { type: 'number' }) },
      { a: 1 },
      ['budget'],
    ],
    [
      'rules of each item behind a long name',
      {
        properties: {},
        additionalProperties: { items: { $ref: '#/$defs/x' } },
        $defs: { x: { multipleOf: 1, not: { const: -1 } } },
      },
      { ['n'.repeat(100_000)]: numbers(20_000) },
      ['budget'],
    ],
    [
      'lengths of one text',
      { properties: { a: { allOf: numbers(500).map(i => ({ maxLength: 300_000 + i })) } } },
      { a: 'x'.repeat(200_000) },
      ['budget'],
    ],
    [
      'members that many rules walk through',
      { properties: { a: { allOf: numbers(100).map(() => ({ propertyNames: { minLength: 1 } })) } } },
      { a: named(5_000, () => 1) },
      ['budget'],
    ],
    [
      'names that are required by many',
      { items: {}, properties: { a: { items: { required: numbers(10_000).map(String) } } } },
      { a: numbers(2_000).map(() => ({})) },
      ['required'],
    ],
    [
      'unequal items at every depth',
      {
        $ref: '#/$defs/x',
        $defs: {
          x: { items: { $ref: '#/$defs/x' }, properties: { a: { $ref: '#/$defs/x' } }, uniqueItems: true },
        },
      },
      { a: nested(90, numbers(30_000)) },
      ['budget'],
    ],
  ])(
    '%s',
    (_, schema, data, kinds) => {
      const found = validation(schema, data)
      expect(found.kinds).toEqual(kinds)
      expect(found.seconds).toBeLessThan(2)
    },
    60_000,
  )

  it.each<[string, unknown, unknown, string[]]>([
    [
      '20,000 items of 20,000 allowed ones',
      { properties: { a: { items: { enum: numbers(20_000) } } } },
      { a: numbers(20_000) },
      [],
    ],
    [
      '20,000 items of as many objects',
      { properties: { a: { items: { enum: numbers(8_000).map(id => ({ id })) } } } },
      { a: numbers(8_000).map(id => ({ id })) },
      [],
    ],
    [
      'an address with very many colons',
      { properties: { a: { format: 'url' } } },
      { a: `http://${'a:'.repeat(16_000)} ` },
      ['format'],
    ],
    [
      'unknown names of 60 kB',
      { properties: { ['p'.repeat(60_000)]: {} }, additionalProperties: false },
      { ['q'.repeat(60_000)]: 1 },
      ['additionalProperties'],
    ],
    [
      '500 unknown names beside 1,000 known ones',
      { properties: named(1_000, () => ({}), 'known-name-of-a-setting-'), additionalProperties: false },
      named(500, () => 1, 'knwon-nmae-of-a-stting-'),
      ['additionalProperties'],
    ],
    [
      '1,000 errors with a long list of what is allowed',
      { properties: { a: { items: { enum: numbers(20_000).map(i => `allowed-${i}`) } } } },
      { a: numbers(2_000) },
      ['enum'],
    ],
    [
      'errors in one long text',
      { properties: { a: { allOf: numbers(900).map(() => ({ minLength: 300_000 })) } } },
      { a: 'x'.repeat(10_000) },
      ['minLength'],
    ],
  ])(
    '%s',
    (_, schema, data, kinds) => {
      const found = validation(schema, data)
      expect(found.kinds).toEqual(kinds)
      expect(found.seconds).toBeLessThan(2)
      expect(JSON.stringify(found.rules).length).toBeLessThan(2_000_000)
    },
    60_000,
  )

  it('also where 1,000 errors describe a long list of long integers', () => {
    const allowed = numbers(18_000).map(i => BigInt(`9007199254740993${i}`))
    const { seconds, kinds } = validation(
      { properties: { a: { items: { enum: allowed } } } },
      { a: numbers(2_000) },
    )
    expect(kinds).toEqual(['enum'])
    expect(seconds).toBeLessThan(0.8)
  })

  it('with the same verdict however much of the stack is in use', () => {
    const many = named(400, () => ({ type: 'integer', minimum: 1 }))
    const verdicts = numbers(12).map(i => {
      const levels = 5 + 8 * i
      const validate = compileSchema(
        json({ $ref: '#/$defs/x', $defs: { x: { properties: { ...many, a: { $ref: '#/$defs/x' } } } } }),
      )
      const value = json(numbers(levels).reduce<object>(inner => ({ a: inner }), {}))
      const rule = () => validate(value)[0]?.rule
      return [rule(), deepInTheStack(2_500, rule)]
    })
    expect(verdicts.map(([shallow]) => shallow)).toEqual(verdicts.map(([, deep]) => deep))
    expect(new Set(verdicts.map(([shallow]) => shallow))).toEqual(new Set([undefined, '$ref']))
  })

  it('with the same steps in every run', () => {
    const validate = compileSchema(
      json({ properties: { a: { items: { type: 'integer', enum: numbers(50) } } } }),
    )
    const used = numbers(5).map(() => {
      const budget = { left: 1_000_000 }
      validate(json({ a: numbers(60) }), budget)
      return 1_000_000 - budget.left
    })
    expect(new Set(used).size).toBe(1)
    expect(used[0]).toBeGreaterThan(120)
  })

  it('which several validations may share', () => {
    const validate = compileSchema(json({ properties: { a: { items: { type: 'integer' } } } }))
    const budget = { left: 4_000 }
    const found = numbers(10).map(() => validate(json({ a: numbers(100) }), budget)[0]?.rule)
    expect(found.slice(0, 2)).toEqual([undefined, undefined])
    expect(found.slice(-5)).toEqual(Array(5).fill('budget'))
  })

  it('which has room for large documents', () => {
    const rule = { type: 'string', minLength: 1, pattern: '^([0-9a-f]{2}:){5}[0-9a-f]{2}$' }
    const macs = numbers(5_000).map(i => `00:00:00:00:00:${(i % 256).toString(16).padStart(2, '0')}`)
    expect(validation({ properties: { a: { items: rule } } }, { a: macs }).rules).toEqual([])
    const members = named(10_000, i => ({ id: i, name: `n${i}` }))
    const member = {
      type: 'object',
      properties: { id: { type: 'integer', minimum: 0 }, name: { type: 'string' } },
      required: ['id'],
      additionalProperties: false,
    }
    expect(validation({ properties: { a: { additionalProperties: member } } }, { a: members }).rules).toEqual(
      [],
    )
  })
})

describe('a schema', () => {
  it.each<[string, object]>([
    [
      'doubled references at its root',
      { $ref: '#/$defs/k0', $defs: doubled(20, 'anyOf', { required: ['x'] }) },
    ],
    [
      'doubled conditions at its root',
      { $ref: '#/$defs/k0', $defs: doubled(20, 'oneOf', { required: ['x'] }) },
    ],
    ['very many rules', { properties: named(1_500, () => ({ type: 'integer', minimum: 0 })) }],
    ['very many dependent names', { dependentRequired: named(600, () => numbers(29).map(i => `r${i}`)) }],
    ['very many values', { enum: numbers(60_000) }],
    ['very long texts', { description: 'x'.repeat(300_000) }],
    ['many large patterns', { properties: named(40, i => ({ pattern: `^${'[a-z]{9}'.repeat(100)}${i}` })) }],
    [
      'one long default in many places',
      { properties: named(500, () => ({ $ref: '#/$defs/x' })), $defs: { x: { default: 'x'.repeat(1_000) } } },
    ],
  ])(
    'is refused for %s, before much is done',
    (_, schema) => {
      const { seconds, result } = cpu(() => {
        try {
          return createSchemaDocument(json(schema), {}, undefined)
        } catch (error) {
          return error
        }
      })
      expect(result).toMatchObject({
        code: 'SCHEMA_TOO_COSTLY',
        message: expect.stringMatching(/^The schema cannot be used because .+\. Simplify it/),
      })
      expect(seconds).toBeLessThan(2)
    },
    60_000,
  )

  it('with very many faults is refused for the first of them, before much is done', () => {
    const schema = { $defs: named(12_000, () => 5), title: 5 }
    const { seconds, result } = cpu(() => {
      try {
        return createSchemaDocument(json(schema), {}, undefined)
      } catch (error) {
        return error
      }
    })
    expect(result).toMatchObject({
      code: 'SCHEMA_MALFORMED',
      message: expect.stringContaining('/$defs/k0'),
    })
    expect(seconds).toBeLessThan(0.5)
  })

  // Each name was compiled to a check of its own, which took 0.5 s.
  it('costs little for thousands of names that members require, and names those that are missing', () => {
    const required = named(300, i => numbers(i < 2 ? i : 15).map(n => `r${n}`))
    const { seconds, result } = cpu(() => {
      const { validate } = createSchemaDocument(json({ dependentRequired: required }), {}, undefined)
      return validate({ k0: 1, k1: 1, k7: 1, ...named(14, () => 1, 'r'), r14: 1, r0: 1 })
    })
    expect(result).toEqual([])
    const { validate } = createSchemaDocument(json({ dependentRequired: required }), {}, undefined)
    const missing = {
      pointer: '/r0',
      rule: 'dependentRequired',
      message: '"/r0" is required when "k1" is set.',
    }
    expect(validate({ k0: 1, k1: 1 })).toEqual([missing])
    expect(seconds).toBeLessThan(0.2)
  })

  it('costs little for long names and defaults that references repeat', () => {
    const long = named(8_000, () => 1)
    const chain = {
      ...named(800, i => ({ allOf: [{ $ref: `#/$defs/k${i + 1}` }], default: { [`own${i}`]: i } })),
      k800: { default: long },
    }
    for (const schema of [
      {
        properties: { a: { $ref: '#/$defs/k0' } },
        $defs: Object.fromEntries(Object.entries(chain).slice(-190)),
      },
      { properties: { ['n'.repeat(100_000)]: { properties: named(400, () => ({ title: 'x' })) } } },
    ]) {
      const { seconds } = cpu(() => {
        try {
          createSchemaDocument(json(schema), {}, undefined)
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^SCHEMA_/) })
        }
      })
      expect(seconds).toBeLessThan(2)
    }
  })
})

it('the nearest of very many names is looked for within a budget', () => {
  const known = numbers(20_000).map(i => `${'name'.repeat(25)}${i}`)
  expect(cpu(() => nearest(`${'nmae'.repeat(25)}7`, known)).seconds).toBeLessThan(1)
  expect(nearest('pol_time', ['poll_time', 'name'])).toBe('poll_time')
})

function nested(levels: number, inner: unknown): unknown {
  return levels === 0 ? inner : [nested(levels - 1, inner)]
}

/** Calls a function from so many calls deep, about 100 bytes of the stack each. */
function deepInTheStack<Result>(calls: number, work: () => Result): Result {
  return calls === 0 ? work() : deepInTheStack(calls - 1, work)
}

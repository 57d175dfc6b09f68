import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type JsonObject, toJson } from '../../../model/value.ts'
import { compileSchema, refuseBroken } from '../../../src/schema/validator.ts'

const BIG = 2n ** 64n - 1n
const TYPES = '"array", "boolean", "integer", "null", "number", "object", "string"'
// The values are JSON, frozen and typed by toJson.
const json = (value: unknown): JsonObject => toJson(value) as JsonObject
/** The broken rules as `pointer rule`. */
const broken = (schema: unknown, data: unknown): string[] =>
  compileSchema(json(schema))(json(data)).map(({ pointer, rule }) => `${pointer} ${rule}`)
/** Under these names, for an object that has a member `then` looks like a promise. */
const condition = (test: unknown, yes: unknown, no: unknown): object =>
  Object.fromEntries([
    ['if', test],
    ['then', yes],
    ['else', no],
  ])
const property = (schema: unknown, a: unknown): string[] => broken({ properties: { a: schema } }, { a })

describe('the keywords that doubles would lie about', () => {
  it.each([
    ['minimum', BIG, [BIG, BIG + 1n, 1e300], [BIG - 1n, 0, -BIG]],
    ['maximum', BIG, [BIG, BIG - 1n, 0, -1e300], [BIG + 1n, 2 ** 64, 1e300]],
    ['exclusiveMinimum', BIG - 1n, [BIG], [BIG - 1n, BIG - 2n, 5]],
    ['exclusiveMaximum', BIG, [BIG - 1n], [BIG, BIG + 1n]],
    ['multipleOf', 0.1, [0.3, 0.7, 1.1, -0.3, 0, 1e22], [0.35, 1e-9]],
    ['multipleOf', 3, [BIG, 0, -9, 2n ** 64n + 2n], [BIG - 1n, 1.5, 2n ** 64n]],
    ['multipleOf', 2n ** 54n, [2n ** 60n, 0], [2n ** 60n + 1n, 2 ** 53]],
    ['multipleOf', 1e-7, [1, 0.0000003, BIG], [1.5e-7]],
    ['const', BIG, [BIG], [BIG - 1n, 2 ** 64, '18446744073709551615']],
    ['const', { id: [BIG] }, [{ id: [BIG] }], [{ id: [BIG - 1n] }, { id: BIG }]],
    ['const', null, [null], [0, {}, false]],
    ['enum', [1, BIG, { a: BIG }], [1, BIG, { a: BIG }], [BIG - 1n, { a: BIG - 1n }, 2]],
    [
      'uniqueItems',
      true,
      [
        [BIG, BIG - 1n],
        [
          { a: 1, b: 2 },
          { a: 1, b: 3 },
        ],
        [1, '1', true, [1]],
        [],
      ],
      [
        [BIG, 1, BIG],
        [
          { a: 1, b: 2 },
          { b: 2, a: 1 },
        ],
        [0, -0],
      ],
    ],
    ['uniqueItems', false, [[1, 1]], []],
    ['const', 1e20, [10n ** 20n, 1e20], [10n ** 20n + 1n]],
    ['const', 10n ** 23n, [1e23], [1e23 + 1e8]],
    ['const', { id: [1e20] }, [{ id: [10n ** 20n] }], [{ id: [10n ** 20n - 1n] }]],
    ['enum', ['x', 10n ** 20n], [1e20], [1.1e20]],
    [
      'uniqueItems',
      true,
      [[1e20, 10n ** 20n + 1n]],
      [
        [1e20, 10n ** 20n],
        [{ a: 1e20 }, { a: 10n ** 20n }],
      ],
    ],
    ['minimum', 10n ** 23n, [1e23], [10n ** 23n - 1n]],
    ['exclusiveMaximum', 1e23, [10n ** 23n - 1n], [10n ** 23n]],
  ])('%s %s is exact', (keyword, limit, valid, invalid) => {
    for (const value of valid) expect(property({ [keyword]: limit }, value), String(value)).toEqual([])
    for (const value of invalid)
      expect(property({ [keyword]: limit }, value), String(value)).toEqual([`/a ${keyword}`])
  })

  it('are exact wherever they stand: in lists, behind references, in conditions, in the values of any key', () => {
    const $defs = { cookie: { maximum: BIG } }
    expect(
      broken({ properties: { v: { items: { $ref: '#/$defs/cookie' } } }, $defs }, { v: [BIG, BIG + 1n] }),
    ).toEqual(['/v/1 maximum'])
    expect(
      broken({ additionalProperties: { $ref: '#/$defs/cookie' }, $defs }, { 'a/b~c': BIG + 1n }),
    ).toEqual(['/a~1b~0c maximum'])
    expect(
      broken({ patternProperties: { '^0': { $ref: '#/$defs/cookie' } }, $defs }, { 0: BIG + 1n }),
    ).toEqual(['/0 maximum'])
    const conditional = condition(
      { properties: { id: { const: BIG } } },
      { properties: { on: { const: true } } },
      true,
    )
    expect(broken(conditional, { id: BIG, on: false })).toEqual(['/on const', ' if'])
    expect(broken(conditional, { id: BIG - 1n, on: false })).toEqual([])
    expect(property({ contains: { const: BIG } }, [1, BIG])).toEqual([])
    expect(property({ contains: { const: BIG } }, [1, BIG - 1n])).toContain('/a contains')
    expect(property({ not: { const: BIG } }, BIG - 1n)).toEqual([])
  })

  it('look at names under propertyNames, not at what is named', () => {
    const names = { propertyNames: { enum: ['poll', 'vlans'], const: 'poll' } }
    expect(broken(names, { poll: 'vlans' })).toEqual([])
    expect(compileSchema(json(names))(json({ pol: 1 }))).toContainEqual(
      expect.objectContaining({ pointer: '/pol', rule: 'enum', got: 'pol', nearest: 'poll' }),
    )
  })

  it('take a type and a count as JSON Schema does', () => {
    expect(property({ type: 'integer' }, BIG)).toEqual([])
    expect(property({ type: 'integer' }, 10n ** 400n)).toEqual([])
    expect(property({ type: 'string' }, BIG)).toEqual(['/a type'])
    expect(property({ maximum: 5 }, 'text')).toEqual([])
  })

  it('find what is there twice in a long list without comparing pairs', () => {
    const list = Array.from({ length: 30_000 }, (_, i) => i)
    expect(property({ uniqueItems: true }, list)).toEqual([])
    expect(property({ uniqueItems: true }, [...list, 7])).toEqual(['/a uniqueItems'])
  })
})

describe('a validation', () => {
  it('gives the verdict that plain ajv gives on values a double can hold', () => {
    const number = fc.oneof(fc.integer({ min: -8, max: 8 }), fc.constantFrom(0.5, 1.25, -2.5))
    const scalar = fc.oneof(number, fc.boolean(), fc.constantFrom('', 'a', 'abc', null))
    const value = fc.oneof(
      scalar,
      fc.uniqueArray(scalar, { maxLength: 3, selector: String }),
      fc.array(scalar, { maxLength: 3 }),
      // Plain ajv takes an object without a prototype for another value than the same one with it.
      fc.dictionary(fc.constantFrom('a', 'b', 'c'), scalar, { noNullPrototype: true }),
    )
    const { schema } = fc.letrec<{ schema: object }>(tie => ({
      schema: fc.oneof(
        { depthSize: 'small' },
        fc.record(
          { minimum: number, maximum: number, exclusiveMinimum: number, exclusiveMaximum: number },
          { requiredKeys: [] },
        ),
        fc.record({ multipleOf: fc.constantFrom(1, 2, 0.5, 0.25, 3) }),
        fc.record({
          type: fc.constantFrom('integer', 'number', 'string', 'object', 'array', 'null', 'boolean'),
        }),
        fc.record({
          enum: fc.uniqueArray(value, { minLength: 1, maxLength: 3, selector: one => JSON.stringify(one) }),
        }),
        fc.record({ const: value }),
        fc.record({ uniqueItems: fc.boolean(), items: tie('schema') }),
        fc.record({
          properties: fc.dictionary(fc.constantFrom('a', 'b'), tie('schema')),
          additionalProperties: fc.boolean(),
        }),
        fc.record({ required: fc.uniqueArray(fc.constantFrom('a', 'b'), { maxLength: 2 }) }),
        fc.record({ anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }) }),
        fc.record({ oneOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }) }),
        fc.record({ not: tie('schema') }),
        fc
          .tuple(tie('schema'), tie('schema'), tie('schema'))
          .map(([test, yes, no]) => condition(test, yes, no)),
        fc.record({ propertyNames: tie('schema') }),
        fc.record({ contains: tie('schema') }),
      ),
    }))
    const plain = new Ajv2020({ strict: false, allErrors: true, logger: false, ownProperties: true })
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), value, { noNullPrototype: true }),
        fc.dictionary(fc.constantFrom('a', 'b', 'c'), schema),
        schema,
        (data, properties, rest) => {
          const whole = { ...rest, allOf: [{ properties }] }
          const rules = compileSchema(json(whole))(json(data))
          expect(rules.length === 0, JSON.stringify(rules)).toBe(plain.validate(structuredClone(whole), data))
          for (const { message } of rules) expect(message).toMatch(/^(?:The name of )?"\/.*" .+[.?]$/s)
        },
      ),
      { numRuns: 60 },
    )
  }, 60_000)

  it('tells everything at once, each with place, rule, what stands there, what is allowed and the nearest key', () => {
    const schema = json({
      properties: {
        polling_time: { type: 'integer', minimum: 1 },
        'loop/actions': { items: { enum: ['log', 'disable'] } },
        name: { maxLength: 3 },
      },
      required: ['name'],
      additionalProperties: false,
    })
    const rules = compileSchema(schema)(
      json({ polling_time: 0, pollingtime: 5, 'loop/actions': ['log', 'dsable'] }),
    )
    expect(rules.map(({ message }) => message)).toEqual([
      '"/name" is required.',
      '"/pollingtime" is not a known setting; did you mean "polling_time"?',
      '"/polling_time" must be at least 1, not 0.',
      '"/loop~1actions/1" must be one of "log", "disable", not "dsable".',
    ])
    expect(rules).toMatchObject([
      { pointer: '/name', rule: 'required' },
      { pointer: '/pollingtime', rule: 'additionalProperties', got: 5, nearest: 'polling_time' },
      { pointer: '/polling_time', rule: 'minimum', got: 0, expected: 1 },
      { pointer: '/loop~1actions/1', rule: 'enum', got: 'dsable', expected: ['log', 'disable'] },
    ])
    expect(() => refuseBroken(rules, '"kytos/of_lldp"')).toThrow(
      /^"kytos\/of_lldp" does not match the schema: "\/name" is required\. .*not "dsable"\.$/,
    )
  })

  it.each([
    [{ type: 'integer' }, 'soon', '"/a" must be of type integer, not "soon".'],
    [{ type: ['integer', 'null'] }, [], '"/a" must be of type integer or null, not [].'],
    [{ maximum: BIG }, BIG + 1n, '"/a" must be at most 18446744073709551615, not 18446744073709551616.'],
    [{ multipleOf: 0.1 }, 0.25, '"/a" must be a multiple of 0.1, not 0.25.'],
    [{ pattern: '^[0-9]+$' }, 'x', '"/a" must match the pattern "^[0-9]+$", not "x".'],
    [{ format: 'ipv4' }, '300.1.1.1', '"/a" must have the format "ipv4", not "300.1.1.1".'],
    [{ uniqueItems: true }, [1, 1], '"/a" must not contain duplicate items.'],
    [{ const: { on: true } }, { on: false }, '"/a" must be {"on":true}, not {"on":false}.'],
    [{ minLength: 3 }, 'ab', '"/a" must NOT have fewer than 3 characters, not "ab".'],
    [false, 1, '"/a" is not allowed by the schema.'],
    [{ dependentRequired: { x: ['y'] } }, { x: 1 }, '"/a/y" is required when "x" is set.'],
    [
      { oneOf: [{ minimum: 1 }, { minimum: 2 }] },
      3,
      '"/a" must match exactly one of the allowed schemas: 3.',
    ],
    [{ enum: ['x'] }, 'y'.repeat(500), `"/a" must be one of "x", not "${'y'.repeat(116)}....`],
  ])('tells in words what a value must be (case %#)', (schema, value, message) => {
    expect(
      compileSchema(json({ properties: { a: schema } }))(json({ a: value })).map(rule => rule.message),
    ).toEqual([message])
  })

  it('takes settings named like what every object inherits as any others', () => {
    const schema = {
      properties: { constructor: { type: 'string' }, toString: { type: 'integer' } },
      required: ['valueOf'],
      additionalProperties: false,
    }
    expect(broken(schema, {})).toEqual(['/valueOf required'])
    expect(broken(schema, { valueOf: 1, constructor: 'x', toString: 1 })).toEqual([
      '/valueOf additionalProperties',
    ])
    expect(
      compileSchema(json({ additionalProperties: false }))(json(JSON.parse('{"__proto__": 1}'))),
    ).toMatchObject([{ pointer: '/__proto__', got: 1 }])
  })

  it('tells a bounded part of very many broken rules', () => {
    const rules = compileSchema(json({ properties: { v: { items: { type: 'string' } } } }))(
      json({ v: Array.from({ length: 5_000 }, () => 1) }),
    )
    expect(rules).toHaveLength(1_000)
    expect(() => refuseBroken(rules, 'It')).toThrow(/980 more errors\.$/)
  })

  it('does not fail on a schema that refers to itself without end', () => {
    const endless = json({
      properties: { a: { $ref: '#/$defs/x' } },
      $defs: { x: { allOf: [{ $ref: '#/$defs/y' }] }, y: { allOf: [{ $ref: '#/$defs/x' }] } },
    })
    let rules: unknown
    try {
      rules = compileSchema(endless)(json({ a: 1 }))
    } catch (error) {
      rules = error
    }
    expect(rules).toSatisfy((found: unknown) =>
      Array.isArray(found)
        ? found[0].rule === '$ref'
        : (found as { code?: string }).code === 'SCHEMA_MALFORMED',
    )
  })
})

describe('what is no schema', () => {
  it.each([
    [{ properties: { a: { type: 'integr' } } }, '/properties/a/type'],
    [{ properties: { a: { minimum: '5' } } }, '"/properties/a/minimum" must be of type number, not "5".'],
    [{ properties: { a: { multipleOf: 0 } } }, '/properties/a/multipleOf'],
    [{ properties: { a: { pattern: '(' } } }, 'Invalid regular expression: /(/u: Unterminated group'],
    [{ properties: { a: { $ref: '#/$defs/x' } } }, "can't resolve reference #/$defs/x"],
    [
      { properties: { a: { $ref: 'https://example.org/other' } } },
      "can't resolve reference https://example.org/other",
    ],
    [{ properties: [] }, '"/properties" must be of type object, not [].'],
    [{ required: 'a' }, '"/required" must be of type array, not "a".'],
    [{ $schema: 'http://json-schema.org/draft-07/schema#' }, 'omit it, or set it to draft 2020-12'],
    [{ $async: true, type: 'object' }, '"$async"'],
    [{ properties: { a: { $async: true, type: 'string' } } }, 'async schema'],
    [{ $ref: '#' }, 'without end'],
  ])('is refused: %j', (schema, why) => {
    expect(() => compileSchema(json(schema))).toThrow(
      expect.objectContaining({ code: 'SCHEMA_MALFORMED', message: expect.stringContaining(why) }),
    )
  })

  it.each([
    [
      { properties: { a: { type: 'nummer' } } },
      `"/properties/a/type" must be one of ${TYPES} or an array of these, not "nummer" (did you mean "number"?)`,
    ],
    [
      { properties: { a: { type: ['null', 'strin, not x'] } } },
      `"/properties/a/type/1" must be one of ${TYPES}, not "strin, not x"`,
    ],
    [
      { items: { minLength: -1, items: 3, uniqueItems: 'yes', required: [1], title: 5 } },
      '"/items/items" must be of type object or boolean, not 3; ' +
        '"/items/minLength" must be at least 0, not -1; ' +
        '"/items/uniqueItems" must be of type boolean, not "yes"; 2 more errors',
    ],
  ])('is refused with the value, the place and the choices, once for each place: %j', (schema, why) => {
    expect(() => compileSchema(json(schema))).toThrow(
      expect.objectContaining({
        code: 'SCHEMA_MALFORMED',
        message: `Invalid JSON Schema (draft 2020-12): ${why}.`,
      }),
    )
  })

  it('is described for programs, with the nearest choice', () => {
    expect(() => compileSchema(json({ properties: { a: { type: 'nummer' } } }))).toThrow(
      expect.objectContaining({
        details: {
          errors: [
            expect.objectContaining({
              pointer: '/properties/a/type',
              rule: 'enum',
              got: 'nummer',
              expected: expect.arrayContaining(['integer', 'number']),
              nearest: 'number',
            }),
          ],
        },
      }),
    )
  })

  it('is told in one sentence, whatever the value', () => {
    fc.assert(
      fc.property(
        fc.object({
          key: fc.constantFrom(
            'type',
            'properties',
            '$ref',
            'items',
            'enum',
            'allOf',
            '$id',
            '$schema',
            '$defs',
            '$anchor',
            'if',
            'minimum',
            '$async',
            'pattern',
            'default',
          ),
        }),
        value => {
          try {
            // Without values that no JSON text can contain.
            compileSchema(JSON.parse(JSON.stringify(value)))(json({ a: 1, type: 2 }))
          } catch (error) {
            expect(error).toMatchObject({
              code: 'SCHEMA_MALFORMED',
              // A long value is cut off with three dots.
              message: expect.stringMatching(
                /^Invalid JSON Schema \(draft 2020-12\): .+(?:[^.]|[^.]\.{3})\.$/s,
              ),
            })
          }
        },
      ),
      { numRuns: 60 },
    )
  }, 60_000)
})

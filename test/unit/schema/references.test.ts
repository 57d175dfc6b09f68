import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../model/value.ts'
import { applyModes } from '../../../src/schema/apply-modes.ts'
import { defaultsOf } from '../../../src/schema/defaults.ts'
import { deprecatedPlaces } from '../../../src/schema/deprecated.ts'
import { compileSchema } from '../../../src/schema/validator.ts'

const MODES = ['live', 'reload', 'restart', 'never'] as const
const ID = fc.constantFrom(undefined, undefined, 'item', 'dir/item', 'https://example.org/other')
const ANCHOR = fc.constantFrom(undefined, 'here', 'there')
const KEYS = ['a', 'b', 'c d'] as const
const POINTERS = [
  '#/$defs/a',
  '#/$defs/c%20d',
  '#/$defs/a/$defs/inner',
  'https://example.org/holder/#/$defs/a',
]

/**
 * A schema whose referred subschemas differ in `const`, with equal defaults: the value that validation accepts
 * shows where a reference leads. `p` is a reference at the root, `q.r` one inside an embedded schema.
 */
const schemas = fc
  .record({
    id: fc.constantFrom(undefined, 'https://example.org/root', 'root'),
    defs: fc.tuple(
      ...KEYS.map(() => fc.record({ id: ID, anchor: ANCHOR, dynamic: fc.boolean(), innerAnchor: ANCHOR })),
    ),
    refs: fc.tuple(fc.nat(), fc.nat()),
  })
  .map(({ id, defs: drawn, refs: [first, second] }): JsonObject => {
    const unique = (name: string | undefined, n: number) => name && `${name}${n}`
    const defs = drawn.map((def, n) => ({
      ...def,
      id: unique(def.id, n),
      anchor: unique(def.anchor, n),
      innerAnchor: unique(def.innerAnchor, n + 4),
    }))
    const leaf = (n: number) => ({ const: n, default: n, 'x-apply': MODES[n % 4], deprecated: n % 2 === 0 })
    const named = (keyword: string, value: string | undefined) =>
      value === undefined ? {} : { [keyword]: value }
    const members = defs.map(({ id, anchor, dynamic, innerAnchor }, n) => [
      KEYS[n],
      {
        ...leaf(n),
        ...named('$id', id),
        ...named(dynamic ? '$dynamicAnchor' : '$anchor', anchor),
        $defs: { inner: { ...leaf(n + 4), ...named('$anchor', innerAnchor) } },
      },
    ])
    const identified = defs.flatMap(({ id, anchor, innerAnchor }) => [
      ...(id === undefined ? [] : [id, `${id}#`, `${id}#/$defs/inner`]),
      ...[anchor, innerAnchor].flatMap(name => (name === undefined ? [] : [`${id ?? ''}#${name}`])),
    ])
    const references = [...POINTERS, ...identified, ...identified]
    const holder = {
      $id: 'https://example.org/holder/',
      properties: { r: { $ref: references[second % references.length] } },
      $defs: { inner: leaf(8), a: leaf(9) },
    }
    return JSON.parse(
      JSON.stringify({
        ...named('$id', id),
        properties: { p: { $ref: references[first % references.length] }, q: { $ref: '#/$defs/holder' } },
        $defs: { ...Object.fromEntries(members), holder },
      }),
    )
  })

const VALUES = Array.from({ length: 12 }, (_, n) => n)

/** The values that ajv accepts at `p` and at `q.r`; undefined for a schema that it refuses. */
function acceptedByAjv(schema: JsonObject): readonly number[][] | undefined {
  try {
    const check = new Ajv2020({ strict: false, logger: false, allErrors: true }).compile(schema)
    return [VALUES.filter(v => check({ p: v })), VALUES.filter(v => check({ q: { r: v } }))]
  } catch {
    return undefined
  }
}

describe('a reference', () => {
  it('leads where ajv leads it: defaults, apply modes, deprecated places and validation agree', () => {
    let compared = 0
    fc.assert(
      fc.property(schemas, schema => {
        const ajv = acceptedByAjv(schema)
        if (ajv === undefined) return
        compared++
        const validate = compileSchema(schema)
        const ours = [
          VALUES.filter(v => validate({ p: v }).length === 0),
          VALUES.filter(v => validate({ q: { r: v } }).length === 0),
        ]
        expect(ours).toEqual(ajv)
        const defaults = defaultsOf(schema) as { p?: number; q?: { r?: number } }
        const modes = applyModes(schema)
        const deprecated = deprecatedPlaces(schema)
        for (const [[only], value, path] of [
          [ajv[0] ?? [], defaults.p, '/p'],
          [ajv[1] ?? [], defaults.q?.r, '/q/r'],
        ] as const) {
          expect(value).toBe(only)
          expect(modes[path]).toBe(MODES[(only ?? 0) % 4])
          expect(deprecated.includes(path)).toBe((only ?? 1) % 2 === 0)
        }
      }),
      { numRuns: 80 },
    )
    expect(compared).toBeGreaterThan(20)
  })

  const NODE = { properties: { next: { $ref: '#' }, v: { default: 7, 'x-apply': 'live' } } }
  it.each<readonly [string, JsonObject]>([
    [
      'an embedded $id',
      {
        properties: { t: { $ref: 'node' } },
        $defs: {
          n: {
            $id: 'node',
            properties: { v: { $ref: '#/$defs/x' } },
            $defs: { x: { type: 'number', default: 7, 'x-apply': 'live' } },
          },
        },
      },
    ],
    [
      '"#" inside an embedded $id',
      { properties: { t: { $ref: '#/$defs/n' } }, $defs: { n: { $id: 'node', ...NODE } } },
    ],
    ['an $anchor', { properties: { t: { $ref: '#node' } }, $defs: { n: { $anchor: 'node', ...NODE } } }],
    [
      'an $anchor of a resource',
      {
        $id: 'https://e.org/s',
        properties: { t: { $ref: 'node#in' } },
        $defs: { n: { $id: 'node', $defs: { i: { $anchor: 'in', ...NODE } } } },
      },
    ],
    [
      'a $dynamicRef',
      { properties: { t: { $dynamicRef: '#node' } }, $defs: { n: { $dynamicAnchor: 'node', ...NODE } } },
    ],
    [
      'a $dynamicRef beside a $ref',
      {
        properties: { t: { $ref: '#/$defs/o', $dynamicRef: '#node' } },
        $defs: { o: {}, n: { $dynamicAnchor: 'node', ...NODE } },
      },
    ],
    [
      'a pointer into an unknown keyword',
      { properties: { t: { $ref: '#/parts/n' } }, parts: { n: { $id: 'node', ...NODE } } },
    ],
  ])('by %s has its default and its mode, and is validated', (_what, schema) => {
    expect(defaultsOf(schema)).toEqual({ t: { v: 7 } })
    expect(applyModes(schema)['/t/v']).toBe('live')
    const typed = JSON.parse(JSON.stringify(schema).replaceAll('"default":7', '"default":7,"type":"number"'))
    const validate = compileSchema(typed)
    expect(validate({ t: { v: 1 } })).toEqual([])
    expect(validate({ t: { v: 'x' } })).toMatchObject([{ pointer: '/t/v', rule: 'type' }])
  })

  it('that is dynamic leads to the outermost schema, which extends it', () => {
    const schema = {
      $id: 'https://e.org/strict',
      $dynamicAnchor: 'node',
      $ref: 'tree',
      properties: { v: { type: 'number' } },
      $defs: {
        tree: {
          $id: 'tree',
          $dynamicAnchor: 'node',
          properties: { children: { type: 'array', items: { $dynamicRef: '#node' } } },
        },
      },
    }
    const validate = compileSchema(schema)
    expect(validate({ v: 1, children: [{ v: 2, children: [] }] })).toEqual([])
    expect(validate({ v: 1, children: [{ v: 2, children: [{ v: 'x' }] }] })).toMatchObject([
      { pointer: '/children/0/children/0/v' },
    ])
  })

  it('with several targets is refused, and so are two subschemas of one name', () => {
    const two = (keyword: string) => ({ a: { [keyword]: 'x', type: 'number' }, b: { [keyword]: 'x' } })
    expect(() => compileSchema({ $defs: two('$anchor') })).toThrow(/"#x" identifies two subschemas/)
    expect(() => compileSchema({ $defs: two('$id') })).toThrow(/"x" identifies two subschemas/)
    const resource = (id: string) => ({ $id: id, $dynamicAnchor: 'n', items: { $dynamicRef: '#n' } })
    expect(() => compileSchema({ $defs: { a: resource('a'), b: resource('b') } })).toThrow(/several targets/)
  })

  it('and an identifier among data are not taken for one', () => {
    const schema = {
      properties: { p: { enum: [{ $id: 'x', $ref: '#nowhere' }], default: { $id: 'x', $ref: '#nowhere' } } },
      $defs: { a: { $id: 'x' } },
    }
    expect(compileSchema(schema)({ p: { $id: 'x', $ref: '#nowhere' } })).toEqual([])
    expect(defaultsOf(schema)).toEqual({ p: { $id: 'x', $ref: '#nowhere' } })
  })

  it('without a target is refused with its text', () => {
    expect(() => compileSchema({ $id: 'https://e.org/s', properties: { p: { $ref: 'none#x' } } })).toThrow(
      /none#x/,
    )
  })
})

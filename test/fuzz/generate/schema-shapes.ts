import type { Random } from '../../chaos/random.ts'
import { list, named, size } from '../act.ts'
import { FORMATS, PATTERNS, randomSchema, THEN } from './random-schema.ts'
import { hostileNumber, hostileText, hostileValue } from './texts.ts'

/** A schema, and a value that is slow for it: not valid at the end, or valid only after all of it was read. */
export interface Shape {
  readonly schema: object
  readonly value: unknown
}

const COMBINERS = ['allOf', 'anyOf', 'oneOf'] as const

const at = (schema: object, value: unknown): Shape => ({
  schema: { properties: { a: schema } },
  value: { a: value },
})
const items = (random: Random, most: number): unknown[] => {
  const one = random.pick<(i: number) => unknown>([
    i => i,
    i => `${'same-start-'.repeat(5)}${i}`,
    i => [[i]],
    i => ({ id: i, name: 'n' }),
    () => ({}),
    i => -i - 0.5,
    i => BigInt(`9007199254740993${i}`),
  ])
  return list(size(random, most), one)
}

/** The shapes of schemas, each aimed at one cost. */
export const SHAPES: Readonly<Record<string, (random: Random) => Shape>> = {
  wide: random => {
    const count = size(random, 1_200)
    const rule = random.pick<object>([
      { type: 'integer', minimum: 5 },
      { enum: ['a', 'b'] },
      { minLength: 3 },
      { not: {} },
    ])
    return {
      schema: { properties: named(count, () => rule), additionalProperties: false },
      value: named(count * 2, () => 'x'),
    }
  },
  doubled: random => {
    const depth = random.between(2, 24)
    const combine = random.pick(COMBINERS)
    const levels = named(depth, i => ({
      [combine]: list(random.between(1, 3), () => ({ $ref: `#/$defs/k${i + 1}` })),
    }))
    const $defs = { ...levels, [`k${depth}`]: { type: random.pick(['string', 'number']) } }
    return { schema: { properties: { a: { $ref: '#/$defs/k0' } }, $defs }, value: { a: 1 } }
  },
  recursive: random => {
    const combine = random.pick(COMBINERS)
    const inner = { properties: { a: { $ref: '#/$defs/x' } }, items: { $ref: '#/$defs/x' } }
    const x = random.chance(0.5)
      ? { ...inner, [combine]: [{ ...inner }, {}] }
      : { ...inner, uniqueItems: true }
    const inside = hostileValue(random, size(random, 50_000))
    return {
      schema: { properties: { a: { $ref: '#/$defs/x' } }, $defs: { x } },
      value: { a: nest(random.between(1, 110), inside, random.chance(0.5)) },
    }
  },
  patterns: random => {
    const count = size(random, 40)
    const n = size(random, 900)
    const pattern = random.pick(PATTERNS)(n)
    const text = random.chance(0.5) ? `${'ab'.repeat(size(random, 400_000))}c` : hostileText(random, 900_000)
    return at(
      { [random.pick(COMBINERS)]: list(count, i => ({ pattern: i === 0 ? pattern : `${pattern}|${i}` })) },
      text,
    )
  },
  patternProperties: random => {
    const count = size(random, 200)
    const pattern = random.pick(PATTERNS)(size(random, 300))
    return {
      schema: {
        patternProperties: Object.fromEntries(list(count, i => [`${pattern}|x${i}`, { minimum: 5 }])),
      },
      value: named(size(random, 20_000), i => i, hostileText(random, 300).toWellFormed()),
    }
  },
  enum: random => {
    const allowed = items(random, 20_000)
    return at({ items: { [random.pick(['enum', 'enum', 'const'])]: allowed } }, items(random, 50_000))
  },
  const: random => {
    const value = hostileValue(random, size(random, 40_000))
    return at(
      { items: { not: { const: value } } },
      list(size(random, 20), () => value),
    )
  },
  uniqueItems: random => at({ uniqueItems: true, items: {} }, items(random, 90_000)),
  contains: random => {
    const inner = random.pick<object>([
      { type: 'string' },
      { minimum: 1e9 },
      { uniqueItems: true },
      { required: ['x'] },
    ])
    return at(
      { allOf: list(size(random, 200), i => ({ contains: inner, minContains: i })) },
      items(random, 90_000),
    )
  },
  unevaluated: random => {
    const part = (i: number) => ({ properties: { [`k${i}`]: true }, prefixItems: list(i % 20, () => true) })
    const rules = { [random.pick(COMBINERS)]: list(size(random, 300), part) }
    const closed = { unevaluatedProperties: random.pick([false, { minimum: 5 }]), unevaluatedItems: false }
    const value = random.chance(0.5) ? named(size(random, 40_000), i => i) : items(random, 60_000)
    return at({ ...rules, ...closed }, value)
  },
  conditions: random => {
    let rule: object = { required: ['x'] }
    for (let i = size(random, 60); i > 0; i--)
      rule = { if: { properties: { [`k${i}`]: { const: i } } }, [THEN]: rule, else: { not: {} } }
    return at(
      { additionalProperties: rule },
      named(size(random, 20_000), i => named(i % 5, n => n)),
    )
  },
  format: random => {
    const format = random.pick(FORMATS)
    if (random.chance(0.5)) return at({ format }, hostileText(random, 900_000))
    return at(
      { items: { format } },
      list(size(random, 5_000), () => hostileText(random, 100)),
    )
  },
  numbers: random => {
    const rule = {
      multipleOf: random.pick([1e-300, 1e300, 0.1, 7, 1e-9]),
      minimum: hostileNumber(random),
      maximum: hostileNumber(random),
    }
    const count = size(random, 50_000)
    return at(
      { items: rule },
      list(count, () => (count > 300 ? random.between(0, 1e9) / 1e9 : hostileNumber(random))),
    )
  },
  defaults: random => {
    const value = hostileValue(random, size(random, 20_000))
    const $defs = { x: { default: value, properties: named(size(random, 200), i => ({ default: i })) } }
    return {
      schema: { properties: named(size(random, 500), () => ({ $ref: '#/$defs/x' })), $defs },
      value: { k0: 1 },
    }
  },
  dependent: random => ({
    schema: {
      dependentRequired: named(size(random, 1_500), i => list(i % 30, n => `r${n}`)),
      dependentSchemas: named(size(random, 200), () => ({ propertyNames: { maxLength: 3 } })),
    },
    value: named(size(random, 40_000), i => i),
  }),
  malformed: random => {
    const fault = random.pick<unknown>([
      5,
      { type: 'nothing' },
      { properties: 5 },
      [{}],
      { minimum: 'x', enum: 5 },
      { pattern: '(?=a)' },
    ])
    const place = random.pick(['$defs', 'properties', 'dependentSchemas', 'patternProperties'])
    return {
      schema: {
        [place]: named(size(random, 45_000), () => fault),
        allOf: list(size(random, 900), () => fault),
      },
      value: {},
    }
  },
  identifiers: random => {
    const count = size(random, 4_000)
    const one = random.pick<(i: number) => object>([
      i => ({ $id: `http://h/${i}/` }),
      i => ({ $anchor: `a${i}` }),
      i => ({ $dynamicAnchor: `d${i % 2}` }),
      i => ({ $id: `r${i}`, $anchor: 'x', $ref: `#x` }),
    ])
    const refs = named(size(random, 400), i => ({
      $ref: random.pick([`#a${i}`, `http://h/${i}/`, `#/$defs/k${i}`, '%zz']),
    }))
    return { schema: { $defs: named(count, one), properties: refs }, value: named(50, () => 1) }
  },
  deep: random => {
    const keyword = random.pick(['not', 'items', 'additionalProperties', 'propertyNames', 'contains', 'if'])
    let schema: object = { type: 'string' }
    for (let i = random.between(10, 124); i > 0; i--) schema = { [keyword]: schema }
    return at(schema, nest(random.between(1, 120), items(random, 50_000), true))
  },
  longNames: random => {
    const name = 'n'.repeat(size(random, 200_000))
    const refs = list(size(random, 400), () => ({ $ref: `#/properties/${name}` }))
    return {
      schema: {
        properties: {
          [name]: { properties: named(size(random, 300), () => ({ title: 'x', minimum: 5 })) },
          b: { allOf: refs },
        },
      },
      value: { [`${name}x`]: 1, [name]: named(size(random, 1_000), i => i), b: named(100, i => i) },
    }
  },
  annotations: random => ({
    schema: {
      properties: named(size(random, 700), i => ({
        'x-apply': random.pick(['live', 'restart', 'nonsense']),
        deprecated: true,
        default: i,
        description: hostileText(random, 100),
      })),
    },
    value: named(size(random, 5_000), i => -i),
  }),
  random: random => ({
    schema: randomSchema(random, size(random, 400), 6),
    value: { a: hostileValue(random, size(random, 60_000)) },
  }),
}

function nest(levels: number, inside: unknown, inArrays: boolean): unknown {
  let value = inside
  for (let i = 0; i < levels; i++) value = inArrays ? [value] : { a: value }
  return value
}

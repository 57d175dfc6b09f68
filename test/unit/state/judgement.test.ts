import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mergeLayers } from '../../../model/merge.ts'
import { isObject, type Json, type JsonObject } from '../../../model/value.ts'
import { doesCount, isAboutMissing, ruleIdentity } from '../../../src/schema/counting-rules.ts'
import { compileSchema, type Validate } from '../../../src/schema/validator.ts'
import { type Judgement, judgeOverrides, MAX_VALIDATIONS } from '../../../src/state/judgement.ts'
import { nested } from '../../../src/state/members.ts'
import { across, condition, documents, json, local, schemasOf } from './any-overrides.ts'

interface Counted extends Judgement {
  readonly validations: number
}

function judge(schema: unknown, stored: unknown, below: unknown = {}): Counted {
  return judgeBy(compileSchema(json(schema)), json(stored), json(below))
}

function judgeBy(check: Validate, stored: JsonObject, below: JsonObject): Counted {
  let validations = 0
  const validate: Validate = (data, budget) => {
    validations++
    return check(data, budget)
  }
  return { ...judgeOverrides(validate, below, stored), validations }
}

const leftOut = ({ rejected }: Judgement): string[] =>
  rejected.flatMap(one => (one.isLeftOut ? [`${one.pointer} ${one.rule}`] : []))

const INTEGER = { type: 'integer', minimum: 1, maximum: 9 }
const OBJECT = { type: 'object', properties: { a: INTEGER, b: INTEGER }, additionalProperties: false }

describe('overrides that break the schema', () => {
  it.each([
    ['a value', { properties: { a: INTEGER, b: INTEGER } }, { a: 0, b: 2 }, {}, { b: 2 }, ['/a minimum']],
    ['a rule on lower layers', { properties: { a: INTEGER } }, { b: 2 }, { a: 0 }, { b: 2 }, []],
    [
      'a member inside',
      { properties: { o: OBJECT } },
      { o: { a: 'x', b: 2 } },
      {},
      { o: { b: 2 } },
      ['/o/a type'],
    ],
    [
      'an unknown name',
      { properties: { o: OBJECT } },
      { o: { c: 1, b: 2 } },
      {},
      { o: { b: 2 } },
      ['/o/c additionalProperties'],
    ],
    [
      'a misnamed member',
      { propertyNames: { maxLength: 2 } },
      { abc: 1, b: 2 },
      {},
      { b: 2 },
      ['/abc propertyNames'],
    ],
    [
      'an item of an array',
      { properties: { l: { items: INTEGER } } },
      { l: [1, 0], b: 2 },
      {},
      { b: 2 },
      ['/l minimum'],
    ],
    ['a missing member', { required: ['r'] }, { b: 2 }, {}, { b: 2 }, []],
    [
      'a missing member inside',
      { properties: { o: { required: ['r'] } } },
      { o: { b: 2 } },
      {},
      { o: { b: 2 } },
      [],
    ],
    [
      'anyOf, behind a reference',
      { properties: { a: { anyOf: [{ $ref: '#/$defs/o' }, { type: 'null' }] } }, $defs: { o: OBJECT } },
      { a: { a: 0, b: 2 }, c: 1 },
      {},
      { c: 1 },
      ['/a anyOf'],
    ],
    [
      'anyOf at the document, not what its branches break',
      {
        anyOf: [{ properties: { a: { const: 1 }, b: { const: 1 } } }, { properties: { c: { const: 1 } } }],
      },
      { a: 2, b: 2, c: 2 },
      {},
      { a: 2, b: 2 },
      ['/c anyOf'],
    ],
    [
      'a condition between members',
      condition(
        { properties: { mode: { const: 'x' } }, required: ['mode'] },
        { properties: { a: { minimum: 5 } } },
      ),
      { mode: 'x', a: 2, b: 2 },
      {},
      { mode: 'x', b: 2 },
      ['/a minimum'],
    ],
    [
      'too many members',
      { maxProperties: 2 },
      { d: 1, b: 2, c: 3, a: 4 },
      {},
      { a: 4, b: 2 },
      ['/c maxProperties', '/d maxProperties'],
    ],
    [
      'oneOf at the document',
      { oneOf: [{ required: ['a'] }, { required: ['b'] }] },
      { a: 1, b: 2, c: 3 },
      { a: 9 },
      { a: 1, c: 3 },
      ['/b oneOf'],
    ],
    [
      'not at the document, for a member inside',
      { not: { properties: { o: { required: ['x'] } }, required: ['o'] } },
      { o: { x: 1, y: 2 }, b: 2 },
      {},
      { o: { y: 2 }, b: 2 },
      ['/o/x not'],
    ],
    [
      'an unevaluated member beside a broken one',
      { anyOf: [{ properties: { a: INTEGER } }], unevaluatedProperties: false },
      { a: 2, z: 1 },
      {},
      { a: 2 },
      ['/z unevaluatedProperties'],
    ],
  ])('lose only the members to blame: %s', (_, schema, stored, below, counts, rejected) => {
    const found = judge(schema, stored, below)
    expect(found.counts).toEqual(counts)
    expect(leftOut(found)).toEqual(rejected)
    expect(found.validations).toBeLessThanOrEqual(12)
  })

  it('count as a whole where a member is missing, and the rule is shown', () => {
    const found = judge({ properties: { a: INTEGER }, required: ['region'] }, { a: 3 })
    expect(found.counts).toEqual({ a: 3 })
    expect(found.rejected).toMatchObject([{ pointer: '/region', rule: 'required', isLeftOut: false }])
  })

  it('of 4,000 keys take 4 validations', () => {
    const stored = Object.fromEntries(
      Array.from({ length: 4_000 }, (_, i) => [`k${i}`, i % 500 === 0 ? 'x' : i]),
    )
    const found = judge({ additionalProperties: { type: 'integer' } }, stored)
    expect(leftOut(found)).toHaveLength(8)
    expect(found.validations).toBe(4)
  })

  it('take at most 512 validations, and lose what is not tried by then', () => {
    // Each member breaks a rule of the document together with any other one.
    const names = Array.from({ length: 600 }, (_, i) => `k${i}`)
    const schema = { not: { anyOf: names.map(name => ({ required: [name] })) } }
    const found = judge(schema, Object.fromEntries(names.map(name => [name, 1])))
    expect(found.validations).toBeLessThanOrEqual(MAX_VALIDATIONS)
    expect(found.counts).toEqual({})
    expect(found.rejected).toHaveLength(600)
    expect(new Set(found.rejected.map(({ rule }) => rule))).toEqual(new Set(['not', 'budget']))
  })

  it('of a very large document take few validations, because each merges all of it again', () => {
    // 1,000 broken rules are found at a time, 41 of them at one name: 40 validations, 1 s, where merges are free.
    const long = { propertyNames: { maxLength: 3 } }
    const dependentSchemas = Object.fromEntries(Array.from({ length: 41 }, (_, i) => [`k${i}`, long]))
    const stored = Object.fromEntries(Array.from({ length: 28_000 }, (_, i) => [`k${i}`, i]))
    const found = judge({ dependentSchemas }, stored)
    expect(found.validations).toBeLessThanOrEqual(6)
    expect(found.counts).toEqual({})
    expect(found.rejected).toHaveLength(28_000)
    expect(judge({ dependentSchemas }, Object.fromEntries(Object.entries(stored).reverse()))).toEqual(found)
  })

  it('are left out whole where one validation takes too many steps', () => {
    const schema = { properties: { t: { pattern: '(a|b|c){200}' } } }
    const found = judge(schema, { t: 'a'.repeat(250_000), b: 2 })
    expect(found.counts).toEqual({})
    expect(leftOut(found)).toEqual([' budget'])
  })
})

function shuffled(value: JsonObject, seed: number): JsonObject {
  const entries = Object.entries(value).map(
    ([key, one]) => [key, isObject(one) ? shuffled(one, seed + 1) : one] as const,
  )
  const at = seed % Math.max(1, entries.length)
  return Object.fromEntries([...entries.slice(at), ...entries.slice(0, at)].reverse())
}

const leaves = (value: JsonObject): number =>
  Object.values(value).reduce<number>(
    (sum, one) => sum + (isObject(one) && Object.keys(one).length > 0 ? leaves(one) : 1),
    0,
  )

/** The members that count when each is tried alone, in byte order. */
function byTrial(validate: Validate, below: JsonObject, stored: JsonObject): JsonObject {
  const broken = (overrides: JsonObject) =>
    validate(mergeLayers([below, overrides])).filter(rule => doesCount(rule) && !isAboutMissing(rule))
  const known = new Set(broken({}).map(ruleIdentity))
  let counts: JsonObject = {}
  const tryMembers = (path: string[], object: JsonObject): void => {
    for (const key of Object.keys(object).sort()) {
      const value = object[key] as Json
      const isEntered = isObject(value) && Object.keys(value).length > 0
      const candidate = mergeLayers([counts, nested(path, { [key]: isEntered ? {} : value })])
      if (broken(candidate).some(rule => !known.has(ruleIdentity(rule)))) continue
      counts = candidate
      if (isEntered) tryMembers([...path, key], value)
    }
  }
  tryMembers([], stored)
  return counts
}

describe('the judgement of any overrides', () => {
  const either = fc.oneof(local, across)
  // Several documents for each schema, because its compilation takes longer than their validation.
  const pairs = fc.array(fc.tuple(documents, documents), { minLength: 8, maxLength: 8 })
  const hold = (rules: fc.Arbitrary<object>, test: (...of: [Validate, JsonObject, JsonObject]) => void) =>
    fc.assert(
      fc.property(schemasOf(rules), pairs, (schema, all) => {
        const check = compileSchema(schema)
        for (const [stored, below] of all) test(check, stored, below)
      }),
      { numRuns: 60 },
    )

  it('is the same in any order of members and of broken rules', () => {
    hold(either, (check, stored, below) => {
      const found = judgeBy(check, stored, below)
      const reversed: Validate = (data, budget) => [...check(data, budget)].reverse()
      for (const seed of [0, 1, 2])
        expect(judgeBy(reversed, shuffled(stored, seed), shuffled(below, seed))).toEqual(found)
    })
  })

  it('breaks no rule that is not broken without the overrides, except what is missing', () => {
    hold(either, (check, stored, below) => {
      const broken = (data: JsonObject) =>
        check(data).flatMap(rule => (doesCount(rule) && !isAboutMissing(rule) ? [ruleIdentity(rule)] : []))
      const { counts, rejected, validations } = judgeBy(check, stored, below)
      const before = broken(below)
      expect(broken(mergeLayers([below, counts])).filter(rule => !before.includes(rule))).toEqual([])
      expect(rejected.length > 0).toBe(check(mergeLayers([below, stored])).length > 0)
      expect(validations).toBeLessThanOrEqual(30)
    })
  })

  it('leaves out no more than a trial of each member alone', () => {
    hold(local, (check, stored, below) => {
      const { counts } = judgeBy(check, stored, below)
      expect(leaves(counts)).toBeGreaterThanOrEqual(leaves(byTrial(check, below, stored)))
    })
  })
})

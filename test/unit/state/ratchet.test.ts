import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { equalJson, type JsonObject } from '../../../model/value.ts'
import { doesCount, ruleIdentity } from '../../../src/schema/counting-rules.ts'
import { compileSchema } from '../../../src/schema/validator.ts'
import { judgeOverrides } from '../../../src/state/judgement.ts'
import { rulesRefused } from '../../../src/state/ratchet.ts'
import { across, documents, json, keys, leaf, local, schemasOf } from './any-overrides.ts'

const refused = (
  schema: unknown,
  before: unknown,
  after: unknown,
  { below = {}, hasLowerScope = false }: { below?: unknown; hasLowerScope?: boolean } = {},
): string[] => {
  const content = (overrides: unknown) => ({ below: json(below), overrides: json(overrides) })
  const change = {
    before: before === undefined ? undefined : content(before),
    after: content(after),
    hasLowerScope,
  }
  return rulesRefused(compileSchema(json(schema)), change).map(({ pointer, rule }) => `${pointer} ${rule}`)
}

const NUMBER = { type: 'integer', maximum: 9 }
const REGION = { properties: { a: NUMBER, b: NUMBER }, required: ['region'] }
const UNKNOWN = { properties: { a: NUMBER, o: { additionalProperties: false } } }
const EITHER = { properties: { a: { anyOf: [NUMBER, { type: 'null' }] }, b: NUMBER } }

describe('a change of overrides that break the schema', () => {
  it.each([
    ['an unrelated value beside a missing one', REGION, { a: 1 }, { a: 2 }, []],
    ['a new broken rule, and only that', REGION, { a: 1 }, { a: 10 }, ['/a maximum']],
    ['a broken value that stays', REGION, { a: 10, region: 1 }, { a: 10, b: 1, region: 1 }, []],
    ['another broken value in its place', REGION, { a: 10, region: 1 }, { a: 11, region: 1 }, ['/a maximum']],
    ['a repaired value', REGION, { a: 10 }, { a: 9 }, []],
    ['a removed value', REGION, { a: 10 }, {}, []],
    ['a first document', REGION, undefined, { a: 1 }, ['/region required']],
    ['an unknown name that stays', UNKNOWN, { o: { x: 1 } }, { a: 1, o: { x: 1 } }, []],
    ['one more unknown name', UNKNOWN, { o: { x: 1 } }, { o: { x: 1, y: 1 } }, ['/o/y additionalProperties']],
    ['anyOf that stays broken', EITHER, { a: 10 }, { a: 10, b: 1 }, []],
    ['anyOf with its branches', EITHER, { a: 1 }, { a: 10 }, ['/a maximum', '/a type', '/a anyOf']],
  ])('is refused for the rules that it breaks: %s', (_, schema, before, after, rules) => {
    expect(refused(schema, before, after)).toEqual(rules)
  })

  it('is a first one of a controller, which may leave broken what the cluster breaks', () => {
    expect(refused(REGION, undefined, { b: 1 }, { hasLowerScope: true })).toEqual([])
    expect(refused(REGION, undefined, { b: 10 }, { hasLowerScope: true })).toEqual(['/b maximum'])
  })

  it('is refused when its validation exceeds the budget, whatever was stored', () => {
    const long = { t: 'a'.repeat(250_000) }
    expect(refused({ properties: { t: { pattern: '(a|b|c){200}' } } }, long, { ...long, b: 1 })).toEqual([
      ' budget',
    ])
  })
})

describe('any change after any change of the schema', () => {
  const rules = fc.oneof(local, across)
  const changes = fc.array(
    fc.tuple(documents, documents, fc.constantFrom(...keys, 'd'), fc.oneof(leaf, fc.constant(undefined))),
    { minLength: 8, maxLength: 8 },
  )
  const hold = (
    any: fc.Arbitrary<object>,
    test: (
      check: ReturnType<typeof compileSchema>,
      before: JsonObject,
      after: JsonObject,
      of: string,
    ) => void,
  ): void =>
    fc.assert(
      fc.property(schemasOf(any), changes, (schema, all) => {
        const check = compileSchema(schema)
        for (const [before, other, key, value] of all) {
          const { [key]: _, ...rest } = before
          test(check, before, value === undefined ? rest : { ...rest, [key]: value }, key)
          test(check, before, other, '')
        }
      }),
      { numRuns: 60 },
    )
  const write = (check: ReturnType<typeof compileSchema>, before: JsonObject, after: JsonObject) =>
    rulesRefused(check, {
      before: { below: {}, overrides: before },
      after: { below: {}, overrides: after },
      hasLowerScope: false,
    })

  it('is not refused for a value that it leaves as it was', () => {
    hold(rules, (check, before, _, key) => {
      expect(write(check, before, before)).toEqual([])
      // Members that no rule knows.
      if (check({ ...before, z: 1 }).length === check(before).length && key !== '')
        expect(write(check, before, { ...before, z: 1 })).toEqual([])
    })
  })

  it('breaks no rule that was not broken, when it is allowed', () => {
    hold(rules, (check, before, after) => {
      const broken = (data: JsonObject) => new Set(check(data).filter(doesCount).map(ruleIdentity))
      const known = broken(before)
      const added = [...broken(after)].filter(rule => !known.has(rule))
      expect(write(check, before, after).length === 0 && added.length > 0).toBe(false)
      for (const rule of write(check, before, after).filter(doesCount))
        expect(added.includes(ruleIdentity(rule)) || !equalJson(before, after)).toBe(true)
    })
  })

  it('leaves out no member that counted before, when it is allowed and no rule is about several members', () => {
    hold(local, (check, before, after) => {
      if (write(check, before, after).length > 0) return
      const out = (overrides: JsonObject): string[] =>
        judgeOverrides(check, {}, overrides).rejected.flatMap(one => (one.isLeftOut ? [one.pointer] : []))
      const known = out(before)
      expect(out(after).filter(pointer => !known.some(one => pointer.startsWith(one)))).toEqual([])
    })
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  applyDifference,
  countChanges,
  difference,
} from '../../../../../backends/filesystem/reconcile/member-changes.ts'
import { equalJson, type Json, type JsonObject, setMember } from '../../../../../model/value.ts'

const key = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor')
const leaf: fc.Arbitrary<Json> = fc.oneof(
  fc.integer(),
  fc.constant(null),
  fc.constant(2n ** 64n - 1n),
  fc.constant([1, { a: 1 }]),
  fc.boolean(),
)
const { value } = fc.letrec<{ value: Json }>(tie => ({
  value: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc.array(fc.tuple(key, tie('value')), { maxLength: 4 }).map(object),
  ),
}))
const document = fc.array(fc.tuple(key, value), { maxLength: 5 }).map(object)

function object(members: readonly (readonly [string, Json])[]): JsonObject {
  const target: JsonObject = {}
  for (const [name, member] of members) setMember(target, name, member)
  return target
}

describe('The difference that a person made', () => {
  it('applied to what the person saw is what the person wrote', () => {
    fc.assert(
      fc.property(document, document, (base, edited) => {
        expect(equalJson(applyDifference(difference(base, edited), base), edited)).toBe(true)
      }),
    )
  })

  it('is nothing exactly when nothing was changed', () => {
    fc.assert(
      fc.property(document, document, (base, edited) => {
        expect(countChanges(difference(base, edited)) === 0).toBe(equalJson(base, edited))
      }),
    )
  })

  it('leaves alone what was committed meanwhile under other keys, and a commit leaves alone what was edited', () => {
    fc.assert(
      fc.property(document, value, value, fc.boolean(), (base, edit, commit, remove) => {
        const edited = remove ? without(base, 'a') : applyDifference(new Map([['a', { set: edit }]]), base)
        const current = applyDifference(new Map([['z', { set: commit }]]), base)
        const both = applyDifference(difference(base, edited), current)
        expect(equalJson(both.z, commit)).toBe(true)
        expect(equalJson(without(both, 'z'), edited)).toBe(true)
      }),
    )
  })

  it('is applied key by key inside objects, also in ones that are gone by now', () => {
    const changes = difference({ o: { x: 1, y: 2 }, s: 1 }, { o: { x: 1, y: 3 }, s: 1 })
    expect(applyDifference(changes, { o: { x: 9, y: 2, z: 4 } })).toEqual({ o: { x: 9, y: 3, z: 4 } })
    expect(applyDifference(changes, { s: 2 })).toEqual({ s: 2, o: { y: 3 } })
  })

  it('that only removes inside an object which somebody replaced leaves the replacement', () => {
    const changes = difference({ o: { x: 1, y: 2 } }, { o: { x: 1 } })
    expect(applyDifference(changes, { o: 'off' })).toEqual({ o: 'off' })
    expect(applyDifference(changes, {})).toEqual({})
  })
})

function without(source: JsonObject, name: string): JsonObject {
  return object(Object.entries(source).filter(([member]) => member !== name))
}

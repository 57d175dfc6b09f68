import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { differences } from '../../../events/differences.ts'
import type { Json, JsonObject } from '../../../model/value.ts'

/** Counts how often the members of an object are listed. */
function counted(object: JsonObject): { readonly value: JsonObject; readonly times: () => number } {
  let times = 0
  const value = new Proxy(object, {
    ownKeys: target => {
      times++
      return Reflect.ownKeys(target)
    },
  })
  return { value, times: () => times }
}

describe('The differences of two objects', () => {
  it('are found without a look at a member for each level above it', () => {
    const timesAt = (levels: number): number => {
      const inner = counted({ a: 1, b: 2 })
      let [before, after]: JsonObject[] = [inner.value, { a: 1, b: 3 }]
      for (let i = 0; i < levels; i++) [before, after] = [{ n: before as Json }, { n: after as Json }]
      expect(differences(before as JsonObject, after as JsonObject)).toHaveLength(1)
      return inner.times()
    }
    expect(timesAt(100)).toBe(timesAt(1))
  })

  it('are none between equal values, and lead from one to the other', () => {
    const json = fc.jsonValue({ maxDepth: 4 }).map(value => value as Json)
    const object = fc.dictionary(fc.constantFrom('a', 'b', '', '~/'), json, { maxKeys: 3 })
    fc.assert(
      fc.property(object, object, (before, after) => {
        expect(differences(before, structuredClone(before))).toEqual([])
        const paths = differences(before, after).map(({ path }) => path)
        expect(new Set(paths).size).toBe(paths.length)
        expect(
          differences(after, before)
            .map(({ path }) => path)
            .sort(),
        ).toEqual(paths.sort())
      }),
      { numRuns: 300 },
    )
  })
})

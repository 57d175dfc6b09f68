import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SortedKeys } from '../../../../../backends/filesystem/journal/sorted-keys.ts'
import { type Key, makeKey, makePrefix } from '../../../../../model/key.ts'

describe('Sorted keys', () => {
  it('give those below a prefix in byte order, however they came and went', () => {
    const key = fc
      .tuple(fc.constantFrom('net', 'netops', 'z'), fc.nat(2_000))
      .map(([space, id]) => makeKey('boxes', space, String(id)))
    fc.assert(
      fc.property(fc.array(fc.tuple(key, fc.boolean()), { maxLength: 3_000, size: 'max' }), steps => {
        const sorted = new SortedKeys()
        const model = new Set<Key>()
        for (const [name, add] of steps) {
          if (add && !model.has(name)) sorted.add(name)
          if (!add && model.has(name)) sorted.remove(name)
          if (add) model.add(name)
          else model.delete(name)
        }
        const prefix = makePrefix('boxes', 'net')
        expect(sorted.below(prefix)).toEqual([...model].filter(name => name.startsWith(prefix)).sort())
      }),
      { numRuns: 40 },
    )
  })
})

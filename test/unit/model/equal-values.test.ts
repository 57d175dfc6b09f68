import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { equalValues, valueText } from '../../../model/equal-values.ts'
import { parseJson, printJson } from '../../../model/json.ts'
import { equalJson } from '../../../model/value.ts'
import { arbitraryJson } from './arbitrary-json.ts'

describe('equality of values', () => {
  it.each([
    ['1e20', '100000000000000000000', true],
    ['1E+20', '10e19', true],
    ['1e20', '100000000000000000001', false],
    ['9007199254740992.0', '9007199254740992', true],
    ['9007199254740992.0', '9007199254740993', false],
    ['1e300', `1${'0'.repeat(300)}`, true],
    ['1e300', `1${'0'.repeat(299)}1`, false],
    ['1e23', `1${'0'.repeat(23)}`, true],
    ['1.5e23', `15${'0'.repeat(22)}`, true],
    ['1e22', `1${'0'.repeat(22)}`, true],
    ['-1e20', '-100000000000000000000', true],
    ['1.0', '1', true],
    ['0', '-0', true],
    ['1', '"1"', false],
    ['1', 'true', false],
    ['null', '0', false],
    ['{"a": [1e20]}', '{"a": [100000000000000000000]}', true],
    ['[1e20]', '{"0": 100000000000000000000}', false],
    ['{"a": 1}', '{"a": 1, "b": 2}', false],
    ['{"__proto__": 1}', '{"a": 1}', false],
  ])('of %s and %s is exact, whatever their spelling', (left, right, equal) => {
    const [a, b] = [parseJson(left), parseJson(right)]
    expect([equalValues(a, b), equalValues(b, a)]).toEqual([equal, equal])
    expect(valueText(a) === valueText(b)).toBe(equal)
  })

  it('agrees with its text, and holds for values with equal texts', () => {
    fc.assert(
      fc.property(arbitraryJson(), arbitraryJson(), (a, b) => {
        const copy = parseJson(printJson(a))
        expect([equalValues(a, copy), valueText(a) === valueText(copy)]).toEqual([true, true])
        expect(valueText(a) === valueText(b)).toBe(equalValues(a, b))
        if (equalJson(a, b)) expect(equalValues(a, b)).toBe(true)
      }),
      { numRuns: 300 },
    )
  })
})

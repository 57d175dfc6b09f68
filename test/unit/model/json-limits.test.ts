import { expect, it } from 'vitest'
import { parseJson, parseUntrustedJson } from '../../../model/json.ts'
import { INTEGER_DIGITS, OUTSIDE_VALUES } from '../../../model/json-limits.ts'
import { toJson } from '../../../model/value.ts'

it('an integer has at most 4,300 digits, however it comes', () => {
  for (const sign of ['', '-']) {
    const longest = sign + '9'.repeat(INTEGER_DIGITS)
    const longer = `${sign}1${'0'.repeat(INTEGER_DIGITS)}`
    expect(parseJson(longest)).toBe(BigInt(longest))
    expect(toJson(BigInt(longest), true)).toBe(BigInt(longest))
    for (const parse of [parseJson, parseUntrustedJson])
      expect(() => parse(`{"a": ${longer}}`)).toThrow(
        'an integer has 4301 digits; 4300 are allowed at line 1, column 7',
      )
    expect(() => toJson({ a: BigInt(`${longer}0`) }, true)).toThrow(
      'The value at "/a" has more than 4300 digits',
    )
  }
})

it('the values of a caller are counted, those of the store are not', () => {
  const many = Array.from({ length: OUTSIDE_VALUES }, () => 1)
  const text = JSON.stringify(many)
  expect(parseJson(text)).toHaveLength(OUTSIDE_VALUES)
  expect(parseUntrustedJson(text)).toHaveLength(OUTSIDE_VALUES)
  expect(() => parseUntrustedJson(text, true)).toThrow('more than 100000 members and items')
  expect(() => toJson(many, true)).toThrow(expect.objectContaining({ code: 'DOCUMENT_TOO_LARGE' }))
  expect(toJson(many)).toHaveLength(OUTSIDE_VALUES)
})

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseJson, parseUntrustedJson, printJson } from '../../../model/json.ts'
import { equalJson, type Json, toJson } from '../../../model/value.ts'
import { arbitraryJson } from './arbitrary-json.ts'
import { refusal } from './refusal.ts'

/** The value without the sign of its zeros. */
function unsigned(value: Json): Json {
  if (value === 0) return 0
  if (Array.isArray(value)) return value.map(unsigned)
  if (typeof value !== 'object' || value === null) return value
  return toJson(Object.fromEntries(Object.entries(value).map(([key, member]) => [key, unsigned(member)])))
}

describe('Any value', () => {
  it('comes back bit by bit from what is printed, on one line and indented', () => {
    fc.assert(
      fc.property(arbitraryJson(), fc.constantFrom(0, 2, 4), (value, indent) => {
        const text = printJson(value, indent)
        assert.deepStrictEqual(parseJson(text), unsigned(value))
        assert.deepStrictEqual(parseUntrustedJson(text), unsigned(value))
        assert.equal(printJson(parseJson(text), indent), text)
      }),
      { numRuns: 500 },
    )
  })

  it('that the native functions hold exactly is printed and parsed as they do', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), fc.constantFrom(0, 2), (value, indent) => {
        const native = JSON.stringify(value, undefined, indent)
        fc.pre(!/\d{16}/.test(native))
        assert.equal(printJson(toJson(value), indent), native)
        assert.deepStrictEqual(parseJson(native), JSON.parse(native))
      }),
      { numRuns: 300 },
    )
  })

  it('is printed in the same way whether or not a long number stands beside it', () => {
    fc.assert(
      fc.property(arbitraryJson(), fc.constantFrom(0, 2), (value, indent) => {
        const exact = printJson([value, 10n ** 20n], indent)
        const native = printJson([value, 1], indent)
        assert.equal(
          exact.replace('100000000000000000000', '1'),
          native.replaceAll('100000000000000000000', '1'),
        )
      }),
    )
  })
})

describe('Numbers', () => {
  it.each([
    ['9007199254740991', 9007199254740991],
    ['-9007199254740991', -9007199254740991],
    ['9007199254740992', 9007199254740992n],
    ['9007199254740993', 9007199254740993n],
    ['-9007199254740993', -9007199254740993n],
    ['18446744073709551615', 18446744073709551615n],
    ['15924728282382073856', 0xdd00000000000000n],
    ['0', 0],
    ['1.0', 1],
    ['9007199254740992.0', 9007199254740992],
    ['9007199254740993e0', 9007199254740992],
    ['1e21', 1e21],
    ['1e-400', 0],
    ['1.7976931348623157e308', Number.MAX_VALUE],
    ['0.1000000000000000055511151231257827', 0.1],
  ])('%s is read as what it says', (text, value) => {
    assert.strictEqual(parseJson(text), value)
    assert.strictEqual(parseUntrustedJson(text), value)
    assert.deepStrictEqual(parseJson(`{"a":[${text}]}`), { a: [value] })
  })

  it.each([
    [2 ** 53, '9.007199254740992e+15'],
    [-(2 ** 53), '-9.007199254740992e+15'],
    [2 ** 53 - 1, '9007199254740991'],
    [1e21, '1e+21'],
    [123456789012345680000, '1.2345678901234568e+20'],
    [2n ** 53n, '9007199254740992'],
    [10n ** 30n, `1${'0'.repeat(30)}`],
    [0.1, '0.1'],
    [5e-324, '5e-324'],
  ])('%s is printed so that it is read as the same', (value, text) => {
    assert.equal(printJson(value), text)
    assert.strictEqual(parseJson(text), value)
  })

  it('have no sign on zero once they are printed, with and without a long number beside it', () => {
    for (const parse of [parseJson, parseUntrustedJson])
      for (const text of ['-0', '-0.0', '-0e5']) assert.ok(Object.is(parse(text), -0))
    assert.equal(printJson(-0), '0')
    assert.equal(printJson([-0, 10n ** 20n]), '[0,100000000000000000000]')
  })

  it.each(['1e400', '-1e400', '1E+999', '[1e309]', '1.8e308', '{"a":{"b":1e400}}', `1e${'9'.repeat(30)}`])(
    '%s is refused: no double can hold it',
    text => {
      expect(refusal(text).message).toContain('out of the range of a double')
      expect(refusal(text, parseUntrustedJson).message).toContain('out of the range of a double')
    },
  )

  it('of a million digits are read exactly', () => {
    const digits = '1234567890'.repeat(400)
    assert.equal(parseJson(digits), BigInt(digits))
  })

  it.each([
    '01',
    '+1',
    '.5',
    '1.',
    '1e',
    '0x1f',
    '1_000',
    'NaN',
    'Infinity',
    '-Infinity',
    '--1',
    '1e+',
    '12345678901234567890.',
    '012345678901234567',
  ])('%s is no number', text => {
    refusal(text)
    refusal(text, parseUntrustedJson)
  })
})

describe('Members', () => {
  it('named __proto__ are members like any other', () => {
    for (const text of [
      '{"__proto__":{"a":1}}',
      '{"__proto__":1,"b":12345678901234567890}',
      '{"a":{"__proto__":null}}',
    ]) {
      for (const parse of [parseJson, parseUntrustedJson]) {
        const value = parse(text)
        assert.equal(printJson(value), text)
        assert.equal(Object.getPrototypeOf(value), Object.prototype)
      }
    }
    assert.equal(
      printJson({ ...(parseJson('{"a":1}') as object), b: 10n ** 20n }),
      '{"a":1,"b":100000000000000000000}',
    )
  })

  it('that stand twice are refused in text from outside, also as __proto__, also in another spelling', () => {
    for (const text of [
      '{"a":1,"a":2}',
      '{"__proto__":1,"__proto__":2}',
      '{"a":1,"\\u0061":2}',
      '[{"b":{"":0,"":0}}]',
    ]) {
      expect(refusal(text, parseUntrustedJson).message).toContain('duplicate key')
    }
    assert.deepStrictEqual(parseUntrustedJson('{"a":{"a":1},"b":{"a":2}}'), { a: { a: 1 }, b: { a: 2 } })
  })

  it('that stand twice in text of our own: the last counts, as natively', () => {
    assert.deepStrictEqual(parseJson('{"a":1,"b":2,"a":3}'), { a: 3, b: 2 })
    assert.deepStrictEqual(parseJson('{"a":1,"a":12345678901234567890}'), { a: 12345678901234567890n })
  })

  it('that are undefined are left out, with and without a long number', () => {
    // Code may hand over what the type does not say: optional members that are absent.
    const value = { a: undefined, b: 1 } as unknown as Json
    assert.equal(printJson(value), '{"b":1}')
    assert.equal(printJson([value, 10n ** 20n]), '[{"b":1},100000000000000000000]')
  })
})

describe('Strings', () => {
  it('that are not well-formed come back as they were', () => {
    for (const text of ['\ud800', 'a\udc00b', '\udfff\ud800', '\ud83d']) {
      assert.equal(parseJson(printJson(text)), text)
      assert.deepStrictEqual(parseJson(printJson({ [text]: [text, 10n ** 20n] })), {
        [text]: [text, 10n ** 20n],
      })
      assert.equal(printJson(text).isWellFormed(), true)
    }
  })

  it('of digits stay strings', () => {
    for (const text of ['12345678901234567890', '9007199254740993', '1e400', '-0'])
      assert.strictEqual(parseJson(printJson(text)), text)
  })
})

it('Equality of values is equality of what is printed once keys are sorted', () => {
  const sorted = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(sorted)
    if (typeof value !== 'object' || value === null) return value
    return toJson(
      Object.fromEntries(
        Object.entries(value)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([key, member]) => [key, sorted(member)]),
      ),
    )
  }
  fc.assert(
    fc.property(arbitraryJson(), arbitraryJson(), (a, b) => {
      assert.equal(equalJson(a, parseJson(printJson(a))), true)
      assert.equal(equalJson(a, b), printJson(sorted(a)) === printJson(sorted(b)))
    }),
  )
})

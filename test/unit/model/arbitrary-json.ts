import fc from 'fast-check'
import { type Json, toJson } from '../../../model/value.ts'

/**
 * Values of every kind that JSON can hold: integers of any size, doubles beyond 2^53, both zeros, odd names,
 * text that is not well-formed.
 */
export function arbitraryJson(): fc.Arbitrary<Json> {
  const name = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 4 }),
    fc.constantFrom('__proto__', 'constructor', 'toString', '', '0', '10', '\ud800', 'a'),
  )
  const { value } = fc.letrec<{ value: unknown }>(tie => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      arbitraryScalar(),
      fc.array(tie('value'), { maxLength: 4 }),
      // From entries, because fast-check's dictionaries would leave out __proto__.
      fc.array(fc.tuple(name, tie('value')), { maxLength: 4 }).map(entries => Object.fromEntries(entries)),
    ),
  }))
  return value.map(toJson)
}

function arbitraryScalar(): fc.Arbitrary<unknown> {
  return fc.oneof(
    fc.constantFrom(
      null,
      true,
      false,
      -0,
      0,
      2 ** 53,
      -(2 ** 53),
      2 ** 53 - 1,
      1e21,
      5e-324,
      Number.MAX_VALUE,
    ),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.bigInt(),
    fc.bigInt({ min: 2n ** 53n - 2n, max: 2n ** 53n + 2n }),
    fc.string({ unit: 'binary' }),
    fc
      .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 4 })
      .map(codes => String.fromCharCode(...codes)),
    fc.constantFrom('12345678901234567890', '\ud800', '"\\', '__proto__'),
  )
}

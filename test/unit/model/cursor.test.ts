import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareCursors, parseCursor, printCursor, START } from '../../../model/cursor.ts'

const cursor = fc.record({
  epoch: fc.maxSafeNat(),
  revision: fc.bigInt({ min: 0n, max: 10n ** 39n }),
  n: fc.nat({ max: 999_999_999 }),
})

describe('a cursor', () => {
  it('is printed and read again as it was, a revision of any size included', () => {
    fc.assert(
      fc.property(cursor, one => {
        expect(parseCursor(printCursor(one))).toEqual(one)
      }),
    )
  })

  it('has one order: by epoch, then revision, then place, as numbers', () => {
    fc.assert(
      fc.property(cursor, cursor, (a, b) => {
        const order = Math.sign(compareCursors(a, b))
        expect(Math.sign(compareCursors(b, a)) + order).toBe(0)
        const wanted =
          a.epoch - b.epoch || Number(a.revision > b.revision) - Number(a.revision < b.revision) || a.n - b.n
        expect(order).toBe(Math.sign(wanted))
      }),
    )
    expect(compareCursors(parseCursor('1.9.1'), parseCursor('1.10.0'))).toBeLessThan(0)
  })

  it('begins at 0, before every other', () => {
    expect(parseCursor('0')).toEqual(START)
    fc.assert(
      fc.property(cursor, one => {
        expect(compareCursors(START, one)).toBeLessThanOrEqual(0)
      }),
    )
  })

  it('is refused when it is none, or names what no number holds', () => {
    const none = [
      '',
      '1',
      '1.2',
      '1.2.3.4',
      '-1.2.3',
      '1.02.3',
      '01.2.3',
      '1.2.3 ',
      'a.b.c',
      '1.2.x',
      '9007199254740993.1.1',
      `1.${'9'.repeat(41)}.1`,
      '1.1.9999999999',
    ]
    for (const text of none) expect(() => parseCursor(text)).toThrow(/is not a cursor/)
  })
})

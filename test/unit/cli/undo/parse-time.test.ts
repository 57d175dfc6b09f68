import { InvalidArgumentError } from 'commander'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseTime } from '../../../../src/cli/undo/parse-time.ts'

/** Noon, local time. */
const NOW = new Date(2026, 10, 27, 12, 0, 0)
const parse = (text: string) => parseTime(text, NOW)

describe('a typed time', () => {
  it.each([
    ['11:59', new Date(2026, 10, 27, 11, 59), ', today'],
    ['03:00', new Date(2026, 10, 27, 3), ', today'],
    ['3:00:30', new Date(2026, 10, 27, 3, 0, 30), ', today'],
    ['12:00', new Date(2026, 10, 27, 12), ', today'],
    ['12:01', new Date(2026, 10, 26, 12, 1), ', yesterday'],
    ['2026-11-27', new Date(2026, 10, 27), ', today'],
    ['2026-11-26 03:00', new Date(2026, 10, 26, 3), ', yesterday'],
    ['2026-11-20T03:00:05', new Date(2026, 10, 20, 3, 0, 5), ''],
    ['90s', new Date(2026, 10, 27, 11, 58, 30), ', today'],
    ['15m', new Date(2026, 10, 27, 11, 45), ', today'],
    ['2h ago', new Date(2026, 10, 27, 10), ', today'],
  ])('%s is in local time, and is shown with its day', (text, at, day) => {
    const found = parse(text)
    expect(found.at).toEqual(at)
    expect(found.shown).toMatch(new RegExp(`^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d${day}$`))
  })

  it('has the time zone that it names', () => {
    expect(parse('2026-11-20T03:00:00Z').at.toISOString()).toBe('2026-11-20T03:00:00.000Z')
    expect(parse('2026-11-20 03:00+02:00').at.toISOString()).toBe('2026-11-20T01:00:00.000Z')
  })

  it.each([
    '',
    'yesterday',
    '25:00',
    '12:60',
    '2026-02-30',
    '2026-13-01',
    '2026-11-27 25:00',
    '2026-02-30T00:00:00Z',
    '2h before',
    '-2h',
    '1.5h',
    '2026',
    '1e3s',
    '2w',
  ])('refuses %j with the forms that are allowed', text => {
    expect(() => parse(text)).toThrow(InvalidArgumentError)
    expect(() => parse(text)).toThrow(/2026-11-27T03:00:00Z/)
  })

  it('refuses one in the future', () => {
    for (const text of ['2026-11-28', '2026-11-27 12:00:01', '2999-01-01T00:00:00Z'])
      expect(() => parse(text)).toThrow(/in the future/)
  })

  it('is never later than now, and of any text an error that commander prints', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9:TZ smhd-]{1,20}$/)), text => {
        try {
          expect(parse(text).at.getTime()).toBeLessThanOrEqual(NOW.getTime())
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidArgumentError)
        }
      }),
    )
  })
})

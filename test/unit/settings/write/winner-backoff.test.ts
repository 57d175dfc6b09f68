import { describe, expect, it } from 'vitest'
import { makeKey } from '../../../../model/key.ts'
import { WinnerBackoff } from '../../../../src/settings/write/winner-backoff.ts'

const KEY = makeKey('settings', 'kytos', 'a')
const OTHER = makeKey('settings', 'kytos', 'b')

/** A backoff and its clock; `win` is a commit of 10 ms, and returns the rest after it. */
function stage() {
  let now = 1_000
  const backoff = new WinnerBackoff(() => now)
  return {
    backoff,
    pass: (ms: number) => (now += ms),
    win(key = KEY) {
      now += 10
      backoff.won([key], 10)
      return backoff.rest([key])
    },
  }
}

describe('whoever changes a document that others change too', () => {
  it('rests after each win, and from the fourth in a row on twice as long each time, and then goes on for as long', () => {
    const { backoff, pass, win } = stage()
    for (let n = 0; n < 15; n++) win()
    backoff.met([KEY])
    for (const growth of [1, 1, 1, 2, 4, 8]) {
      const rest = win()
      expect(rest).toBeGreaterThanOrEqual(10 * 1.4 * growth)
      expect(rest).toBeLessThan(10 * 2.5 * growth)
      pass(rest)
      if (growth === 1) continue
      expect(win()).toBe(0)
      pass(rest)
    }
    backoff.followed([KEY])
    expect(win()).toBeLessThan(25)
    expect(backoff.rest([OTHER])).toBe(0)
    expect(backoff.rest([OTHER, KEY])).toBe(backoff.rest([KEY]))
  })

  it('is no longer held up once nobody else was there for two seconds', () => {
    const { backoff, pass, win } = stage()
    backoff.met([KEY])
    expect(win()).toBeGreaterThan(0)
    pass(2_001)
    expect([win(), win(), win()]).toEqual([0, 0, 0])
  })

  it('leaves room for those it never meets, because they always lose: once in sixteen wins in a row', () => {
    const { pass, win } = stage()
    const rests = Array.from({ length: 48 }, () => {
      const rest = win()
      pass(rest)
      return rest
    })
    expect(rests.map(rest => rest > 0).filter(Boolean)).toHaveLength(3)
    const apart = Array.from({ length: 48 }, () => {
      pass(300)
      return win()
    })
    expect(Math.max(...apart)).toBe(0)
  })

  it('knows it of a document that another controller changed last only when it was its own a moment ago', () => {
    const { backoff, pass, win } = stage()
    backoff.followed([KEY])
    expect(win()).toBe(0)
    backoff.followed([KEY])
    expect(win()).toBeGreaterThan(0)
    pass(2_100)
    backoff.followed([KEY])
    expect(win()).toBe(0)
  })
})

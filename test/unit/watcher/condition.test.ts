import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Condition } from '../../../src/watcher/waiting/condition.ts'

describe('those who wait', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('are let go at the first check at which it holds, each for itself', async () => {
    const waiters = new Condition()
    let level = 0
    const order: string[] = []
    const low = waiters.wait(() => level >= 1, 1_000).then(held => order.push(`low ${held}`))
    const high = waiters.wait(() => level >= 2, 1_000).then(held => order.push(`high ${held}`))
    level = 1
    waiters.check()
    await low
    expect(order).toEqual(['low true'])
    level = 2
    waiters.check()
    await high
    expect(order).toEqual(['low true', 'high true'])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('hear false after their time, and are forgotten then', async () => {
    const waiters = new Condition()
    let asked = 0
    const waiting = waiters.wait(() => ++asked > 1, 1_000)
    waiters.check()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await waiting).toBe(false)
    waiters.check()
    expect(asked).toBe(1)
  })

  it('hear false once closed, at once from then on, and leave no timer that holds the process', async () => {
    const waiters = new Condition()
    const all = [waiters.wait(() => false, 1_000), waiters.wait(() => false, 9_000)]
    waiters.close()
    expect(await Promise.all(all)).toEqual([false, false])
    expect(await waiters.wait(() => true, 1_000)).toBe(false)
    expect(vi.getTimerCount()).toBe(0)
  })
})

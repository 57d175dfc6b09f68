import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Operation } from '../../../../backends/backend.ts'
import { MAX_COMMITS, type Pending, Queue } from '../../../../backends/etcd/queue.ts'
import { makeKey } from '../../../../model/key.ts'

const operation = fc
  .record({
    name: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
    kind: fc.constantFrom('put', 'delete', 'check', 'check'),
  })
  .map(({ name, kind }): Operation => {
    const key = makeKey('settings', name)
    if (kind === 'put') return { key, put: '1' }
    return kind === 'delete' ? { key, delete: true } : { key, check: true, expected: 'absent' }
  })
const commit = fc.record({
  operations: fc.uniqueArray(operation, { selector: ({ key }) => key, minLength: 1, maxLength: 3 }),
  bytes: fc.constantFrom(10, 10, 500_000, 1_300_000),
  alone: fc.boolean(),
})

function pending(one: Pick<Pending, 'operations' | 'bytes' | 'alone'>): Pending {
  return { ...one, expires: 0, resolve: () => {}, reject: () => {} }
}

function collide(a: Pending, b: Pending): boolean {
  return a.operations.some(one =>
    b.operations.some(other => one.key === other.key && !('check' in one && 'check' in other)),
  )
}

describe('The queue of commits', () => {
  it('never has two commits under way that share a key one of them writes, lets none overtake such a one, and forgets none', () => {
    // True takes a batch, a number ends one of those under way.
    const steps = fc.array(fc.oneof(fc.constant(true as const), fc.nat(10), commit), { maxLength: 60 })
    fc.assert(
      fc.property(steps, schedule => {
        const queue = new Queue()
        const waiting: Pending[] = []
        const underWay: (readonly Pending[])[] = []
        const take = (): void => {
          const batch = queue.take()
          for (const [n, one] of batch.entries()) {
            expect([...underWay.flat(), ...batch.slice(0, n)].some(other => collide(one, other))).toBe(false)
            const before = waiting.slice(0, waiting.indexOf(one)).filter(other => !batch.includes(other))
            expect(before.some(other => collide(one, other))).toBe(false)
          }
          if (batch.length > 1) expect(batch.some(({ alone }) => alone)).toBe(false)
          if (batch.length > 1)
            expect(batch.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(1_200_000)
          for (const one of batch) waiting.splice(waiting.indexOf(one), 1)
          if (batch.length > 0) underWay.push(batch)
        }
        const end = (n: number): void => {
          for (const one of underWay.splice(n % Math.max(1, underWay.length), 1).flat()) queue.done(one)
        }
        for (const step of schedule) {
          if (step === true) take()
          else if (typeof step === 'number') end(step)
          else {
            waiting.push(pending(step))
            queue.add(waiting.at(-1) ?? pending(step))
          }
        }
        while (waiting.length > 0) {
          const before = waiting.length + underWay.length
          take()
          end(0)
          expect(waiting.length + underWay.length).toBeLessThan(before)
        }
        expect(queue.empty).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  it('fills a transaction with as many commits as etcd takes', () => {
    const queue = new Queue()
    for (let n = 0; n < 100; n++)
      queue.add(
        pending({ operations: [{ key: makeKey('settings', `n${n}`), put: '1' }], bytes: 10, alone: false }),
      )
    expect([queue.take(), queue.take(), queue.take()].map(batch => batch.length)).toEqual([
      MAX_COMMITS,
      37,
      0,
    ])
  })

  it('gives back those that have waited too long, and only those', () => {
    const queue = new Queue()
    for (const n of [1, 2, 3])
      queue.add({
        ...pending({
          operations: [{ key: makeKey('settings', `n${n}`), put: '1' }],
          bytes: 10,
          alone: false,
        }),
        expires: n,
      })
    expect(queue.expired(2).map(({ expires }) => expires)).toEqual([1, 2])
    expect(queue.take().map(({ expires }) => expires)).toEqual([3])
  })
})

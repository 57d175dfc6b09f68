import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { linearizable, type Operation } from './linearizable.ts'

const read = (id: string, value: string | null, sent: number, answered: number): Operation => ({
  ...{ id, kind: 'read', value, sent: BigInt(sent), answered: BigInt(answered), outcome: 'ok' },
})
const cas = (
  id: string,
  expected: string | null,
  outcome: Operation['outcome'],
  sent: number,
  answered?: number,
): Operation => ({
  ...{
    id,
    kind: 'cas',
    expected,
    value: id,
    sent: BigInt(sent),
    answered: answered === undefined ? undefined : BigInt(answered),
    outcome,
  },
})

/** What may happen at one instant of a run of a real register. */
interface Turn {
  readonly client: number
  readonly kind: 'read' | 'cas'
  readonly isLost: boolean
  readonly isLate: boolean
}

/**
 * Runs clients on one register; each operation takes effect at one instant between its sending and its
 * answer, or its answer is lost.
 */
function run(turns: readonly Turn[], clients: number): Operation[] {
  const operations: Operation[] = []
  const known = new Array<string | null>(clients).fill(null)
  let value: string | null = null
  for (const [i, { client, kind, isLost, isLate }] of turns.entries()) {
    // Each takes effect at 10 i, so that neighbours overlap.
    const [sent, answered] = [10 * i - (isLate ? 25 : 4), 10 * i + (isLate ? 4 : 25)]
    if (kind === 'read') {
      operations.push(read(`r${i}`, value, sent, answered))
      known[client] = value
      continue
    }
    const expected: string | null = known[client] ?? null
    const id = `w${i}`
    const fits = expected === value
    if (isLost) operations.push(cas(id, expected, 'unknown', sent))
    else operations.push(cas(id, expected, fits ? 'ok' : 'conflict', sent, answered))
    if (fits && !(isLost && isLate)) value = id
  }
  return operations
}

const arbitraryTurns = (maxLength: number) =>
  fc.array(
    fc.record({
      client: fc.nat(11),
      kind: fc.constantFrom('read' as const, 'cas' as const),
      isLost: fc.nat(9).map(n => n === 0),
      isLate: fc.boolean(),
    }),
    { maxLength },
  )

/** By trying every order: the definition itself. */
function byDefinition(operations: readonly Operation[], value: string | null): boolean {
  const due = operations.filter(({ answered }) => answered !== undefined)
  if (due.length === 0) return true
  return operations.some(one => {
    if (due.some(other => other !== one && (other.answered ?? 0n) < one.sent)) return false
    const fits =
      one.kind === 'read' ? one.value === value : (one.outcome === 'conflict') !== (one.expected === value)
    if (!fits) return false
    const next = one.outcome === 'conflict' ? value : one.value
    return byDefinition(
      operations.filter(other => other !== one),
      next,
    )
  })
}

describe('linearizability of a register', () => {
  it('is found in every run of a real one', () => {
    fc.assert(
      fc.property(arbitraryTurns(80), turns => {
        expect(linearizable(run(turns, 12))).toBeUndefined()
      }),
    )
  })

  it('is what its definition says, also for runs in which something was spoilt', () => {
    const spoilt = fc.tuple(arbitraryTurns(7), fc.nat(20), fc.nat(20)).map(([turns, a, b]) => {
      const operations = run(turns, 3)
      const [from, to] = [
        operations[a % Math.max(1, operations.length)],
        operations[b % Math.max(1, operations.length)],
      ]
      return operations.map(one =>
        one === from && to
          ? { ...one, ...(one.kind === 'read' ? { value: to.value } : { expected: to.value }) }
          : one,
      )
    })
    let wrong = 0
    fc.assert(
      fc.property(spoilt, operations => {
        const isFound = linearizable(operations) !== undefined
        expect(isFound).toBe(!byDefinition(operations, null))
        if (isFound) wrong++
      }),
      { numRuns: 1_000 },
    )
    expect(wrong).toBeGreaterThan(100)
  })

  it('is broken by a stale read', () => {
    const operations = [cas('a', null, 'ok', 0, 10), cas('b', 'a', 'ok', 20, 30), read('stale', 'a', 40, 50)]
    expect(linearizable(operations)?.operation.id).toBe('stale')
  })

  it('is broken by a lost update: two changes of the same value, both acked', () => {
    const operations = [cas('a', null, 'ok', 0, 10), cas('b', 'a', 'ok', 20, 50), cas('c', 'a', 'ok', 21, 51)]
    expect(linearizable(operations)).toMatchObject({ placed: 2 })
  })

  it('is broken by a change refused although nobody intervened', () => {
    const operations = [
      cas('a', null, 'ok', 0, 10),
      cas('b', 'a', 'conflict', 20, 30),
      read('later', 'a', 40, 50),
    ]
    expect(linearizable(operations)?.operation.id).toBe('b')
  })

  it('is broken by a change that was refused and applied', () => {
    const operations = [
      cas('a', null, 'ok', 0, 10),
      cas('b', null, 'conflict', 20, 30),
      read('seen', 'b', 40, 50),
    ]
    expect(linearizable(operations)?.operation.id).toBe('seen')
  })

  it('lets a change whose answer was lost take effect late, or never', () => {
    const lost = cas('lost', 'a', 'unknown', 20)
    expect(
      linearizable([cas('a', null, 'ok', 0, 10), lost, read('r1', 'a', 30, 40), read('r2', 'lost', 50, 60)]),
    ).toBeUndefined()
    expect(
      linearizable([cas('a', null, 'ok', 0, 10), lost, cas('b', 'a', 'ok', 30, 40), read('r', 'b', 50, 60)]),
    ).toBeUndefined()
    expect(
      linearizable([cas('a', null, 'ok', 0, 10), lost, read('r1', 'lost', 30, 40), read('r2', 'a', 50, 60)])
        ?.operation.id,
    ).toBe('r2')
  })

  it('is decided for 4,000 operations of 12 clients within 2 s', () => {
    const [turns = []] = fc.sample(
      fc.array(
        fc.record({
          client: fc.nat(11),
          kind: fc.constantFrom('read' as const, 'cas' as const),
          isLost: fc.nat(30).map(n => n === 0),
          isLate: fc.boolean(),
        }),
        { minLength: 4_000, maxLength: 4_000 },
      ),
      1,
    )
    const begun = performance.now()
    expect(linearizable(run(turns, 12))).toBeUndefined()
    expect(performance.now() - begun).toBeLessThan(2_000)
  })
})

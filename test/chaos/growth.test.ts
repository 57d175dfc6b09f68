import { describe, expect, it } from 'vitest'
import type { Growth } from './growth/gauge.ts'
import { expectFlat, LONG, play, size } from './growth/scene.ts'
import type { Cost } from './growth/scenes/laggards.ts'

/*
 * What comes and goes leaves nothing behind. The smallest object takes 12 bytes and whatever holds it 8 more,
 * so below 20 bytes for each operation nothing was kept of it.
 */

const NOTHING = 20
/** What few operations a round may seem to leave each; a line that is held takes more than 5,000. */
const LINE = 1_000

describe('nothing grows', () => {
  it('when listeners come and go', { timeout: 300_000 }, async () => {
    const { result } = await play<Growth>('bus', 'subscriptions', {
      operations: size(10_000, 100_000),
      rounds: size(2, 5),
    })
    expectFlat(result, NOTHING)
    expect(result.seen).toMatchObject({ same: true })
    expect(result.seen.heard).toBeGreaterThan(0)
  })

  it('when readers of the feed come and go', { timeout: 300_000 }, async () => {
    const { result } = await play<Growth>('bus', 'readers', {
      operations: size(10_000, 100_000),
      rounds: size(2, 5),
    })
    expectFlat(result, NOTHING)
    expect(result.seen.pushed).toBeGreaterThan(0)
  })

  it('when commands are asked', { timeout: 300_000 }, async () => {
    const { result } = await play<Growth>('bus', 'commands', {
      operations: size(2_000, 20_000),
      rounds: size(2, 5),
    })
    expectFlat(result, NOTHING)
  })
})

describe('a server', () => {
  it('keeps nothing of clients that are gone', { timeout: 300_000 }, async () => {
    const { result } = await play<Growth>('lines', 'crowds', {
      operations: size(120, 2_000),
      rounds: size(2, 4),
    })
    expectFlat(result, LINE)
  })

  it('cuts off those who do not read, and the others get everything', { timeout: 300_000 }, async () => {
    const work = {
      facts: size(1_200, 20_000),
      bytes: size(6_000, 2_000),
      stopped: size(5, 50),
      others: size(2, 5),
    }
    const { result } = await play<Cost>('laggards', 'readers', work)
    expect(result.seen.counts).toEqual(Array(work.others).fill(work.facts))
    // The feed's own 32 MiB as objects and texts, MAX_UNSENT_BYTES and an event for each, and garbage in between.
    expectBounded(result, 96e6 + work.stopped * 4e6)
    expect(result.descriptors[1]).toBeLessThanOrEqual(result.descriptors[0])
  })
})

describe('listeners that never finish, are slow, or always fail', () => {
  it('hold a bounded backlog and dead letters, and the others hear everything', {
    timeout: 300_000,
  }, async () => {
    const work = { facts: size(5_000, 50_000), bytes: 200 }
    const { result } = await play<Cost>('laggards', 'listeners', work)
    expect(result.seen).toEqual({ kept: work.facts, deadLetters: 1_000 })
    // Live bytes, in the long form no more than in the short one.
    expectBounded(result, 15e6)
    // What waits for the two that do not finish, and the dead letters: 3,000 facts of 1 KB at most.
    expect(result.after - result.before).toBeLessThan(6e6)
  })
})

function expectBounded(cost: Cost, bytes: number): void {
  if (LONG) process.stdout.write(`  ${JSON.stringify(cost)}\n`)
  expect(cost.most - cost.before, JSON.stringify(cost)).toBeLessThan(bytes)
}

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'
import type { Growth } from './growth/gauge.ts'
import { expectFlat, LONG, play, size } from './growth/scene.ts'

/*
 * Watches that end and begin again, and changes while the store is away, leave nothing behind. A stream to
 * etcd that is held takes tens of kilobytes; what a few dozen of them may seem to leave, 3 kB each, is tables
 * that grow.
 */

const WATCH = 30
const STREAM = 3_000

let etcd: EtcdServer
beforeAll(async () => {
  etcd = await startEtcd()
})
afterAll(() => etcd.stop())

async function growth(scene: string, options: Record<string, unknown>): Promise<Growth> {
  const folder = await mkdtemp(join(tmpdir(), 'kytos-growth-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return (await play<Growth>('watch', scene, { folder, port: etcd.port, ...options })).result
}

describe('nothing grows', () => {
  it('when watches of a store in memory come and go', { timeout: 300_000 }, async () => {
    expectFlat(
      await growth('watches', { backend: 'memory', operations: size(5_000, 20_000), rounds: 2 }),
      WATCH,
    )
  })

  it.runIf(LONG)('when watches of files come and go', { timeout: 300_000 }, async () => {
    expectFlat(await growth('watches', { backend: 'filesystem', operations: 10_000, rounds: 3 }), WATCH)
  })

  it('when the line to etcd is cut again and again', { timeout: 600_000 }, async () => {
    const result = await growth('cuts', {
      backend: 'etcd',
      operations: size(15, 500),
      rounds: 2,
      endpoints: 1,
    })
    expectFlat(result, STREAM)
  })

  it.runIf(LONG)('when each cut leads to another endpoint', { timeout: 600_000 }, async () => {
    expectFlat(await growth('cuts', { backend: 'etcd', operations: 300, rounds: 2, endpoints: 3 }), STREAM)
  })

  it.runIf(LONG)('when the last known state is written again and again', { timeout: 300_000 }, async () => {
    expectFlat(await growth('snapshots', { operations: 200, rounds: 3 }), STREAM)
  })
})

describe('changes in flight while etcd is away', () => {
  it.each(LONG ? (['refuse', 'stall'] as const) : (['refuse'] as const))(
    'are refused in time and leave nothing behind (%s)',
    { timeout: 600_000 },
    async trouble => {
      const operations = size(500, 20_000)
      const { rounds, seen, ...rest } = await growth('burst', {
        backend: 'etcd',
        operations,
        rounds: 2,
        trouble,
      })
      const { longest, ...answers } = seen
      expectFlat({ rounds, seen, ...rest }, 200)
      expect(longest, JSON.stringify(seen)).toBeLessThan(size(15_000, 30_000))
      expect(
        Object.keys(answers).filter(
          code => !['STORE_STALE', 'STORE_UNREACHABLE', 'OUTCOME_UNKNOWN'].includes(code),
        ),
      ).toEqual([])
    },
  )
})

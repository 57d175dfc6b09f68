import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'
import { LONG, play } from './growth/scene.ts'
import type { Closing } from './growth/scenes/close.ts'

/*
 * Whatever is open or under way, close() ends it in time, everybody who asked is answered, and then nothing
 * keeps the process alive.
 */

/**
 * Milliseconds that a close may take on a loaded machine, of which 500 are for a request that never arrives
 * whole.
 */
const IN_TIME = 6_000
/** Milliseconds from the end of the close to that of the process. */
const AT_ONCE = 2_000
const CHANGES = 200

let etcd: EtcdServer
beforeAll(async () => {
  etcd = await startEtcd()
})
afterAll(() => etcd.stop())

async function close(options: Record<string, unknown>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'kytos-close-'))
  try {
    const { result, ending } = await play<Closing>('close', 'closeAmidWork', {
      folder,
      port: etcd.port,
      ...options,
    })
    const told = `${JSON.stringify(options)}: closed in ${Math.round(result.took)} ms, the process ended ${Math.round(ending)} ms later; ${JSON.stringify(result.answers)}`
    if (LONG) process.stdout.write(`  ${told}\n`)
    expect(ending, told).toBeLessThan(AT_ONCE)
    expect(result.took, told).toBeLessThan(IN_TIME)
    expect(Object.values(result.answers).reduce((sum, count) => sum + count, 0)).toBe(CHANGES)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

describe.concurrent('the process of a closed service ends by itself', {
  timeout: LONG ? 300_000 : 90_000,
}, () => {
  it.runIf(LONG)('amid changes of a store in memory', () => close({ backend: 'memory', after: 0 }))
  it('amid changes of files', () => close({ backend: 'filesystem', after: 0 }))
  it.runIf(LONG)('amid changes of etcd', () => close({ backend: 'etcd', after: 20 }))
  it('amid changes of an etcd that answers no more', () =>
    close({ backend: 'etcd', after: 100, trouble: 'swallowAnswers' }))
  it.runIf(LONG)('while it pauses between two tries to reach etcd', () =>
    close({ backend: 'etcd', after: 1_500, trouble: 'refuse' }),
  )
  it('while its etcd is a black hole', () => close({ backend: 'etcd', after: 3_000, trouble: 'stall' }))
  it.runIf(LONG)('before it found etcd', () =>
    close({ backend: 'etcd', after: 500, trouble: 'refuse', before: true }),
  )
  it('while it opens an etcd that is a black hole', () =>
    close({ backend: 'etcd', after: 500, trouble: 'stall', before: true }))
})

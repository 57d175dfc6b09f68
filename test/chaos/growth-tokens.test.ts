import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'
import type { Growth } from './growth/gauge.ts'
import { expectFlat, play } from './growth/scene.ts'

/*
 * An authentication leaves nothing behind: a token lives for five minutes by default, so a controller that
 * runs for a year authenticates 100,000 times.
 */

/** Bytes; an authentication on a channel of its own that stays open leaves 12,700. */
const NOTHING = 200
const PASSWORD = 'right'
/** Milliseconds; one authentication and what invalidates its token take up to 20 on a loaded machine. */
const TIMEOUT = { timeout: 120_000 }

let etcd: EtcdServer
beforeAll(async () => {
  etcd = await startEtcd({ auth: { username: 'kytos', password: PASSWORD } })
})
afterAll(() => etcd.stop())

describe('Authentication at etcd', () => {
  it('leaves nothing behind after 1,000 tokens of one backend', TIMEOUT, async () => {
    const { result } = await play<Growth>('tokens', 'tokens', {
      endpoint: etcd.endpoint,
      password: PASSWORD,
      operations: 250,
      rounds: 2,
    })
    expectFlat(result, NOTHING)
    expect(result.seen.read).toBe(1_000)
  })

  it('leaves nothing behind of clients that are closed', TIMEOUT, async () => {
    const { result } = await play<Growth>('tokens', 'clients', {
      endpoint: etcd.endpoint,
      password: PASSWORD,
      operations: 100,
      rounds: 4,
    })
    expectFlat(result, NOTHING)
  })
})

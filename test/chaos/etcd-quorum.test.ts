import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Controller } from '../support/controller.ts'
import { type EtcdCluster, type EtcdNode, startEtcdCluster } from '../support/etcd.ts'
import {
  type ChangeOutcome,
  expectAllReceived,
  expectOutcomesHold,
  type Load,
  openFollower,
  startLoad,
  statesOf,
} from '../support/followers.ts'

/*
 * Three etcds, three controllers, each on one of them first: leaders are killed and frozen, and a majority
 * goes away.
 */

const LONG = process.env.CHAOS_LONG === '1'
/**
 * What an update may take until it is answered, whatever happens: its deadline, and what it waits to be
 * observed.
 */
const DEADLINE = 9_000

/** A loaded machine may take its time. */
const PATIENCE = { timeout: 15_000 }
let cluster: EtcdCluster
const controllers: Controller[] = []

beforeEach(async () => {
  cluster = await startEtcdCluster(3, ['--heartbeat-interval=50', '--election-timeout=500'])
})

afterEach(async () => {
  await Promise.all(controllers.splice(0).map(one => one.close()))
  await cluster.stop()
})

function node(n: number): EtcdNode {
  const found = cluster.nodes[n]
  if (!found) throw new Error(`There is no node ${n}.`)
  return found
}

async function acks(load: Load, more: number): Promise<void> {
  const before = load.acked()
  await expect.poll(() => load.acked(), PATIENCE).toBeGreaterThan(before + more)
}

function expectQuick(told: readonly ChangeOutcome[]): void {
  expect(told.filter(({ took, outcome }) => outcome !== 'acked' && took > DEADLINE)).toEqual([])
}

describe('On three etcds', () => {
  it('a leader that is killed, and one that is frozen, under load: each change told truly and heard once', {
    timeout: 90_000,
  }, async () => {
    for (const id of ['one', 'two', 'three'])
      controllers.push(await openFollower(id, { endpoints: cluster.endpoints }))
    const load = startLoad(controllers, { pause: 10 })
    await acks(load, 30)
    for (let round = 0; round < (LONG ? 10 : 1); round++) {
      const killed = await cluster.leader()
      await node(killed).kill()
      await acks(load, 30)
      await node(killed).restart()
      await acks(load, 30)
      const frozen = await cluster.leader()
      node(frozen).pause()
      await acks(load, 30)
      node(frozen).resume()
      await acks(load, 30)
    }
    const told = await load.stop()
    expectOutcomesHold(await expectAllReceived(cluster.client, controllers), told)
    expectQuick(told)
  })

  it.each(['SIGKILL', 'SIGSTOP'] as const)(
    'a majority lost by %s: writes fail fast and truly, reads are marked STALE, and READY comes back with nothing lost',
    { timeout: 90_000 },
    async signal => {
      for (const [n, id] of ['one', 'two', 'three'].entries()) {
        // The first one knows the node that will be left alone, and no other.
        controllers.push(
          await openFollower(id, { endpoints: n === 0 ? cluster.endpoints.slice(0, 1) : cluster.endpoints }),
        )
      }
      const load = startLoad(controllers, { pause: 10 })
      await acks(load, 30)
      for (const n of [1, 2]) {
        if (signal === 'SIGKILL') await node(n).kill()
        else node(n).pause()
      }
      await expect
        .poll(() => controllers.map(one => one.service.health().state), PATIENCE)
        .toEqual(controllers.map(() => 'STALE'))
      // What was committed before may still be answered for some seconds.
      const ackedInASecond = async () => {
        const before = load.acked()
        await delay(1000)
        return load.acked() - before
      }
      await expect.poll(ackedInASecond, { timeout: 15_000 }).toBe(0)
      for (const one of controllers) {
        expect(await one.ask('kytos.settings.retrieve', { namespace: 'kytos/load_0' })).toMatchObject({
          state: 'STALE',
        })
        expect(one.service.health().reason).toMatch(/etcd/)
      }
      for (const n of [1, 2]) {
        if (signal === 'SIGKILL') await node(n).restart()
        else node(n).resume()
      }
      await acks(load, 30)
      const told = await load.stop()
      expectOutcomesHold(await expectAllReceived(cluster.client, controllers), told)
      expectQuick(told)
      for (const one of controllers)
        expect(statesOf(one).map(({ state }) => state)).toEqual(expect.arrayContaining(['STALE', 'READY']))
    },
  )
})

import { afterEach, describe, expect, it } from 'vitest'
import { createEtcdBackend } from '../../backends/etcd/index.ts'
import type { Facts } from '../../events/map.ts'
import { loadStore } from '../../src/transfer/load-store.ts'
import { takeSnapshot } from '../../src/transfer/store-snapshot.ts'
import type { Controller } from '../support/controller.ts'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'
import { change, expectCachesEqual, expectForward, openFollower, settled } from '../support/followers.ts'

/*
 * A store in etcd is wiped and filled again under two running controllers, without a restart of etcd: no
 * connection ends, and its revision only grows.
 */

const LOAD = { overwrite: true, skipOversized: false, keepTokens: false, dryRun: false }

let etcd: EtcdServer | undefined
const controllers: Controller[] = []
afterEach(async () => {
  await Promise.all(controllers.splice(0).map(one => one.close()))
  await etcd?.stop()
})

async function open(): Promise<{ readonly server: EtcdServer; readonly one: Controller }> {
  const server = await startEtcd()
  etcd = server
  const endpoints = [server.endpoint]
  const [one, two] = [await openFollower('one', { endpoints }), await openFollower('two', { endpoints })]
  controllers.push(one, two)
  for (const n of [1, 2, 3]) await change(n % 2 ? one : two, 'kytos/a', { n }, `before ${n}`)
  await one.ask('kytos.storehouse.create', { namespace: 'net', box_id: 'b', data: 1 })
  await settled(server.client, controllers)
  return { server, one }
}

function epochs(): number[] {
  return controllers.map(({ service }) => service.health().epoch)
}

/** Deletes everything below a prefix, as `etcdctl del --prefix` does. */
async function wipe({ client }: EtcdServer, prefix: string): Promise<void> {
  await client.delete().prefix(prefix).exec()
}

/** Expects one new epoch on all, in which answers, facts and caches agree. */
async function expectNewEpoch(server: EtcdServer, before: number, data: object): Promise<void> {
  await expect.poll(() => Math.min(...epochs()), { timeout: 30_000 }).toBeGreaterThan(before)
  await settled(server.client, controllers, 30_000)
  await expect.poll(() => new Set(epochs()).size, { timeout: 30_000 }).toBe(1)
  for (const [n, controller] of controllers.entries()) {
    const comment = `after ${n} ${Math.max(...epochs())}`
    const answer = await controller.ask('kytos.settings.update', {
      namespace: 'kytos/a',
      data: { [`after_${n}`]: n },
      comment,
    })
    if (n === 0) expect(answer.overrides).toEqual({ ...data, after_0: 0 })
    await settled(server.client, controllers, 30_000)
    for (const one of controllers) {
      const facts = one.changes.map(({ content }) => content as Facts['settings.changed'])
      const fact = facts.find(content => content.comment === comment)
      expect(fact).toMatchObject({ version: answer.version, epoch: answer.epoch, revision: answer.revision })
      expect(await one.ask('kytos.settings.retrieve', { namespace: 'kytos/a' })).toMatchObject({
        version: answer.version,
        epoch: answer.epoch,
      })
    }
  }
  await expectCachesEqual(server.client, controllers)
  for (const one of controllers) expectForward(one)
}

describe('A store that is wiped by another tool', () => {
  it.each([
    ['as a whole', '/kytos/', {}],
    ['of meta/store alone', '/kytos/meta/', { n: 3 }],
    ['of its history alone', '/kytos/history/', { n: 3 }],
  ])(
    '%s begins one new epoch on all, with the versions that are there',
    { timeout: 90_000 },
    async (_, prefix, data) => {
      const { server } = await open()
      const [before = 0] = epochs()
      await wipe(server, prefix)
      await expectNewEpoch(server, before, data)
    },
  )

  it('and restored from a backup serves again without a restart, time after time', {
    timeout: 120_000,
  }, async () => {
    const { server } = await open()
    const backend = createEtcdBackend(
      { endpoints: [server.endpoint], prefix: '/kytos', timeout: 5 },
      { report: () => {} },
    )
    await backend.open()
    try {
      const snapshot = await takeSnapshot(backend, 'saved')
      for (const wiped of ['/kytos/', '/kytos/meta/', '/kytos/settings/']) {
        const [before = 0] = epochs()
        await wipe(server, wiped)
        // A controller that writes meanwhile ends the load, which is then run again.
        await expect
          .poll(
            () =>
              loadStore(backend, snapshot, LOAD).then(
                () => 'loaded',
                error => String(error),
              ),
            {
              timeout: 30_000,
            },
          )
          .toBe('loaded')
        await expectNewEpoch(server, before, { n: 3 })
      }
    } finally {
      await backend.close()
    }
  })

  it('of its settings alone keeps the epoch: these are deletions by hand', { timeout: 90_000 }, async () => {
    const { server, one } = await open()
    const [before = 0] = epochs()
    await wipe(server, '/kytos/settings/')
    await settled(server.client, controllers, 30_000)
    expect(await one.ask('kytos.settings.update', { namespace: 'kytos/a', data: { x: 1 } })).toMatchObject({
      version: 5,
      overrides: { x: 1 },
      epoch: before,
    })
    await settled(server.client, controllers, 30_000)
    await expectCachesEqual(server.client, controllers)
  })
})

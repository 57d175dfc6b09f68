import { afterEach, describe, expect, it } from 'vitest'
import type { Controller } from '../support/controller.ts'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'
import {
  expectCachesEqual,
  expectForward,
  expectOutcomesHold,
  openFollower,
  readEntries,
  resyncsOf,
  settled,
  startLoad,
} from '../support/followers.ts'

/** A loaded machine may take its time. */
const PATIENCE = { timeout: 15_000 }
let etcd: EtcdServer | undefined
const controllers: Controller[] = []

afterEach(async () => {
  await Promise.all(controllers.splice(0).map(one => one.close()))
  await etcd?.stop()
})

const QUOTA = 4 * 1024 * 1024

describe('A store whose space is used up under load', () => {
  it('refuses changes with STORE_FULL, is read and watched all the same, and goes on once it has space: nothing lost', {
    timeout: 60_000,
  }, async () => {
    const server = await startEtcd({ args: [`--quota-backend-bytes=${QUOTA}`] })
    etcd = server
    const { client } = server
    for (const id of ['one', 'two', 'three'])
      controllers.push(await openFollower(id, { endpoints: server.endpoints }))
    const [one] = controllers
    if (!one) throw new Error('Three controllers were opened.')
    await one.ask('kytos.storehouse.create', { namespace: 'space', box_id: 'box', data: 1 })
    const load = startLoad(controllers, { pause: 10 })
    await expect.poll(() => load.acked(), PATIENCE).toBeGreaterThan(20)
    // Another tenant of the same etcd fills it.
    const fill = async (): Promise<void> => {
      for (let n = 0; n < 40; n++) await client.put(`/elsewhere/${n}`).value('x'.repeat(500_000))
    }
    await expect(fill()).rejects.toThrow('space exceeded')
    await expect
      .poll(() => load.outcomes.filter(({ code }) => code === 'STORE_FULL').length, PATIENCE)
      .toBeGreaterThan(10)

    await settled(client, controllers)
    // etcd 3.4 lets a full store take commits that share a transaction; one that goes alone is refused.
    let a = 0
    const refusal = (): Promise<unknown> =>
      one.ask('kytos.settings.update', { namespace: 'kytos/full', data: { a: ++a } }).catch(error => error)
    await expect
      .poll(refusal, PATIENCE)
      .toMatchObject({ code: 'STORE_FULL', message: expect.stringContaining('disarm the NOSPACE alarm') })
    expect(
      await one.ask('kytos.settings.retrieve', { namespace: 'kytos/load_0', fresh: true }),
    ).toMatchObject({ state: 'READY' })
    // A deletion is taken also by a full store, and heard like any other change.
    expect(await one.ask('kytos.storehouse.delete', { namespace: 'space', box_id: 'box' })).toBe(true)
    const deletions = ({ changes }: Controller): number =>
      changes.filter(({ content }) => content.kind === 'deleted').length
    await expect.poll(() => controllers.map(deletions), PATIENCE).toEqual([1, 1, 1])

    await client.delete().prefix('/elsewhere/')
    await server.compact()
    await client.maintenance.defragment()
    const { alarms } = await client.maintenance.alarm({ action: 'Get' })
    for (const { memberID, alarm } of alarms)
      await client.maintenance.alarm({ action: 'Deactivate', memberID, alarm })
    const before = load.acked()
    await expect.poll(() => load.acked(), PATIENCE).toBeGreaterThan(before + 20)
    const told = await load.stop()
    expect(told.filter(({ outcome }) => outcome === 'unknown')).toEqual([])
    await settled(client, controllers)
    await expectCachesEqual(client, controllers)
    const entries = await readEntries(client)
    // All of them are younger than a minute, so every record is still there.
    expectOutcomesHold(entries, told)
    for (const controller of controllers) {
      expectForward(controller)
      expect(resyncsOf(controller)).toEqual([])
      for (const namespace of ['kytos/load_0', 'kytos/load_1', 'kytos/load_2']) {
        const versions = controller.changes.flatMap(({ content }) =>
          'version' in content && content.namespace === namespace ? content.version : [],
        )
        const records = entries.filter(({ key }) => key.startsWith(`history/settings/${namespace}/`))
        expect(versions).toEqual(records.map((_, n) => n + 1))
      }
    }
  })
})

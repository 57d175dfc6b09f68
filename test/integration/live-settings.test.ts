import { describe, expect, it, onTestFinished } from 'vitest'
import { createEtcdBackend } from '../../backends/etcd/index.ts'
import { parseJson } from '../../model/json.ts'
import { openSettings } from '../../src/client/open-settings.ts'
import { type Controller, openController } from '../support/controller.ts'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'

const ID = 'kytos/of_lldp'
const SCHEMA = {
  type: 'object',
  properties: {
    polling_time: { type: 'integer', default: 3 },
    cookie: { type: 'integer', default: 2n ** 63n },
  },
} as const
const SOON = { timeout: 10_000, interval: 20 }

async function openOn(etcd: EtcdServer, id: string): Promise<Controller> {
  const backend = (report: Parameters<typeof createEtcdBackend>[1]['report']) =>
    createEtcdBackend({ endpoints: etcd.endpoints, prefix: '/kytos', timeout: 5 }, { report })
  const controller = await openController({ id, backend })
  onTestFinished(() => controller.close())
  return controller
}

describe('live settings on a real etcd', () => {
  it('follow another controller, an edit by hand, a restart with compaction, and a wiped store', async () => {
    const etcd = await startEtcd()
    onTestFinished(() => etcd.stop())
    const [one, two] = await Promise.all([openOn(etcd, 'one'), openOn(etcd, 'two')])
    const settings = await openSettings({ id: ID, bus: one.bus, log: one.log }, SCHEMA)
    const calls: (readonly [number, number])[] = []
    settings.on('polling_time', (now, before) => void calls.push([before, now]))
    expect(settings.values).toEqual({ polling_time: 3, cookie: 2n ** 63n })

    await two.ask('kytos.settings.update', { namespace: ID, data: { polling_time: 4 } })
    await expect.poll(() => settings.values.polling_time, SOON).toBe(4)
    await etcd.client.put(`/kytos/settings/${ID}`).value('{"polling_time": 5}')
    await expect.poll(() => settings.values.polling_time, SOON).toBe(5)

    await etcd.kill()
    await expect.poll(() => settings.state, SOON).toBe('STALE')
    expect(settings.values.polling_time).toBe(5)
    await etcd.restart()
    await etcd.client.put(`/kytos/settings/${ID}`).value('{"polling_time": 6}')
    await etcd.compact()
    await expect.poll(() => [settings.state, settings.values.polling_time], SOON).toEqual(['READY', 6])
    const guarded = () =>
      settings.update({ polling_time: 7 }, { revision: settings.revision }).then(({ overrides }) => overrides)
    await expect.poll(() => guarded().catch(error => error.code), SOON).toEqual({ polling_time: 7 })

    const { epoch } = settings
    await etcd.kill()
    await etcd.restart({ wipe: true })
    await expect.poll(() => settings.values, SOON).toEqual({ polling_time: 3, cookie: 2n ** 63n })
    expect(settings.epoch).toBeGreaterThan(epoch)
    await expect.poll(() => settings.state, SOON).toBe('READY')
    await settings.update({ polling_time: 8 })
    expect(parseJson((await etcd.client.get(`/kytos/settings/${ID}`).string()) ?? '')).toEqual({
      polling_time: 8,
    })

    const links = [3, ...calls.map(([, now]) => now)]
    expect(calls.map(([before]) => before)).toEqual(links.slice(0, -1))
    expect(links).toEqual([3, 4, 5, 6, 7, 3, 8])
  })
})

import { afterEach, describe, expect, it } from 'vitest'
import { createEtcdBackend } from '../../../backends/etcd/index.ts'
import { openController } from '../../support/controller.ts'
import { startEtcd } from '../../support/etcd.ts'
import { startTcpProxy } from '../../support/tcp-proxy.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

describe('a change that is under way while its store is wiped', () => {
  it('is no later version of what the new store never had', async () => {
    const etcd = await startEtcd()
    closers.push(() => etcd.stop())
    const line = await startTcpProxy(etcd.port)
    closers.push(() => line.close())
    const options = { endpoints: [`http://127.0.0.1:${line.port}`], prefix: '/kytos', timeout: 5 }
    const controller = await openController({ backend: report => createEtcdBackend(options, { report }) })
    closers.push(() => controller.close())
    await controller.ask('kytos.settings.update', { namespace: 'kytos/a', data: { n: 1 } })
    await controller.ask('kytos.settings.delete', { namespace: 'kytos/a' })

    line.stall()
    const answered = controller.ask('kytos.settings.update', { namespace: 'kytos/a', data: { n: 2 } })
    await etcd.restart({ wipe: true })
    line.resume()

    // The store does not show what became of a copy that was sent to the one before, so the outcome may be
    // unknown.
    const [outcome] = await Promise.allSettled([answered])
    const records = () => etcd.client.getAll().prefix('/kytos/history/settings/kytos/a/').keys()
    if (outcome.status === 'rejected') {
      expect(outcome.reason).toMatchObject({ code: 'OUTCOME_UNKNOWN' })
      expect(await records()).toEqual([])
      await expect.poll(() => controller.service.health().state).toBe('READY')
      await controller.ask('kytos.settings.update', { namespace: 'kytos/a', data: { n: 3 } })
    }
    expect(await records()).toEqual(['/kytos/history/settings/kytos/a/000000000001'])
  })
})

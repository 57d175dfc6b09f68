import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createEtcdBackend } from '../../backends/etcd/index.ts'
import { createBus } from '../../events/bus.ts'
import { createService } from '../../src/app/service.ts'
import { openHttp } from '../../src/http/server.ts'
import { keepLog } from '../support/controller.ts'
import { startEtcd } from '../support/etcd.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { send } from '../unit/http/harness.ts'
import { type EventReader, readBus, readSse } from './event-readers.ts'
import { freshFolder, kytosSettings } from './host-process.ts'

const NAMESPACE = '/api/kytos/settings/v1/me/counter'
const SOON = { timeout: 10_000, interval: 20 }

/** Sets `n`, however often the service is away meanwhile. */
async function write(port: number, n: number): Promise<void> {
  for (;;) {
    // Whether the attempt before was done is seen in what is there.
    const [is] = await Promise.allSettled([send(port, 'GET', NAMESPACE)])
    const data = is.status === 'fulfilled' ? Object(is.value.json).data : undefined
    if (Object(data).n === n) return
    await Promise.allSettled([send(port, 'PATCH', NAMESPACE, { body: { json: { n } } })])
    if (data === undefined) await sleep(20)
  }
}

async function judged(readers: readonly EventReader[], last: number): Promise<void> {
  for (const reader of readers) {
    await expect
      .poll(() => reader.known.get('me/counter'), { ...SOON, message: reader.name })
      .toEqual({ n: last })
    expect(reader.faults, reader.name).toEqual([])
  }
}

describe('readers resume, and lose and double nothing,', () => {
  it('across restarts of the service, ordered and killed', async () => {
    const cwd = await freshFolder()
    let service = kytosSettings(cwd, 'start')
    const url = await service.ready
    const port = Number(new URL(url).port)
    const readers = [await readSse(url), await readBus(url)]
    for (let n = 1; n <= 90; n++) {
      if (n === 30 || n === 60) {
        service.child.kill(n === 30 ? 'SIGTERM' : 'SIGKILL')
        // The next change is on its way while it goes, and while it comes.
        void service.ended.then(() => {
          service = kytosSettings(cwd, 'start')
        })
      }
      await write(port, n)
      // Else all the rest could be written before they are back, and be in the snapshot.
      if (n % 30 === 5) await judged(readers, n)
    }
    await judged(readers, 90)
    for (const { name, changes, snapshots } of readers) {
      // A process that has just started has no earlier steps; all other changes are delivered step by step.
      expect(snapshots, name).toBeLessThanOrEqual(2)
      expect(changes, name).toBeGreaterThan(60)
    }
    service.child.kill('SIGTERM')
    expect(await service.ended).toBe(0)
  })

  it('across a restart of etcd, and lines that break before, meanwhile and after', async () => {
    const etcd = await startEtcd()
    onTestFinished(() => etcd.stop())
    const log = keepLog()
    const bus = createBus({ log })
    const surroundings = { bus, controller: 'one', strict: false, log, startTimeout: 10_000 }
    const options = { endpoints: etcd.endpoints, prefix: '/resume', timeout: 2 }
    const service = createService(report => createEtcdBackend(options, { report }), surroundings)
    onTestFinished(() => service.close())
    const http = await openHttp({
      bus,
      feed: service.feed,
      health: service.health,
      listen: '127.0.0.1',
      port: 0,
      log,
    })
    onTestFinished(() => http.close())
    await service.start()
    const proxy = await startTcpProxy(http.port)
    onTestFinished(() => proxy.close())
    const url = `http://127.0.0.1:${proxy.port}`
    const readers = [await readSse(url), await readBus(url)]
    for (let n = 1; n <= 90; n++) {
      if (n % 20 === 10) proxy.cut()
      if (n === 40) {
        const stale = new Promise(resolve =>
          bus.on('settings.state', ({ content }) => void (content.state === 'STALE' && resolve(undefined))),
        )
        await etcd.kill()
        await stale
        proxy.cut()
        await etcd.restart()
      }
      await write(http.port, n)
    }
    await judged(readers, 90)
    for (const { name, changes, snapshots } of readers) {
      // Every step was kept here: none had to be left out.
      expect([name, changes, snapshots]).toEqual([name, 90, 0])
    }
  })
})

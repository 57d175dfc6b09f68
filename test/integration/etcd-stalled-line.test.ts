import { expect, it, onTestFinished } from 'vitest'
import { createEtcdBackend } from '../../backends/etcd/index.ts'
import { type Controller, openController } from '../support/controller.ts'
import { startEtcd } from '../support/etcd.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'

const NS = 'kytos/x'
const TICK_MS = 250
/**
 * The ticks in which a controller may answer old settings as READY: 8 of silence, 6 in which the requested
 * progress does not arrive, and 2 in which the watch ends. Ticks are counted instead of time, because a busy
 * machine delays those of the controller alike.
 */
const MAX_READY_TICKS = 16

async function start(port: number, id: string): Promise<Controller> {
  const controller = await openController({
    id,
    backend: report =>
      createEtcdBackend(
        { endpoints: [`http://127.0.0.1:${port}`], prefix: '/kytos', timeout: 5 },
        { report },
      ),
  })
  onTestFinished(() => controller.close())
  return controller
}

it('A controller whose connection stalls answers old settings as READY for 3.5 s at most, and as STALE after that', {
  timeout: 60_000,
}, async () => {
  const etcd = await startEtcd()
  onTestFinished(() => etcd.stop())
  const line = await startTcpProxy(etcd.port)
  onTestFinished(() => line.close())
  const [stalled, other] = [await start(line.port, 'c1'), await start(etcd.port, 'c2')]
  await other.ask('kytos.settings.create', { namespace: NS, data: { n: 0 } })
  for (let n = 1; n <= 2; n++) {
    await stalled.ask('kytos.settings.retrieve', { namespace: NS, fresh: true })
    line.stall()
    let ticks = 0
    const timer = setInterval(() => ticks++, TICK_MS)
    onTestFinished(() => clearInterval(timer))
    await other.ask('kytos.settings.update', { namespace: NS, data: { n } })
    let readyUntil = 0
    await expect
      .poll(
        async () => {
          const answer = await stalled.ask('kytos.settings.retrieve', { namespace: NS })
          expect(answer.data).toEqual({ n: n - 1 })
          if (answer.state === 'READY') readyUntil = ticks
          return answer.state
        },
        { timeout: 30_000, interval: 20 },
      )
      .toBe('STALE')
    expect(readyUntil).toBeLessThanOrEqual(MAX_READY_TICKS)
    clearInterval(timer)
    line.resume()
    await expect.poll(() => stalled.service.health().state, { timeout: 30_000 }).toBe('READY')
    expect(await stalled.ask('kytos.settings.retrieve', { namespace: NS })).toMatchObject({ data: { n } })
  }
})

import { expect, it, onTestFinished } from 'vitest'
import { createEtcdBackend } from '../../backends/etcd/index.ts'
import { EVERYTHING, makeKey } from '../../model/key.ts'
import { startEtcd } from '../support/etcd.ts'
import { startReader } from '../support/etcd-reader.ts'
import { startThrottle } from '../support/throttle.ts'

const DOCUMENTS = 48
const BYTES = 100_000
/** Bytes per second of the connection: a page of 32 such documents takes four times the timeout of a call. */
const RATE = 1_600_000

it('A watch over a slow connection catches up in the end, although its first response takes longer than the allowed silence', {
  timeout: 90_000,
}, async () => {
  const etcd = await startEtcd()
  onTestFinished(() => etcd.stop())
  // One response holds up to a thousand revisions.
  for (let n = 0; n < DOCUMENTS; n++)
    await etcd.client.put(`/kytos/boxes/large/n${n}`).value(`"${'x'.repeat(2 * BYTES)}"`)
  const line = await startThrottle(etcd.port, RATE)
  onTestFinished(() => line.close())
  const backend = createEtcdBackend(
    { endpoints: [`http://127.0.0.1:${line.port}`], prefix: '/kytos', timeout: 5 },
    { report: () => {} },
  )
  onTestFinished(() => backend.close())
  await backend.open()
  const reader = startReader(backend, 0n)
  onTestFinished(() => reader.stop())
  await reader.until(({ batches }) => batches.length === DOCUMENTS)
  expect(reader.opened).toBeGreaterThan(1)
})

it('A store of large documents over a slow connection is listed in the end, although no large page arrives in time', {
  timeout: 60_000,
}, async () => {
  const etcd = await startEtcd()
  onTestFinished(() => etcd.stop())
  for (let n = 0; n < DOCUMENTS; n++)
    await etcd.client.put(`/kytos/boxes/large/n${n}`).value(`"${'x'.repeat(BYTES)}"`)
  const line = await startThrottle(etcd.port, RATE)
  onTestFinished(() => line.close())
  const backend = createEtcdBackend(
    { endpoints: [`http://127.0.0.1:${line.port}`], prefix: '/kytos', timeout: 1 },
    { report: () => {} },
  )
  onTestFinished(() => backend.close())
  await backend.open()

  const list = async (): Promise<number> => {
    let count = 0
    for await (const page of (await backend.list(EVERYTHING)).pages) count += page.length
    return count
  }
  await expect(list()).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
  await expect.poll(() => list().catch(() => 0), { timeout: 40_000 }).toBe(DOCUMENTS)
  expect((await backend.get(makeKey('boxes', 'large', 'n7')))?.text.length).toBe(BYTES + 2)
})

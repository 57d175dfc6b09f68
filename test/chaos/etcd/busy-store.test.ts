import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createEtcdBackend } from '../../../backends/etcd/index.ts'
import { type EtcdServer, startEtcd } from '../../support/etcd.ts'

let etcd: EtcdServer
let stopped = false

beforeEach(async () => {
  etcd = await startEtcd()
  stopped = false
})
afterEach(() => etcd.stop())

/** Changes keys of ours without a pause. */
async function keepBusy(): Promise<void> {
  for (let n = 0; !stopped; n++) {
    await etcd.client.put(`/kytos/settings/kytos/n${n % 4}`).value(String(n))
    await delay(1)
  }
}

describe('a watch of an etcd that is never quiet', () => {
  it('says that it has caught up once it has given what there was when it was made', async () => {
    const backend = createEtcdBackend(
      { endpoints: etcd.endpoints, prefix: '/kytos', timeout: 5 },
      { report: () => {} },
    )
    await backend.open()
    // So that there is something to give when the watch is made.
    await etcd.client.put('/kytos/settings/kytos/first').value('{}')
    const busy = keepBusy()
    const end = new AbortController()
    const timer = setTimeout(() => end.abort(), 10_000)
    let caughtUp = false
    let given = 0n
    for await (const { revision, changes } of backend.watch(1n, end.signal)) {
      if (changes.length > 0) given = revision
      else {
        caughtUp = revision <= given
        break
      }
    }
    clearTimeout(timer)
    stopped = true
    await busy
    await backend.close()
    expect(caughtUp).toBe(true)
  })
})

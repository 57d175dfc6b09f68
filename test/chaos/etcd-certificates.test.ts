import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { Controller } from '../support/controller.ts'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'
import { makeCertificates, renewServerCertificate } from '../support/etcd-tls.ts'
import { expectAllReceived, expectOutcomesHold, openFollower, startLoad } from '../support/followers.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'

/** A loaded machine may take its time. */
const PATIENCE = { timeout: 15_000 }
let etcd: EtcdServer | undefined
let line: TcpProxy | undefined
let folder: string | undefined
const controllers: Controller[] = []

afterEach(async () => {
  await Promise.all(controllers.splice(0).map(one => one.close()))
  await line?.close()
  await etcd?.stop()
  if (folder) await rm(folder, { recursive: true, force: true })
})

describe('An etcd with TLS and client certificates', () => {
  it('is followed across cuts, a renewed certificate, and a foreign one until the right one is back: nothing lost', {
    timeout: 60_000,
  }, async () => {
    const server = await startEtcd({ tls: { clients: true } })
    etcd = server
    const certificates = server.certificates
    if (!certificates) throw new Error('An etcd with TLS has certificates.')
    const cutter = await startTcpProxy(server.port)
    line = cutter
    const { ca, cert, key } = certificates
    for (const [id, port] of [['direct', server.port] as const, ['cut', cutter.port] as const]) {
      controllers.push(await openFollower(id, { endpoints: [`https://127.0.0.1:${port}`], ca, cert, key }))
    }
    const states = (): string[] => controllers.map(one => one.service.health().state)
    const load = startLoad(controllers, { pause: 10 })
    const goesOn = async (what: string): Promise<void> => {
      const before = load.acked()
      await expect.poll(() => load.acked(), { timeout: 10_000, message: what }).toBeGreaterThan(before + 20)
      await expect.poll(states, { timeout: 10_000, message: what }).toEqual(['READY', 'READY'])
    }
    for (let n = 0; n < 3; n++) {
      cutter.cutAfter(700 * n)
      await goesOn(`cut ${n}`)
    }

    await renewServerCertificate(certificates.folder)
    await server.restart()
    await goesOn('a renewed certificate')

    folder = await mkdtemp(join(tmpdir(), 'kytos-foreign-'))
    await makeCertificates(folder)
    const files = ['server.pem', 'server-key.pem'] as const
    for (const name of files) {
      await copyFile(join(certificates.folder, name), join(folder, `right-${name}`))
      await copyFile(join(folder, name), join(certificates.folder, name))
    }
    // It serves, though to nobody who trusts the authority: this waits until the right certificate is back,
    // which etcd reads for every connection.
    const restarted = server.restart()
    const understood = (): boolean[] =>
      controllers.map(one =>
        /not signed by a trusted authority; check ca/.test(one.service.health().reason ?? ''),
      )
    await expect.poll(understood, PATIENCE).toEqual([true, true])
    expect(states()).toEqual(['STALE', 'STALE'])
    for (const name of files) await copyFile(join(folder, `right-${name}`), join(certificates.folder, name))
    await restarted
    await goesOn('the right certificate')

    const told = await load.stop()
    expectOutcomesHold(await expectAllReceived(server.client, controllers), told)
  })
})

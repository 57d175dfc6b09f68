import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadBackend } from '../../src/boot/backend-registry.ts'
import { loadConfig } from '../../src/boot/config.ts'
import { chooseBackend } from '../../src/boot/store-choice.ts'
import { type Controller, openController } from '../support/controller.ts'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'
import { makeJwtFlags } from '../support/etcd-jwt.ts'
import { freePort } from '../support/etcd-process.ts'
import { type Certificates, makeCertificates } from '../support/etcd-tls.ts'
import {
  expectAllReceived,
  expectOutcomesHold,
  type Load,
  startLoad,
  statesOf,
} from '../support/followers.ts'

/*
 * Passwords and certificates are replaced while controllers run, in either order: in etcd first or in the
 * files first. Every controller is READY again by itself, and nothing is lost, doubled or falsely reported.
 */

/** Milliseconds; a loaded machine may take its time. */
const TIMEOUT = { timeout: 15_000 }
const USER = { username: 'kytos', password: 'right' }
const CLIENT_FILES = ['ca.pem', 'client.pem', 'client-key.pem'] as const
const SERVER_FILES = ['server.pem', 'server-key.pem', 'ca.pem'] as const

let etcd: EtcdServer | undefined
let folder: string
const controllers: Controller[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kytos-rotation-'))
})
afterEach(async () => {
  await Promise.all(controllers.splice(0).map(one => one.close()))
  await etcd?.stop()
  etcd = undefined
  await rm(folder, { recursive: true, force: true })
})

/** Two controllers, configured as a service is, with the files in the folder. */
async function openControllers({ endpoint }: EtcdServer, options: string): Promise<Load> {
  for (const id of ['c1', 'c2']) {
    const file = join(folder, `${id}.ini`)
    await writeFile(
      file,
      `[daemon]\napi_port = ${await freePort()}\n[settings]\nbackend = etcd\ncontroller = ${id}\n[settings.etcd]\nendpoints = ["${endpoint}"]\ntimeout = 3\n${options}\n`,
    )
    const create = await loadBackend(await chooseBackend(await loadConfig(file, { isNamed: true }), () => {}))
    controllers.push(await openController({ id, backend: create }))
  }
  return startLoad(controllers, { pause: 20 })
}

function reasons(): (string | null)[] {
  return controllers.map(one => one.service.health().reason)
}

async function allAre(state: string, reason = /./): Promise<void> {
  await expect
    .poll(
      () =>
        controllers.map(one => {
          const { state: now, reason: why } = one.service.health()
          return now === 'READY' || reason.test(why ?? '') ? now : `${now}: ${why}`
        }),
      TIMEOUT,
    )
    .toEqual(controllers.map(() => state))
}

async function goesOn(load: Load, message: string): Promise<void> {
  const before = load.acked()
  await expect.poll(() => load.acked(), { ...TIMEOUT, message }).toBeGreaterThan(before + 20)
  await allAre('READY')
}

async function expectNothingLost(server: EtcdServer, load: Load): Promise<void> {
  const told = await load.stop()
  expectOutcomesHold(await expectAllReceived(server.client, controllers), told)
}

describe.each([
  ['simple tokens', async () => ['--auth-token-ttl=5']],
  ['signed tokens (JWT)', () => makeJwtFlags(folder, '5s')],
] as const)('A rotated password, with %s,', (_, flags) => {
  const write = (password: string) => writeFile(join(folder, 'password'), `${password}\n`, { mode: 0o600 })

  async function openWithPassword(): Promise<{ readonly server: EtcdServer; readonly load: Load }> {
    const server = await startEtcd({ auth: USER, args: await flags() })
    etcd = server
    await write('right')
    const load = await openControllers(server, 'username = kytos\npassword_file = password')
    await goesOn(load, 'the beginning')
    return { server, load }
  }

  it('is taken from a file that was written before: no change is refused, and none is STALE', {
    timeout: 60_000,
  }, async () => {
    const { server, load } = await openWithPassword()
    for (const password of ['second', 'third', 'fourth']) {
      await write(password)
      await server.client.auth.userChangePassword({ name: 'kytos', password })
      await goesOn(load, password)
    }
    expect(load.outcomes.filter(({ outcome }) => outcome !== 'acked')).toEqual([])
    expect(controllers.flatMap(statesOf).filter(({ state }) => state !== 'READY')).toEqual([])
    await expectNothingLost(server, load)
  })

  it('is taken once the file is written: STALE meanwhile, with a reason that holds, and few attempts', {
    timeout: 60_000,
  }, async () => {
    const { server, load } = await openWithPassword()
    await server.client.auth.userChangePassword({ name: 'kytos', password: 'second' })
    await allAre('STALE', /password is wrong; .*; its files were read again and are unchanged/)
    const before = await authentications(server)
    await delay(2_000)
    // Two controllers, each with a watch that pauses for up to a second, and six writers that are refused.
    expect((await authentications(server)) - before).toBeLessThan(60)
    await write('')
    await allAre('STALE', /its files were read again and rejected: .*password is empty/)
    await write('second')
    await goesOn(load, 'the second password')
    await expectNothingLost(server, load)
  })
})

/** How many authentications the server has counted. */
async function authentications({ endpoint }: EtcdServer): Promise<number> {
  const metrics = await (await fetch(`${endpoint}/metrics`)).text()
  const [, count] = /^grpc_server_started_total\{grpc_method="Authenticate".* (\d+)$/m.exec(metrics) ?? []
  if (count === undefined) throw new Error('etcd counts authentications.')
  return Number(count)
}

describe('Rotated certificates', () => {
  async function openWithCertificates(): Promise<{
    readonly server: EtcdServer
    readonly own: Certificates
    readonly load: Load
  }> {
    const server = await startEtcd({ tls: { clients: true } })
    etcd = server
    const own = server.certificates
    if (!own) throw new Error('An etcd with TLS has certificates.')
    for (const name of CLIENT_FILES) await copyFile(join(own.folder, name), join(folder, name))
    const load = await openControllers(server, 'ca = ca.pem\ncert = client.pem\nkey = client-key.pem')
    await goesOn(load, 'the beginning')
    return { server, own, load }
  }

  async function makeOthers(): Promise<Certificates> {
    const at = join(folder, 'others')
    await mkdir(at)
    return makeCertificates(at)
  }

  /** Puts files of another authority in place of the server's, and starts it with them. */
  async function renewServer(server: EtcdServer, own: Certificates, others: Certificates): Promise<void> {
    for (const name of SERVER_FILES) await copyFile(join(others.folder, name), join(own.folder, name))
    await server.restart({ certificates: others })
  }

  it('of another authority are taken once their files are written, and not before all of them fit', {
    timeout: 60_000,
  }, async () => {
    const { server, own, load } = await openWithCertificates()
    const others = await makeOthers()
    await renewServer(server, own, others)
    await allAre('STALE', /trusted authority; check ca .*; its files were read again and are unchanged/)
    await copyFile(join(others.folder, 'ca.pem'), join(folder, 'ca.pem'))
    await allAre(
      'STALE',
      /rejected the client certificate; check cert and key .*read again and are unchanged/,
    )
    await copyFile(join(others.folder, 'client.pem'), join(folder, 'client.pem'))
    await allAre('STALE', /read again and rejected: .*client-key\.pem does not match the certificate/)
    await copyFile(join(others.folder, 'client-key.pem'), join(folder, 'client-key.pem'))
    await goesOn(load, 'the other authority')
    await expectNothingLost(server, load)
  })

  it('that were written before the server uses them are taken when it does', {
    timeout: 60_000,
  }, async () => {
    const { server, own, load } = await openWithCertificates()
    const others = await makeOthers()
    for (const name of CLIENT_FILES) await copyFile(join(others.folder, name), join(folder, name))
    await goesOn(load, 'the old connection')
    await renewServer(server, own, others)
    await goesOn(load, 'the other authority')
    await expectNothingLost(server, load)
    expect(reasons()).toEqual([null, null])
  })
})

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Etcd3 } from 'etcd3'
import { afterEach, describe, expect, it } from 'vitest'
import { CALLED_ONCE } from '../../backends/etcd/connection/faults.ts'
import { createEtcdBackend } from '../../backends/etcd/index.ts'
import { makeKey } from '../../model/key.ts'
import type { Controller } from '../support/controller.ts'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'
import { makeJwtFlags } from '../support/etcd-jwt.ts'
import {
  change,
  expectAllReceived,
  expectOutcomesHold,
  openFollower,
  resyncsOf,
  startLoad,
  statesOf,
} from '../support/followers.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'

const LONG = process.env.CHAOS_LONG === '1'
const USER = { username: 'kytos', password: 'right' }

/** A loaded machine may take its time. */
const PATIENCE = { timeout: 15_000 }
let etcd: EtcdServer | undefined
let line: TcpProxy | undefined
let folder: string | undefined
const controllers: Controller[] = []

afterEach(async () => {
  await Promise.all(controllers.splice(0).map(one => one.close()))
  await line?.close()
  line = undefined
  await etcd?.stop()
  if (folder) await rm(folder, { recursive: true, force: true })
  folder = undefined
})

/** An etcd with users, and controllers on it, the last of them through a line that can be cut. */
async function openAll(
  args: readonly string[],
  count = 2,
): Promise<{ readonly server: EtcdServer; readonly cutter: TcpProxy }> {
  const server = await startEtcd({ auth: USER, args })
  etcd = server
  const cutter = await startTcpProxy(server.port)
  line = cutter
  for (let n = 1; n <= count; n++) {
    const endpoint = n === count ? `http://127.0.0.1:${cutter.port}` : server.endpoint
    controllers.push(await openFollower(`c${n}`, { endpoints: [endpoint], ...USER }))
  }
  return { server, cutter }
}

/** The flags of an etcd whose tokens are signed. */
async function signedTokens(): Promise<string[]> {
  folder = await mkdtemp(join(tmpdir(), 'kytos-jwt-'))
  return makeJwtFlags(folder, '2s')
}

const SIMPLE = ['--auth-token-ttl=1']
const RANGE = { key: Buffer.from('/kytos/'), range_end: Buffer.from('/kytos0') }

/** The rights of our user are taken away, and given back. */
function takeRights(server: EtcdServer): Promise<unknown> {
  return server.client.auth.roleRevokePermission({ role: 'settings', ...RANGE })
}
function giveRights(server: EtcdServer): Promise<unknown> {
  return server.client.auth.roleGrantPermission({
    name: 'settings',
    perm: { permType: 'Readwrite', ...RANGE },
  })
}

async function states(expected: string, timeout = 20_000): Promise<void> {
  const reasons = controllers.map(one => one.service.health().reason)
  await expect
    .poll(() => controllers.map(one => one.service.health().state), {
      timeout,
      message: `all ${expected}; were ${reasons}`,
    })
    .toEqual(controllers.map(() => expected))
}

const TOKENS: readonly (readonly [string, () => Promise<string[]>])[] = [
  ['simple tokens of one second', async () => SIMPLE],
  ['signed tokens (JWT) of two seconds', signedTokens],
]

describe('Without the right to write', () => {
  it('commits that share a transaction are refused as one alone is', async () => {
    const { server } = await openAll([], 0)
    const backend = createEtcdBackend(
      { endpoints: server.endpoints, prefix: '/kytos', timeout: 3, ...USER },
      { report: () => {} },
    )
    await backend.open()
    await takeRights(server)
    const outcomes = await Promise.allSettled(
      [1, 2, 3].map(n =>
        backend.commit([{ key: makeKey('settings', 'shared', `n${n}`), put: '{}', expected: 'absent' }]),
      ),
    )
    await backend.close()
    expect(outcomes.map(outcome => outcome.status === 'rejected' && outcome.reason.code)).toEqual(
      outcomes.map(() => 'STORE_REFUSED'),
    )
    expect(await server.client.getAll().prefix('/kytos/').count()).toBe(0)
  })
})

describe.each(TOKENS)('With %s', (_, flags) => {
  it('writes and watches go on across many expiries and cuts: each change once, none falsely refused', {
    timeout: 60_000,
  }, async () => {
    const { server, cutter } = await openAll(await flags())
    // A simple token lives as long as it is used: idle times are what lets it run out.
    for (let round = 0; round < (LONG ? 20 : 3); round++) {
      const load = startLoad(controllers, { name: `round${round}` })
      await delay(700)
      cutter.cut()
      await delay(300)
      const told = await load.stop()
      // The one whose line was cut says for a while that it cannot know; a token is no reason to refuse
      // anything.
      const refused = told.filter(({ outcome }) => outcome === 'refused')
      expect(refused.filter(({ id, code }) => code !== 'STORE_STALE' || id.includes(' 0.'))).toEqual([])
      await delay(1500)
      // The line is cut when the token has just run out: the watch comes back with one that is over.
      cutter.cut()
    }
    const steps = await expectAllReceived(server.client, controllers)
    expect(steps.length).toBeGreaterThan(20)
  })

  it('a right that is taken away makes it STALE with a reason, and READY with nothing lost once it is given back', {
    timeout: 60_000,
  }, async () => {
    const { server, cutter } = await openAll(await flags())
    const load = startLoad(controllers, { pause: 20 })
    await expect.poll(() => load.acked(), PATIENCE).toBeGreaterThan(10)
    await takeRights(server)
    // Some stand, one comes back.
    cutter.cut()
    await expect
      .poll(
        () => load.outcomes.filter(({ code }) => code === 'STORE_REFUSED' || code === 'STORE_STALE').length,
        PATIENCE,
      )
      .toBeGreaterThan(5)
    await states('STALE')
    const understood = (): boolean[] =>
      controllers.map(one => /grant readwrite to its role/.test(one.service.health().reason ?? ''))
    await expect.poll(understood, PATIENCE).toEqual(controllers.map(() => true))
    const refused = await Promise.all(
      controllers.map(one =>
        change(one, 'kytos/refused', { a: 1 }, `refused by ${controllers.indexOf(one)}`),
      ),
    )
    expect(refused.map(({ outcome }) => outcome)).toEqual(controllers.map(() => 'refused'))
    await giveRights(server)
    await states('READY')
    const before = load.acked()
    await expect.poll(() => load.acked(), PATIENCE).toBeGreaterThan(before + 10)
    const told = await load.stop()
    expectOutcomesHold(await expectAllReceived(server.client, controllers), [...told, ...refused])
  })

  it('a change of any role, a new password that is taken back, and authentication switched off and on need no restart', {
    timeout: 60_000,
  }, async () => {
    const { server, cutter } = await openAll(await flags())
    const { auth } = server.client
    const load = startLoad(controllers, { pause: 20 })
    const goesOn = async (what: string): Promise<void> => {
      const before = load.acked()
      await expect.poll(() => load.acked(), { timeout: 10_000, message: what }).toBeGreaterThan(before + 10)
      await states('READY')
    }
    await goesOn('the beginning')
    await auth.roleAdd({ name: 'another' })
    await auth.roleGrantPermission({
      name: 'another',
      perm: { permType: 'Read', key: Buffer.from('/x'), range_end: Buffer.from('/y') },
    })
    await goesOn('another role')
    cutter.cut()
    await goesOn('a cut after it')
    await auth.userChangePassword({ name: 'kytos', password: 'wrong' })
    cutter.cut()
    await delay(500)
    await auth.userChangePassword({ name: 'kytos', password: 'right' })
    await goesOn('the old password')
    await auth.authDisable()
    cutter.cut()
    await delay(500)
    // A client without a name: one with a name cannot even ask.
    const nobody = new Etcd3({ hosts: server.endpoint, faultHandling: CALLED_ONCE })
    await nobody.auth.authEnable().finally(() => nobody.close())
    await goesOn('authentication again')
    const told = await load.stop()
    expectOutcomesHold(await expectAllReceived(server.client, controllers), told)
    for (const one of controllers) expect(resyncsOf(one)).toEqual([])
    expect(controllers.flatMap(statesOf).filter(({ state }) => state === 'OFFLINE')).toEqual([])
  })
})

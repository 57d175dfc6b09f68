import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { parseCursor } from '../../model/cursor.ts'
import type { Controller } from '../support/controller.ts'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'
import { freePort } from '../support/etcd-process.ts'
import { change, expectCachesEqual, expectForward, openFollower, settled } from '../support/followers.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'

/*
 * An older backup is put back under the same name, token and addresses, so the cluster id stays the same, and
 * it is written to until its revision is above all that the controllers knew: nothing but the content tells
 * that it is another store.
 */

const run = promisify(execFile)
const NAMESPACES = ['kytos/a', 'kytos/b', 'kytos/c']

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

interface Scene {
  readonly server: EtcdServer
  readonly cutter: TcpProxy
  /** Saves the store as it is now. */
  readonly save: () => Promise<void>
  /** Puts what was saved back; the server is away meanwhile. */
  readonly restore: () => Promise<void>
}

/** Three controllers on one etcd, all behind one line. */
async function openScene(): Promise<Scene> {
  folder = await mkdtemp(join(tmpdir(), 'kytos-restore-'))
  const [dataDir, backup] = [join(folder, 'data'), join(folder, 'backup.db')]
  const ports = [await freePort(), await freePort()] as const
  const server = await startEtcd({ dataDir, ports })
  etcd = server
  const cutter = await startTcpProxy(server.port)
  line = cutter
  for (const id of ['one', 'two', 'three'])
    controllers.push(await openFollower(id, { endpoints: [`http://127.0.0.1:${cutter.port}`] }))
  const etcdctl = (...args: string[]) =>
    run('etcdctl', args, { env: { PATH: process.env.PATH, ETCDCTL_API: '3' } })
  const peer = `http://127.0.0.1:${ports[1]}`
  const same = [
    '--name=default',
    `--initial-cluster=default=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    '--initial-cluster-token=etcd-cluster',
  ]
  return {
    server,
    cutter,
    save: async () => {
      await rm(backup, { force: true })
      await etcdctl(`--endpoints=${server.endpoint}`, 'snapshot', 'save', backup)
    },
    restore: async () => {
      await server.kill()
      await rm(dataDir, { recursive: true, force: true })
      await etcdctl('snapshot', 'restore', backup, `--data-dir=${dataDir}`, ...same)
      await server.restart()
    },
  }
}

let changes = 0

/** So many changes of every namespace, by the controllers in turn. */
async function write(times: number): Promise<void> {
  for (let n = 0; n < times; n++) {
    for (const namespace of NAMESPACES) {
      const [writer] = controllers.slice(n % controllers.length)
      if (writer)
        expect((await change(writer, namespace, { n: changes++ }, `change ${changes}`)).outcome).toBe('acked')
    }
  }
}

/**
 * What an operator's script does to a store right after it was put back: puts until its revision is above all
 * that was known.
 */
async function overtake(server: EtcdServer, known: bigint, compact = false): Promise<void> {
  for (let n = 0; (await server.revision()) <= known + 5n; n++)
    await server.client.put(`/kytos/settings/${NAMESPACES[n % 3]}`).value(`{"by_hand":${n}}`)
  if (compact) await server.compact()
}

function epochs(): number[] {
  return controllers.map(one => one.service.health().epoch)
}

/**
 * Expects that all are in one new epoch, told the difference as `resync`, with nothing in it that is not in
 * the store, and go on from there together.
 */
async function expectNewEpoch(server: EtcdServer, before: number): Promise<void> {
  await expect.poll(() => Math.min(...epochs()), { timeout: 20_000 }).toBeGreaterThan(before)
  await settled(server.client, controllers)
  expect(new Set(epochs()).size).toBe(1)
  await write(2)
  await settled(server.client, controllers)
  await expectCachesEqual(server.client, controllers)
  for (const one of controllers) {
    expectForward(one)
    const [epoch] = epochs()
    // Revisions of the one epoch and of the other are never mixed: once in the new one, always; and the
    // difference comes first in it, at one revision.
    const first = one.changes.findIndex(({ content }) => parseCursor(content.cursor).epoch === epoch)
    const inside = one.changes
      .slice(first)
      .map(({ content }) => ({ origin: content.origin, ...parseCursor(content.cursor) }))
    expect(inside.every(cursor => cursor.epoch === epoch)).toBe(true)
    const difference = inside.filter(({ origin }) => origin === 'resync')
    expect(difference.length).toBeGreaterThan(0)
    expect(inside.slice(0, difference.length)).toEqual(difference)
    expect(new Set(difference.map(({ revision }) => revision)).size).toBe(1)
  }
}

describe('An older backup put back into the same cluster', () => {
  it('begins a new epoch on all who were connected, and again when it happens again', {
    timeout: 60_000,
  }, async () => {
    const { server, save, restore } = await openScene()
    await write(2)
    await save()
    await write(4)
    for (let times = 0; times < 2; times++) {
      const [before = 0] = epochs()
      await restore()
      await expectNewEpoch(server, before)
      await save()
      await write(3)
    }
  })

  it.each([
    ['has overtaken what they knew', false],
    ['has overtaken what they knew, and was compacted', true],
  ])(
    'is noticed by those whose line was down while it was put back, and %s',
    { timeout: 60_000 },
    async (_, compact) => {
      const { server, cutter, save, restore } = await openScene()
      await write(2)
      await save()
      await write(4)
      await settled(server.client, controllers)
      const [before = 0] = epochs()
      const known = await server.revision()
      cutter.refuse()
      await restore()
      await overtake(server, known, compact)
      cutter.resume()
      await expectNewEpoch(server, before)
    },
  )

  it('is noticed although the newest documents are, letter by letter and revision by revision, those that were known', {
    timeout: 60_000,
  }, async () => {
    const { server, cutter, save, restore } = await openScene()
    await write(2)
    await save()
    const saved = await server.revision()
    // By hand, without write ids: the one kind of change that can be made again exactly as it was.
    const puts = [
      ['kytos/a', '{"same":1}'] as const,
      ['kytos/b', '{"other":1}'] as const,
      ['kytos/a', '{"same":2}'] as const,
    ]
    await write(1)
    await settled(server.client, controllers)
    const known = await server.revision()
    const held = (
      await server.client.kv.range({
        key: Buffer.from('/kytos/settings/'),
        range_end: Buffer.from('/kytos/settings0'),
      })
    ).kvs
    const [before = 0] = epochs()
    cutter.refuse()
    await restore()
    // Every document of the cache is put again with its text at its revision; what lies between is other
    // keys.
    for (let at = saved + 1n; at <= known; at++) {
      const same = held.find(({ mod_revision }) => BigInt(mod_revision) === at)
      await (same
        ? server.client.kv.put({ key: same.key, value: same.value })
        : server.client.put('/elsewhere').value(String(at)))
    }
    for (const [namespace, text] of puts) await server.client.put(`/kytos/settings/${namespace}`).value(text)
    const again = (
      await server.client.kv.range({
        key: Buffer.from('/kytos/settings/kytos/c'),
        range_end: Buffer.from('/kytos/settings/kytos/d'),
      })
    ).kvs
    expect(again.map(({ mod_revision, value }) => [mod_revision, value.toString()])).toEqual(
      held.slice(-1).map(({ mod_revision, value }) => [mod_revision, value.toString()]),
    )
    cutter.resume()
    await expectNewEpoch(server, before)
  })
})

describe('A store that was wiped', () => {
  it('begins one new epoch on all, whether they were connected or not', { timeout: 60_000 }, async () => {
    const { server, cutter } = await openScene()
    await write(3)
    const [before = 0] = epochs()
    await server.restart({ wipe: true })
    await expectNewEpoch(server, before)
    const [second = 0] = epochs()
    const known = await server.revision()
    cutter.refuse()
    await server.restart({ wipe: true })
    await overtake(server, known)
    cutter.resume()
    await expectNewEpoch(server, second)
  })
})

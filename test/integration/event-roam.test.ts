import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { createEtcdBackend } from '../../backends/etcd/index.ts'
import { ask } from '../../events/ask.ts'
import { createBus } from '../../events/bus.ts'
import type { Bus } from '../../events/event.ts'
import { createService, type Service } from '../../src/app/service.ts'
import { openHttp } from '../../src/http/server.ts'
import { SnapshotFile } from '../../src/watcher/snapshot.ts'
import { keepLog } from '../support/controller.ts'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { type EventReader, readBus, readSse } from './event-readers.ts'

/*
 * Readers over real connections that move from one controller to another, which is behind. Their known state
 * equals the store at their cursor, at any controller.
 */

const SOON = { timeout: 15_000, interval: 20 }
const NS = 'me/counter'

interface Controller {
  readonly bus: Bus
  readonly service: Service
  readonly port: number
  /** The line to the store. */
  readonly store: TcpProxy
  close(): Promise<void>
}

let etcd: EtcdServer
let folder: string
beforeEach(async () => {
  etcd = await startEtcd()
  folder = await mkdtemp(join(tmpdir(), 'kytos-roam-'))
})
afterEach(async () => {
  await etcd.stop()
  await rm(folder, { recursive: true })
})

/** A controller with its own line to the store, which is away where `refused`. */
async function openController(id: string, refused = false): Promise<Controller> {
  const store = await startTcpProxy(etcd.port)
  if (refused) store.refuse()
  const log = keepLog()
  const root = createBus({ log })
  const snapshot = new SnapshotFile(join(folder, `${id}.json`), 'the store of this test', log)
  const options = { endpoints: [`http://127.0.0.1:${store.port}`], prefix: '/roam', timeout: 1 }
  const service = createService(report => createEtcdBackend(options, { report }), {
    bus: root,
    controller: id,
    strict: false,
    log,
    startTimeout: 10_000,
    snapshot,
  })
  const http = await openHttp({
    bus: root,
    feed: service.feed,
    health: service.health,
    listen: '127.0.0.1',
    port: 0,
    log,
    heartbeat: 200,
  })
  let closing: Promise<void> | undefined
  const close = () =>
    (closing ??= (async () => {
      await http.close()
      await service.close()
      await store.close()
    })())
  onTestFinished(close)
  await service.start()
  return { bus: root.view({ type: 'user', name: 'ann' }), service, port: http.port, store, close }
}

const set = ({ bus }: Controller, v: number, namespace = NS) =>
  ask(bus, 'kytos.settings.update', { namespace, data: { v } })

/** One reader over each kind of line, and the lines they share. */
async function openReaders({ port }: Controller) {
  const line = await startTcpProxy(port)
  onTestFinished(() => line.close())
  const url = `http://127.0.0.1:${line.port}`
  return { line, readers: [await readSse(url), await readBus(url)] as const }
}

async function know(readers: readonly EventReader[], v: number): Promise<void> {
  for (const reader of readers) {
    await expect.poll(() => reader.known.get(NS), { ...SOON, message: reader.name }).toEqual({ v })
    expect(reader.faults, reader.name).toEqual([])
  }
}

/** Leads the two readers of a line to another controller; resolves once they are there. */
async function lead(line: TcpProxy, to: Controller): Promise<void> {
  const before = line.connections
  line.lead(to.port)
  await expect.poll(() => line.connections - before, SOON).toBeGreaterThanOrEqual(2)
}

const become = ({ service }: Controller, state: string) =>
  expect.poll(() => service.health().state, SOON).toBe(state)

describe('readers that go to a controller which is behind them', () => {
  it('get one snapshot where it restarted from its last known state and the steps are gone, and the facts after that', async () => {
    const one = await openController('one')
    let two = await openController('two')
    const { line, readers } = await openReaders(one)
    await set(one, 1)
    await set(one, 1, 'me/gone')
    await ask(one.bus, 'kytos.storehouse.create', { namespace: 'net', box_id: 'x', data: {} })
    await expect.poll(() => two.service.health().revision, SOON).toBe(one.service.health().revision)
    await two.close()
    await set(one, 2)
    await know(readers, 2)
    const snapshots = readers.map(reader => reader.snapshots)

    two = await openController('two', true)
    expect(two.service.health().state).toBe('STALE')
    await lead(line, two)
    await set(one, 1)
    await ask(one.bus, 'kytos.settings.delete', { namespace: 'me/gone' })
    await ask(one.bus, 'kytos.storehouse.delete', { namespace: 'net', box_id: 'x' })
    await etcd.compact()
    // Neither receives the state with which this controller started, because they have received newer facts.
    expect(readers.map(reader => reader.known.get(NS))).toEqual([{ v: 2 }, { v: 2 }])

    two.store.resume()
    await know(readers, 1)
    await become(two, 'READY')
    await set(two, 3)
    await know(readers, 3)
    await ask(one.bus, 'kytos.storehouse.create', { namespace: 'net', box_id: 'y', data: {} })
    for (const [i, reader] of readers.entries()) {
      await expect.poll(() => [...reader.boxes], SOON).toEqual([['net/y', true]])
      expect([reader.name, reader.snapshots, reader.known.get('me/gone') ?? {}]).toEqual([
        reader.name,
        (snapshots[i] ?? 0) + 1,
        {},
      ])
      expect(reader.faults).toEqual([])
    }
  })

  it('get one snapshot from a controller that was disconnected until the steps were gone, while its own readers receive the difference', async () => {
    const [one, two] = [await openController('one'), await openController('two')]
    const roaming = await openReaders(one)
    const steady = await openReaders(two)
    await set(one, 1)
    await know([...roaming.readers, ...steady.readers], 1)
    two.store.refuse()
    await become(two, 'STALE')
    await set(one, 2)
    await set(one, 2, 'me/passing')
    await know(roaming.readers, 2)
    await lead(roaming.line, two)
    await ask(one.bus, 'kytos.settings.delete', { namespace: 'me/passing' })
    await set(one, 3)
    await etcd.compact()
    two.store.resume()
    await know([...roaming.readers, ...steady.readers], 3)
    await set(one, 4)
    await know([...roaming.readers, ...steady.readers], 4)
    for (const reader of roaming.readers)
      expect([reader.name, reader.snapshots, reader.known.get('me/passing')]).toEqual([
        reader.name,
        1,
        undefined,
      ])
    for (const reader of steady.readers) expect([reader.name, reader.snapshots]).toEqual([reader.name, 0])
  })

  it('resume without a snapshot and receive nothing twice from a controller that catches up step by step', async () => {
    const [one, two] = [await openController('one'), await openController('two')]
    const { line, readers } = await openReaders(one)
    await set(one, 1)
    await know(readers, 1)
    two.store.refuse()
    await become(two, 'STALE')
    for (const v of [2, 3, 4]) await set(one, v)
    await know(readers, 4)
    await lead(line, two)
    two.store.resume()
    await become(two, 'READY')
    for (const v of [5, 6]) await set(two, v)
    await know(readers, 6)
    for (const reader of readers)
      expect([reader.name, reader.snapshots, reader.changes]).toEqual([reader.name, 0, 6])
  })

  it('receive heartbeats while they wait', async () => {
    const one = await openController('one')
    const two = await openController('two')
    await set(one, 1)
    two.store.refuse()
    await become(two, 'STALE')
    await set(one, 2)
    const answer = await fetch(
      `http://127.0.0.1:${two.port}/api/kytos/settings/v1/events?since=${one.service.feed.cursor}`,
    )
    let text = ''
    for await (const chunk of answer.body ?? []) {
      text += Buffer.from(chunk).toString()
      if ((text.match(/: alive/g) ?? []).length >= 3) break
    }
    expect(text).not.toContain('event: settings.')
    // The position of the reader does not change, and is the id of the first block.
    expect(text.match(/^id: .*$/gm)).toEqual([`id: ${one.service.feed.cursor}`])
  })
})

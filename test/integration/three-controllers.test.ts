import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { createEtcdBackend } from '../../backends/etcd/index.ts'
import { compareCursors, parseCursor, START } from '../../model/cursor.ts'
import { isSettingsError } from '../../model/errors.ts'
import { parseJson } from '../../model/json.ts'
import { type Controller, openController } from '../support/controller.ts'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'

const NAMESPACES = Array.from({ length: 20 }, (_, i) => `kytos/napp_${i}`)
const ROUNDS = 84
const OUTAGE = 10_000

let etcd: EtcdServer | undefined
let controllers: Controller[] = []

afterEach(async () => {
  await Promise.all(controllers.splice(0).map(one => one.close()))
  await etcd?.stop()
  etcd = undefined
})

function openOn(endpoints: readonly string[], id: string): Promise<Controller> {
  return openController({
    id,
    backend: report => createEtcdBackend({ endpoints, prefix: '/kytos', timeout: 5 }, { report }),
  })
}

function openThree(server: EtcdServer): Promise<Controller[]> {
  return Promise.all(['one', 'two', 'three'].map(id => openOn(server.endpoints, id)))
}

/**
 * A PATCH that is retried until it is committed, as by an operator's script; a lost answer is looked up by
 * its write_id.
 */
async function patch(
  controller: Controller,
  namespace: string,
  data: { readonly [key: string]: number },
): Promise<void> {
  for (;;) {
    try {
      await controller.ask('kytos.settings.update', { namespace, data })
      return
    } catch (error) {
      if (!isSettingsError(error) || !(error.retryable || error.code === 'OUTCOME_UNKNOWN')) throw error
      if (
        error.code === 'OUTCOME_UNKNOWN' &&
        (await wasCommitted(controller, namespace, String(error.details.write_id)))
      )
        return
      await delay(100)
    }
  }
}

async function wasCommitted(controller: Controller, namespace: string, writeId: string): Promise<boolean> {
  for (;;) {
    try {
      const records = await controller.ask('kytos.settings.history', { namespace, limit: 1000 })
      return records.some(record => record.write_id === writeId)
    } catch (error) {
      if (isSettingsError(error, 'NAMESPACE_NOT_FOUND')) return false
      if (!isSettingsError(error) || !error.retryable) throw error
      await delay(100)
    }
  }
}

/** What one writer on each controller for each namespace does. */
async function write(rounds: number, done: () => void): Promise<void> {
  const writers = controllers.flatMap((controller, who) =>
    NAMESPACES.map(async namespace => {
      for (let round = 1; round <= rounds; round++) {
        await patch(controller, namespace, { [`from_${who}`]: round })
        done()
      }
    }),
  )
  await Promise.all(writers)
}

function versionsSeen(controller: Controller, namespace: string): number[] {
  return controller.changes.flatMap(({ content }) =>
    'version' in content && content.namespace === namespace ? [content.version] : [],
  )
}

async function expectCacheEqualsStore(
  server: EtcdServer,
  namespaces: readonly string[] = NAMESPACES,
): Promise<void> {
  for (const namespace of namespaces) {
    const stored = parseJson((await server.client.get(`/kytos/settings/${namespace}`).string()) ?? '{}')
    for (const controller of controllers) {
      const { data, overrides } = await controller.ask('kytos.settings.retrieve', { namespace, fresh: true })
      expect(overrides).toEqual(stored)
      expect(data).toEqual(stored)
    }
  }
}

describe('three controllers on one etcd', () => {
  it('see each of 5,040 versions once, in order, none marked resync, although etcd is killed for ten seconds', {
    timeout: 90_000,
  }, async () => {
    etcd = await startEtcd()
    controllers = await openThree(etcd)
    const total = ROUNDS * NAMESPACES.length * controllers.length
    let committed = 0
    let outage: Promise<void> | undefined
    const breakOnce = async (server: EtcdServer) => {
      await server.kill()
      await delay(OUTAGE)
      await server.restart()
    }
    const server = etcd
    await write(ROUNDS, () => {
      if (++committed >= total / 2) outage ??= breakOnce(server)
    })
    await outage
    await expectCacheEqualsStore(etcd)
    const all = Array.from({ length: ROUNDS * controllers.length }, (_, i) => i + 1)
    for (const controller of controllers) {
      for (const namespace of NAMESPACES) expect(versionsSeen(controller, namespace)).toEqual(all)
      expect(controller.changes.filter(({ content }) => content.origin !== 'live')).toEqual([])
      expect(
        controller.facts
          .filter(({ name }) => name === 'settings.state')
          .map(({ content }) => (content as { state: string }).state),
      ).toEqual(expect.arrayContaining(['STALE', 'READY']))
    }
  })

  it('receive the difference as resync when the steps were compacted while they were disconnected', {
    timeout: 60_000,
  }, async () => {
    etcd = await startEtcd()
    const line = await startTcpProxy(etcd.port)
    try {
      controllers = await Promise.all([
        openOn(etcd.endpoints, 'one'),
        ...['two', 'three'].map(id => openOn([`http://127.0.0.1:${line.port}`], id)),
      ])
      await write(2, () => {})
      line.refuse()
      const [one, ...others] = controllers
      if (!one) throw new Error('no controller')
      await expect
        .poll(() => others.map(other => other.service.health().state), { timeout: 10_000 })
        .toEqual(['STALE', 'STALE'])
      for (const namespace of NAMESPACES)
        for (let round = 1; round <= 3; round++) await patch(one, namespace, { away: round })
      await one.ask('kytos.settings.delete', { namespace: NAMESPACES[0] ?? '' })
      await etcd.compact()
      line.resume()
      await expect
        .poll(() => others.map(other => other.service.health().state), { timeout: 20_000 })
        .toEqual(['READY', 'READY'])
      await expectCacheEqualsStore(etcd, NAMESPACES.slice(1))
      for (const other of others) {
        const resynced = other.changes.filter(({ content }) => content.origin === 'resync')
        // Each namespace once, at its last state: the steps between are lost with the history.
        expect(resynced).toHaveLength(NAMESPACES.length)
        for (const namespace of NAMESPACES) expectChained(other, namespace)
        expect(resynced.map(({ content }) => ('data' in content ? content.data.away : 0)).sort()).toEqual([
          ...NAMESPACES.slice(1).map(() => 3),
          undefined,
        ])
      }
      expect(one.changes.filter(({ content }) => content.origin !== 'live')).toEqual([])
    } finally {
      await Promise.all(controllers.splice(0).map(one => one.close()))
      await line.close()
    }
  })

  it('import hand edits of another client in etcd, with one record for each edit', {
    timeout: 30_000,
  }, async () => {
    etcd = await startEtcd()
    controllers = await openThree(etcd)
    const [one] = controllers
    const namespace = 'kytos/of_lldp'
    const key = `/kytos/settings/${namespace}`
    await one?.ask('kytos.settings.register', {
      namespace,
      schema: { properties: { polling_time: { type: 'integer', default: 3 } } },
    })
    await one?.ask('kytos.settings.update', { namespace, data: { polling_time: 4 } })
    const heard = () => controllers.map(controller => versionsSeen(controller, namespace).at(-1))
    await etcd.client.put(key).value('{ "polling_time": 5 }')
    await expect.poll(heard).toEqual([2, 2, 2])
    // The text is ignored for the version before it, and the value of that one for the default.
    for (const broken of ['{"polling_time": "soon"}', 'not JSON']) await etcd.client.put(key).value(broken)
    const rejected = () =>
      controllers.map(({ facts }) => facts.filter(({ name }) => name === 'settings.rejected').length)
    await expect.poll(rejected).toEqual([2, 2, 2])
    for (const controller of controllers) {
      expect(await controller.ask('kytos.settings.retrieve', { namespace })).toMatchObject({
        data: { polling_time: 3 },
      })
    }
    await etcd.client.delete().key(key)
    const effective = () =>
      Promise.all(
        controllers.map(
          async controller => (await controller.ask('kytos.settings.retrieve', { namespace })).data,
        ),
      )
    await expect.poll(effective).toEqual(controllers.map(() => ({ polling_time: 3 })))
    const last = await one?.ask('kytos.settings.update', { namespace, data: { polling_time: 6 } })
    const history = (await one?.ask('kytos.settings.history', { namespace })) ?? []
    expect(history.map(({ version }) => version)).toEqual(
      Array.from({ length: last?.version ?? 0 }, (_, i) => (last?.version ?? 0) - i),
    )
    expect(history.map(({ kind, actor }) => `${kind} ${actor.type}`)).toEqual([
      'created napp',
      'deleted file',
      ...history.slice(2, -1).map(() => 'updated file'),
      'created napp',
    ])
  })

  it('begin one new epoch together when the store was wiped, and continue in it', {
    timeout: 60_000,
  }, async () => {
    etcd = await startEtcd()
    controllers = await openThree(etcd)
    await write(1, () => {})
    const before = Math.max(...controllers.map(one => one.service.health().epoch))
    await etcd.restart({ wipe: true })
    await expect
      .poll(() => controllers.map(one => one.service.health().epoch > before && one.service.health().state), {
        timeout: 20_000,
      })
      .toEqual(['READY', 'READY', 'READY'])
    expect(new Set(controllers.map(one => one.service.health().epoch)).size).toBe(1)
    await write(1, () => {})
    await expectCacheEqualsStore(etcd)
    for (const controller of controllers) {
      for (const namespace of NAMESPACES) expectChained(controller, namespace)
      const cursors = controller.changes.map(({ content }) => parseCursor(content.cursor))
      expect(
        cursors.every((cursor, i) => i === 0 || compareCursors(cursors[i - 1] ?? START, cursor) < 0),
      ).toBe(true)
    }
  })
})

/** What a listener sees as before is what it saw last. */
function expectChained(controller: Controller, namespace: string): void {
  let last = {}
  for (const { content } of controller.changes) {
    if (!('data' in content) || content.namespace !== namespace) continue
    expect(content.previous).toEqual(last)
    last = content.data
  }
}

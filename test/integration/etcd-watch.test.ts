import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Backend, Batch, Problem } from '../../backends/backend.ts'
import { Credentials } from '../../backends/etcd/connection/credentials.ts'
import { EndpointPool } from '../../backends/etcd/connection/endpoint-pool.ts'
import { createEtcdBackend } from '../../backends/etcd/index.ts'
import { KeyMapper } from '../../backends/etcd/key-mapper.ts'
import { watchOnce } from '../../backends/etcd/watch.ts'
import type { Revision } from '../../model/document.ts'
import { EVERYTHING, makeKey } from '../../model/key.ts'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'
import { startReader } from '../support/etcd-reader.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'

let etcd: EtcdServer
let proxy: TcpProxy
const opened: Backend[] = []
const problems: Problem[] = []

beforeAll(async () => {
  etcd = await startEtcd()
  proxy = await startTcpProxy(etcd.port)
})

afterEach(async () => {
  proxy.resume()
  await Promise.all(opened.splice(0).map(backend => backend.close()))
})

afterAll(async () => {
  await proxy.close()
  await etcd.stop()
})

async function openBackend(port: number, prefix: string): Promise<Backend> {
  const backend = createEtcdBackend(
    { endpoints: [`http://127.0.0.1:${port}`], prefix, timeout: 4 },
    { report: problem => problems.push(problem) },
  )
  opened.push(backend)
  await backend.open()
  return backend
}

/**
 * Commits pairs of keys one after the other, a delete now and then, until aborted; returns its commits.
 */
async function write(backend: Backend, signal: AbortSignal, pauseMs = 0): Promise<Map<Revision, string[]>> {
  const done = new Map<Revision, string[]>()
  for (let n = 0; !signal.aborted; n++) {
    const pair = [makeKey('settings', 'w', `a${n % 7}`), makeKey('settings', 'w', `b${n % 5}`)] as const
    const outcome = await backend
      .commit([
        n % 6 === 5 ? { key: pair[0], delete: true } : { key: pair[0], put: `${n}` },
        { key: pair[1], put: `${n}` },
      ])
      .catch(() => undefined)
    if (outcome?.committed) done.set(outcome.revision, [...pair])
    if (pauseMs > 0) await delay(pauseMs)
  }
  return done
}

function revisions(batches: readonly Batch[]): Revision[] {
  return batches.map(batch => batch.revision)
}

describe('A watch of a real etcd', () => {
  it('loses nothing and repeats nothing while its connection is cut repeatedly, also in the middle of catching up', async () => {
    const direct = await openBackend(etcd.port, '/cuts')
    const through = await openBackend(proxy.port, '/cuts')
    const reader = startReader(through, await etcd.revision())
    const over = new AbortController()
    const writers = [1, 2, 3].map(() => write(direct, over.signal))
    for (let n = 0; n < 40; n++) {
      await delay(20 + 40 * (n % 4))
      if (n % 2 === 0) proxy.cut()
      else proxy.cutAfter(500 * n)
    }
    over.abort()
    const done = new Set((await Promise.all(writers)).flatMap(each => [...each.keys()]))
    proxy.resume()
    const last = await etcd.revision()
    await reader.until(({ batches }) => batches.at(-1)?.revision === last)
    await reader.stop()
    expect(reader.opened).toBeGreaterThan(10)
    expect(revisions(reader.batches)).toEqual([...done].sort((a, b) => (a < b ? -1 : 1)))
  })

  it('loses no commit across kills and restarts of the server', async () => {
    const direct = await openBackend(etcd.port, '/kills')
    const reader = startReader(direct, await etcd.revision())
    const over = new AbortController()
    const writer = write(direct, over.signal, 1)
    for (let n = 0; n < 3; n++) {
      await delay(150)
      await etcd.kill()
      await etcd.restart()
    }
    over.abort()
    const known = [...(await writer).keys()]
    const last = await etcd.revision()
    await reader.until(({ batches }) => batches.at(-1)?.revision === last)
    await reader.stop()
    const given = revisions(reader.batches)
    expect(given).toEqual([...new Set(given)].sort((a, b) => (a < b ? -1 : 1)))
    expect(given).toEqual(expect.arrayContaining(known))
    // Every revision since is of this writer, so a gap would show.
    expect(given.at(-1)).toBe((given[0] ?? 0n) + BigInt(given.length) - 1n)
  })

  it('is cut within 5 s when the line has become a black hole', async () => {
    const through = await openBackend(proxy.port, '/hole')
    const watch = through.watch(await etcd.revision(), new AbortController().signal)[Symbol.asyncIterator]()
    await watch.next()
    proxy.stall()
    const start = performance.now()
    await expect(
      (async () => {
        for (;;) await watch.next()
      })(),
    ).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
    expect(performance.now() - start).toBeLessThan(5000)
  })

  it('reports that it has caught up when other clients write elsewhere, and never reports more than it has delivered', async () => {
    const direct = await openBackend(etcd.port, '/busy')
    const elsewhere = await openBackend(etcd.port, '/elsewhere')
    const since = await etcd.revision()
    const over = new AbortController()
    const noise = write(elsewhere, over.signal)
    await delay(30)
    const target = await etcd.revision()
    const reader = startReader(direct, since)
    await reader.until(({ given }) => given.some(({ revision }) => revision >= target))
    await direct.commit([{ key: makeKey('settings', 'x', 'y'), put: '1' }])
    await reader.until(({ batches }) => batches.length === 1)
    over.abort()
    await noise
    await reader.stop()
    expect(revisions(reader.given)).toEqual(revisions(reader.given).toSorted((a, b) => (a < b ? -1 : 1)))
  })

  it('delivers a revision larger than a fragment as a whole, when responses arrive in fragments', async () => {
    const direct = await openBackend(etcd.port, '/large')
    const since = await etcd.revision()
    for (let n = 0; n < 8; n++) {
      await direct.commit(
        ['a', 'b', 'c'].map(sign => ({
          key: makeKey('boxes', 'large', `${sign}${n}`),
          put: `"${sign.repeat(450_000)}"`,
        })),
      )
    }
    const options = { endpoints: etcd.endpoints, prefix: '/large', timeout: 4 }
    const link = new EndpointPool(new Credentials(options))
    const cluster = (await link.client.kv.range({ key: Buffer.from('/large/') })).header.cluster_id
    const end = new AbortController()
    const sizes: number[] = []
    const identity = { cluster, inStep: false, fragment: true, slack: 1 }
    for await (const { changes } of watchOnce(
      link,
      new KeyMapper('/large', () => {}),
      identity,
      options,
      since,
      end.signal,
    )) {
      if (changes.length > 0) sizes.push(changes.length)
      if (sizes.length === 8) end.abort()
    }
    link.close()
    expect(sizes).toEqual(Array(8).fill(3))
  })

  it('skips foreign keys, which are reported once each, and still passes their revisions', async () => {
    const direct = await openBackend(etcd.port, '/foreign')
    const since = await etcd.revision()
    problems.length = 0
    await etcd.client.put('/foreign/other').value('x')
    await etcd.client.put('/foreign/settings/%41/b').value('x')
    await etcd.client.put('/foreign/other').value('y')
    await direct.commit([{ key: makeKey('settings', 'a', 'b'), put: '1' }])
    const last = await etcd.revision()
    const reader = startReader(direct, since)
    await reader.until(({ batches }) => batches.length === 1)
    await reader.stop()
    expect(revisions(reader.given.slice(-1))).toEqual([last])
    const entries = []
    for await (const page of (await direct.list(EVERYTHING)).pages) entries.push(...page)
    expect(entries.map(entry => entry.key)).toEqual(['settings/a/b'])
    expect(problems.map(({ code, source }) => [code, source])).toEqual([
      ['KEY_FOREIGN', '/foreign/other'],
      ['KEY_FOREIGN', '/foreign/settings/%41/b'],
    ])
  })

  it('delivers hand edits and expired keys like any other change', async () => {
    const direct = await openBackend(etcd.port, '/hands')
    const reader = startReader(direct, await etcd.revision())
    const lease = await etcd.client.leaseClient.leaseGrant({ TTL: 1 })
    await etcd.client.kv.put({
      key: Buffer.from('/hands/settings/a/b'),
      value: Buffer.from('{"x": 1}'),
      lease: lease.ID,
    })
    await reader.until(({ batches }) => batches.length === 2)
    await reader.stop()
    expect(reader.batches.flatMap(batch => batch.changes.map(change => change.type))).toEqual([
      'put',
      'delete',
    ])
    expect(reader.batches[0]?.changes[0]).toMatchObject({ entry: { key: 'settings/a/b', text: '{"x": 1}' } })
  })

  it('ends with HISTORY_LOST when its next steps were compacted, and a listing in the middle of its pages does too', async () => {
    const direct = await openBackend(etcd.port, '/compacted')
    const since = await etcd.revision()
    for (let n = 0; n < 300; n++)
      await direct.commit([{ key: makeKey('boxes', 'many', `n${n}`), put: String(n) }])
    const { pages } = await direct.list(EVERYTHING)
    const iterator = pages[Symbol.asyncIterator]()
    expect((await iterator.next()).value).toHaveLength(32)
    await direct.commit([{ key: makeKey('boxes', 'many', 'more'), put: '1' }])
    await etcd.compact()
    await expect(iterator.next()).rejects.toMatchObject({ code: 'HISTORY_LOST' })
    const compacted = String(await etcd.revision())
    const watch = direct.watch(since, new AbortController().signal)[Symbol.asyncIterator]()
    await expect(watch.next().then(() => watch.next())).rejects.toMatchObject({
      code: 'HISTORY_LOST',
      details: { reason: 'compacted', compact_revision: compacted },
    })
  })

  it('ends with HISTORY_LOST when the store was wiped, whether or not it calls itself the same', async () => {
    const direct = await openBackend(etcd.port, '/wiped')
    await direct.commit([{ key: makeKey('settings', 'a', 'b'), put: '1' }])
    const since = await etcd.revision()
    const reader = startReader(direct, since)
    await reader.until(({ given }) => given.length > 0)
    await etcd.restart({ wipe: true })
    await expect(reader.until(() => false)).rejects.toMatchObject({
      code: 'HISTORY_LOST',
      details: { reason: 'rewound' },
    })
    await reader.stop()
    const fresh = startReader(direct, (await direct.list(EVERYTHING)).revision)
    await direct.commit([{ key: makeKey('settings', 'a', 'b'), put: '1' }])
    await fresh.until(({ batches }) => batches.length === 1)
    await fresh.stop()
  })

  it('ends with HISTORY_LOST when another cluster answers', async () => {
    const through = await openBackend(proxy.port, '/moved')
    const other = await startEtcd({ args: ['--initial-cluster-token=another'] })
    try {
      const reader = startReader(through, 1n)
      await reader.until(({ given }) => given.length > 0)
      proxy.lead(other.port)
      await expect(reader.until(() => false)).rejects.toMatchObject({
        code: 'HISTORY_LOST',
        details: { reason: 'other store' },
      })
      await reader.stop()
      await through.close()
    } finally {
      proxy.lead(etcd.port)
      await other.stop()
    }
  })
})

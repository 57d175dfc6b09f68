import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Backend } from '../../backends/backend.ts'
import { createEtcdBackend } from '../../backends/etcd/index.ts'
import { isSettingsError } from '../../model/errors.ts'
import { historyKey, historyPrefix, makeKey } from '../../model/key.ts'
import { type EtcdCluster, startEtcd, startEtcdCluster } from '../support/etcd.ts'
import { startReader } from '../support/etcd-reader.ts'

describe('A cluster of three etcds', () => {
  let cluster: EtcdCluster
  let backend: Backend
  beforeAll(async () => {
    cluster = await startEtcdCluster()
    backend = createEtcdBackend(
      { endpoints: cluster.endpoints, prefix: '/cluster', timeout: 8 },
      { report: () => {} },
    )
    await backend.open()
  })
  afterAll(async () => {
    await backend.close()
    await cluster.stop()
  })

  it('accepts writes and watches while its leader is frozen and another member is killed: each write is applied once and received once', async () => {
    const counters = [0, 1, 2, 3].map(n => makeKey('settings', 'cluster', `c${n}`))
    const start = (await backend.list(historyPrefix(makeKey('settings', 'cluster')))).revision
    const reader = startReader(backend, start)
    const over = new AbortController()
    const unknown: string[] = []
    const raised = counters.map(async counter => {
      let version = 0
      while (!over.signal.aborted) {
        const held = await backend.get(counter).catch(() => undefined)
        const next = Number(held?.text ?? 0) + 1
        const record = randomUUID()
        await backend
          .commit([
            { key: counter, put: String(next), expected: held?.modRevision ?? 'absent' },
            {
              key: historyKey(counter, next),
              put: `"${record}"`,
              expected: 'absent',
              marker: true,
              lasting: true,
            },
          ])
          .then(({ committed }) => {
            if (committed) version = next
          })
          .catch(error => {
            if (isSettingsError(error, 'OUTCOME_UNKNOWN')) unknown.push(record)
            else if (!isSettingsError(error, 'STORE_UNREACHABLE')) throw error
          })
        await delay(2)
      }
      return version
    })
    await delay(300)
    const frozen = await cluster.leader()
    cluster.nodes[frozen]?.pause()
    await delay(3000)
    cluster.nodes[frozen]?.resume()
    await delay(500)
    const killed = await cluster.leader()
    await cluster.nodes[killed]?.kill()
    await delay(2500)
    await cluster.nodes[killed]?.restart()
    over.abort()
    const versions = await Promise.all(raised)
    const ends = await Promise.all(counters.map(counter => backend.get(counter)))
    expect(Math.min(...versions)).toBeGreaterThan(3)
    for (const [n, version] of versions.entries()) {
      expect(Number(ends[n]?.text)).toBeGreaterThanOrEqual(version)
      expect(Number(ends[n]?.text)).toBeLessThanOrEqual(version + unknown.length)
    }
    const last = ends.reduce(
      (most, entry) => (entry && entry.modRevision > most ? entry.modRevision : most),
      0n,
    )
    await reader.until(({ batches }) => (batches.at(-1)?.revision ?? 0n) >= last)
    await reader.stop()
    for (const [n, counter] of counters.entries()) {
      const puts = reader.batches.flatMap(({ changes }) =>
        changes.flatMap(change =>
          change.type === 'put' && change.entry.key === counter ? change.entry.text : [],
        ),
      )
      expect(puts).toEqual(Array.from({ length: Number(ends[n]?.text) }, (_, at) => String(at + 1)))
    }
  })
})

describe('An etcd whose space is used up', () => {
  it('refuses commits with STORE_FULL, still reads, and takes commits again once it has space', async () => {
    const etcd = await startEtcd({ args: ['--quota-backend-bytes=2097152'] })
    const backend = createEtcdBackend(
      { endpoints: etcd.endpoints, prefix: '/full', timeout: 3 },
      { report: () => {} },
    )
    await backend.open()
    const key = makeKey('boxes', 'full', 'box')
    const fill = async (): Promise<void> => {
      for (;;) await backend.commit([{ key, put: `"${'x'.repeat(500_000)}"` }])
    }
    await expect(fill()).rejects.toMatchObject({ code: 'STORE_FULL' })
    expect((await backend.get(key))?.text).toHaveLength(500_002)
    await etcd.compact()
    await etcd.client.maintenance.defragment()
    const { alarms } = await etcd.client.maintenance.alarm({ action: 'Get' })
    for (const { memberID, alarm } of alarms)
      await etcd.client.maintenance.alarm({ action: 'Deactivate', memberID, alarm })
    expect((await backend.commit([{ key, put: '1' }])).committed).toBe(true)
    await backend.close()
    await etcd.stop()
  })
})

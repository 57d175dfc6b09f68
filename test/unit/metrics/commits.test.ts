import { Registry } from 'prom-client'
import { expect, it, onTestFinished } from 'vitest'
import type { Backend, Batch } from '../../../backends/backend.ts'
import { createMemoryBackend, createMemoryStore } from '../../../backends/memory/index.ts'
import { SettingsError } from '../../../model/errors.ts'
import { makeKey } from '../../../model/key.ts'
import { createCommitMeter } from '../../../src/metrics/commits.ts'
import { openController } from '../../support/controller.ts'
import { samples } from './samples.ts'

const COMMITS = 'kytos_settings_commits_total'
const SECONDS = 'kytos_settings_commit_seconds'
const LAG = 'kytos_settings_watch_lag_seconds'
const KEY = makeKey('boxes', 'net', 'a')

/** A measured backend, open, and what was measured. */
async function openMeasured(change: (backend: Backend) => Backend = backend => backend) {
  const registry = new Registry()
  const store = createMemoryStore()
  const backend = createCommitMeter(registry).measure(
    change(createMemoryBackend({ report: () => {} }, store)),
  )
  await backend.open()
  const end = new AbortController()
  onTestFinished(async () => {
    end.abort()
    await backend.close()
  })
  return { backend, store, signal: end.signal, measured: () => samples(registry) }
}

it('commits are counted by their outcome, and each is timed', async () => {
  const { backend, measured } = await openMeasured()
  expect(await measured()).toMatchObject({
    [`${COMMITS}{outcome="done"}`]: 0,
    [`${COMMITS}{outcome="lost"}`]: 0,
    [`${COMMITS}{outcome="failed"}`]: 0,
  })
  await backend.commit([{ key: KEY, put: '1', expected: 'absent' }])
  await backend.commit([{ key: KEY, put: '2', expected: 'absent' }])
  await expect(backend.commit([])).rejects.toMatchObject({ code: 'CONTENT_MALFORMED' })
  expect(await measured()).toMatchObject({
    [`${COMMITS}{outcome="done"}`]: 1,
    [`${COMMITS}{outcome="lost"}`]: 1,
    [`${COMMITS}{outcome="failed"}`]: 1,
    [`${SECONDS}_count`]: 3,
  })
})

it('a commit takes as long as the store takes to answer', async () => {
  const commit = () =>
    new Promise<never>((_resolve, reject) =>
      setTimeout(() => reject(new SettingsError('STORE_UNREACHABLE', 'away')), 60),
    )
  const { backend, measured } = await openMeasured(inner => Object.assign(inner, { commit }))
  await expect(backend.commit([{ key: KEY, put: '1' }])).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
  const found = await measured()
  expect(found[`${SECONDS}_sum`]).toBeGreaterThan(0.055)
  expect(found[`${SECONDS}_bucket{le="0.05"}`]).toBe(0)
  expect(found[`${SECONDS}_bucket{le="30"}`]).toBe(1)
})

it('the watch lags until whoever takes its batches is done with the one of the commit', async () => {
  const { backend, signal, measured } = await openMeasured()
  const batches = backend.watch(0n, signal)[Symbol.asyncIterator]()
  await batches.next() // caught up with nothing
  await backend.commit([{ key: KEY, put: '1' }])
  await backend.commit([{ key: KEY, put: '2' }])
  const lagged = async () => (await measured())[`${LAG}_count`]
  let given = 0
  while (given < 2) {
    const { value } = await batches.next()
    if (value.changes.length === 0) continue
    given++
    expect(await lagged()).toBe(given - 1)
  }
  await new Promise(resolve => setTimeout(resolve, 60))
  void batches.next()
  await expect.poll(lagged).toBe(2)
  const found = await measured()
  expect(found[`${LAG}_sum`]).toBeGreaterThan(0.055)
  expect(found[`${LAG}_bucket{le="0.05"}`]).toBe(1)
})

it('progress, which may run ahead of what it stands for, ends no waiting', async () => {
  async function* watch(): AsyncGenerator<Batch> {
    yield { revision: 9n, changes: [] }
    yield { revision: 9n, changes: [{ type: 'delete', key: KEY, revision: 9n }] }
  }
  const { backend, signal, measured } = await openMeasured(inner => Object.assign(inner, { watch }))
  await backend.commit([{ key: KEY, put: '1' }])
  const batches = backend.watch(0n, signal)[Symbol.asyncIterator]()
  const lagged = async () => (await measured())[`${LAG}_count`]
  await batches.next()
  await batches.next()
  expect(await lagged()).toBe(0)
  await batches.next()
  expect(await lagged()).toBe(1)
})

it('what leaves nothing for the watch is not waited for', async () => {
  const { backend, signal, measured } = await openMeasured()
  await backend.commit([{ key: KEY, delete: true }])
  await backend.commit([{ key: KEY, check: true, expected: 'absent' }])
  const batches = backend.watch(0n, signal)[Symbol.asyncIterator]()
  await batches.next()
  await backend.commit([{ key: KEY, put: '1' }])
  let value = (await batches.next()).value
  while (value.changes.length === 0) value = (await batches.next()).value
  void batches.next()
  await expect.poll(async () => (await measured())[`${LAG}_count`]).toBe(1)
})

it('a measured store is the same store to a controller', async () => {
  const registry = new Registry()
  const one = await openController({
    backend: report => createCommitMeter(registry).measure(createMemoryBackend({ report })),
  })
  onTestFinished(() => one.close())
  for (const n of [1, 2, 3]) await one.ask('kytos.settings.update', { namespace: 'kytos/a', data: { n } })
  await expect.poll(async () => (await samples(registry))[`${LAG}_count`]).toBeGreaterThanOrEqual(3)
  const found = await samples(registry)
  expect(found[`${COMMITS}{outcome="done"}`]).toBeGreaterThanOrEqual(3)
  expect(found[`${LAG}_bucket{le="1"}`]).toBe(found[`${LAG}_count`])
})

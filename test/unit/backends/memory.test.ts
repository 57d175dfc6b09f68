import assert from 'node:assert/strict'
import { afterEach, describe, it, vi } from 'vitest'
import type { Backend, Batch } from '../../../backends/backend.ts'
import { createMemoryBackend, createMemoryStore } from '../../../backends/memory/index.ts'
import { isSettingsError } from '../../../model/errors.ts'
import { EVERYTHING, makeKey } from '../../../model/key.ts'

const KEY = makeKey('settings', 'kytos', 'alpha')

/** The batches that are there now, progress left out. */
async function replayed(backend: Backend, since: bigint): Promise<readonly Batch[]> {
  const end = new AbortController()
  const batches: Batch[] = []
  for await (const batch of backend.watch(since, end.signal)) {
    if (batch.changes.length === 0) end.abort()
    else batches.push(batch)
  }
  return batches
}

async function opened(backend: Backend): Promise<Backend> {
  await backend.open()
  return backend
}

afterEach(() => {
  vi.useRealTimers()
})

describe('The memory backend', () => {
  it('keeps a window of batches, and says when a watch looks back further', async () => {
    const backend = await opened(createMemoryBackend(undefined, createMemoryStore({ window: 3 })))
    for (const n of [1, 2, 3, 4, 5]) await backend.commit([{ key: KEY, put: String(n) }])
    assert.deepEqual(
      (await replayed(backend, 2n)).map(batch => batch.revision),
      [3n, 4n, 5n],
    )
    for (const since of [0n, 1n, 6n])
      await assert.rejects(replayed(backend, since), error => isSettingsError(error, 'HISTORY_LOST'))
    assert.equal((await backend.get(KEY))?.modRevision, 5n)
    assert.equal((await backend.get(KEY))?.createRevision, 1n)
  })

  it('ends the watch of a reader that fell out of the window', async () => {
    const backend = await opened(createMemoryBackend(undefined, createMemoryStore({ window: 3 })))
    const reader = backend.watch(0n, new AbortController().signal)[Symbol.asyncIterator]()
    await reader.next()
    for (const n of [1, 2, 3, 4, 5]) await backend.commit([{ key: KEY, put: String(n) }])
    await assert.rejects(
      async () => reader.next(),
      error => isSettingsError(error, 'HISTORY_LOST'),
    )
  })

  it('is alone unless it is given a store', async () => {
    const [one, two] = [await opened(createMemoryBackend()), await opened(createMemoryBackend())]
    await one.commit([{ key: KEY, put: '{}' }])
    assert.equal(await two.get(KEY), undefined)
    assert.deepEqual(
      [one.supports.sharing, createMemoryBackend(undefined, createMemoryStore()).supports.sharing],
      [false, true],
    )
  })

  it('counts a ttl by timers that can be faked, also one longer than a timer can hold', async () => {
    vi.useFakeTimers()
    const backend = await opened(createMemoryBackend())
    const days = 60 * 24 * 3600
    await backend.commit([{ key: KEY, put: '{}', ttl: days }])
    await vi.advanceTimersByTimeAsync(days * 1000 - 1)
    assert.ok(await backend.get(KEY))
    await vi.advanceTimersByTimeAsync(1)
    assert.equal(await backend.get(KEY), undefined)
    assert.deepEqual(
      (await replayed(backend, 1n)).map(batch => batch.changes),
      [[{ type: 'delete', key: KEY, revision: 2n }]],
    )
  })

  it('refuses every call before it is open', async () => {
    const backend = createMemoryBackend()
    const calls = [
      () => backend.get(KEY),
      () => backend.list(EVERYTHING),
      () => backend.commit([{ key: KEY, put: '{}' }]),
      () => replayed(backend, 0n),
    ]
    for (const call of calls) await assert.rejects(call, error => isSettingsError(error, 'STORE_UNREACHABLE'))
  })

  it('gives one revision to each commit that changes something, without a hole', async () => {
    const backend = await opened(createMemoryBackend())
    for (const [commit, revision] of [
      [{ key: KEY, put: '1' }, 1n],
      [{ key: KEY, check: true, expected: 1n }, 1n],
      [{ key: KEY, delete: true }, 2n],
      [{ key: KEY, delete: true }, 2n],
      [{ key: KEY, put: '2' }, 3n],
    ] as const) {
      assert.deepEqual(await backend.commit([commit]), { committed: true, revision })
    }
  })
})

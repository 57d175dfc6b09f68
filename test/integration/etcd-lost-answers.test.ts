import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Backend } from '../../backends/backend.ts'
import { createEtcdBackend } from '../../backends/etcd/index.ts'
import type { Revision } from '../../model/document.ts'
import { isSettingsError } from '../../model/errors.ts'
import { historyKey, type Key, makeKey } from '../../model/key.ts'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'
import { startMessageProxy } from '../support/message-proxy.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'

let etcd: EtcdServer
let proxy: TcpProxy
let direct: Backend
const opened: Backend[] = []

beforeAll(async () => {
  etcd = await startEtcd()
  proxy = await startTcpProxy(etcd.port)
  direct = await openBackend(etcd.port)
})

afterEach(() => proxy.resume())
afterAll(async () => {
  proxy.resume()
  await Promise.all(opened.map(backend => backend.close()))
  await proxy.close()
  await etcd.stop()
})

async function openBackend(port: number, timeout = 4): Promise<Backend> {
  const backend = createEtcdBackend(
    { endpoints: [`http://127.0.0.1:${port}`], prefix: '/lost', timeout },
    { report: () => {} },
  )
  opened.push(backend)
  await backend.open()
  return backend
}

/** The outcomes of callers that raise one counter. */
interface Score {
  committed: number
  unknown: number
}

/** Raises a counter `times` times by compare and set, each raise with its record. */
async function raise(backend: Backend, counter: Key, times: number, score: Score): Promise<void> {
  for (let done = 0; done < times; ) {
    const held = await direct.get(counter)
    const next = Number(held?.text ?? 0) + 1
    const expected: Revision | 'absent' = held?.modRevision ?? 'absent'
    const record = { version: next, write_id: randomUUID() }
    try {
      const outcome = await backend.commit([
        { key: counter, put: String(next), expected },
        {
          key: historyKey(counter, next),
          put: JSON.stringify(record),
          expected: 'absent',
          marker: true,
          lasting: true,
        },
      ])
      if (!outcome.committed) continue
      const entry = await direct.get(historyKey(counter, next))
      expect(entry?.text).toBe(JSON.stringify(record))
      expect(entry?.modRevision).toBe(outcome.revision)
      score.committed++
      done++
    } catch (error) {
      if (isSettingsError(error, 'OUTCOME_UNKNOWN')) score.unknown++
      else if (!isSettingsError(error, 'STORE_UNREACHABLE')) throw error
    }
  }
}

describe('Commits whose answers are lost', () => {
  it('are counted once, at any point of the cut', async () => {
    const faults = fc.array(
      fc.record({ after: fc.integer({ min: 10, max: 250 }), bytes: fc.integer({ min: 0, max: 3000 }) }),
      {
        minLength: 10,
        maxLength: 25,
      },
    )
    let run = 0
    await fc.assert(
      fc.asyncProperty(faults, async schedule => {
        const name = `run${run++}`
        const backend = await openBackend(proxy.port)
        const counters = [0, 1, 2].map(n => makeKey('settings', name, `counter${n}`))
        const scores = counters.map(() => ({ committed: 0, unknown: 0 }))
        let over = false
        const breaking = async (): Promise<void> => {
          for (let n = 0; !over; n++) {
            const { after, bytes } = schedule[n % schedule.length] ?? { after: 5, bytes: 0 }
            await new Promise(resolve => setTimeout(resolve, after))
            if (bytes % 2 === 0) proxy.cutAfter(bytes)
            else proxy.cut()
          }
        }
        const callers = counters.flatMap((counter, n) =>
          [0, 1].map(() => raise(backend, counter, 15, scores[n] ?? { committed: 0, unknown: 0 })),
        )
        const breaker = breaking()
        await Promise.all(callers).finally(() => {
          over = true
        })
        await breaker
        proxy.resume()
        for (const [n, counter] of counters.entries()) {
          const { committed = 0, unknown = 0 } = scores[n] ?? {}
          const value = Number((await direct.get(counter))?.text)
          expect(committed).toBe(30)
          expect(value).toBeGreaterThanOrEqual(committed)
          expect(value).toBeLessThanOrEqual(committed + unknown)
        }
        await backend.close()
      }),
      { numRuns: 4, endOnFailure: true },
    )
  })

  it('are committed when the line comes back in time, at the revision of the attempt that was applied', async () => {
    const backend = await openBackend(proxy.port)
    const key = makeKey('boxes', 'lost', 'swallowed')
    const before = await etcd.revision()
    proxy.swallowAnswers()
    const commit = backend.commit([{ key, put: '{"write_id":"a"}', expected: 'absent', marker: true }])
    while ((await direct.get(key)) === undefined);
    proxy.resume()
    expect(await commit).toEqual({ committed: true, revision: before + 1n })
    expect(await etcd.revision()).toBe(before + 1n)
  })

  it('are found in older versions when another commit has overwritten them meanwhile', async () => {
    const backend = await openBackend(proxy.port)
    const key = makeKey('boxes', 'lost', 'overwritten')
    proxy.swallowAnswers()
    const commit = backend.commit([{ key, put: '{"write_id":"a"}', expected: 'absent', marker: true }])
    while ((await direct.get(key)) === undefined);
    const { modRevision: revision } = (await direct.get(key)) ?? {}
    for (const n of [1, 2, 3]) await direct.commit([{ key, put: `{"write_id":"other ${n}"}` }])
    proxy.resume()
    expect(await commit).toEqual({ committed: true, revision })
    expect((await direct.get(key))?.text).toBe('{"write_id":"other 3"}')
  })

  it.each([
    ['change', 'deleted'],
    ['change', 'deleted and made again'],
    ['creation', 'deleted'],
    ['creation', 'deleted and made again'],
  ])('to the %s of what may be deleted are unknown when it has been %s meanwhile', async (what, how) => {
    const backend = await openBackend(proxy.port)
    const key = makeKey('boxes', what, how)
    if (what === 'change') await direct.commit([{ key, put: '{"write_id":"first"}' }])
    const expected = (await direct.get(key))?.modRevision ?? 'absent'
    proxy.swallowAnswers()
    const commit = backend.commit([{ key, put: '{"write_id":"a"}', expected, marker: true }])
    while ((await direct.get(key))?.text !== '{"write_id":"a"}');
    await direct.commit([{ key, delete: true }])
    if (how !== 'deleted') await direct.commit([{ key, put: '{"write_id":"other"}' }])
    proxy.resume()
    await expect(commit).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
    expect((await direct.get(key))?.text).toBe(how === 'deleted' ? undefined : '{"write_id":"other"}')
  })

  it.each([
    ['a put that expects anything', { put: '"mine"' }, '"other"'],
    ['a deletion that expects anything', { delete: true }, '"other"'],
    [
      'a put with a ttl that expects absence',
      { put: '"mine"', expected: 'absent', ttl: 60, marker: true, lasting: true },
      undefined,
    ],
  ] as const)(
    'to %s are not applied again over what another caller did since',
    async (what, operation, after) => {
      const line = await startMessageProxy(etcd.port)
      onTestFinished(() => line.close())
      const backend = await openBackend(Number(new URL(line.endpoint).port))
      const key = makeKey('boxes', 'any', what)
      if ('delete' in operation) await direct.commit([{ key, put: '"first"' }])
      line.breakAt(({ committed }) => {
        if (!committed) return undefined
        line.refuse()
        return 'before'
      })
      const commit = backend.commit([{ key, ...operation }])
      while ((await direct.get(key))?.text !== ('put' in operation ? operation.put : undefined));
      await direct.commit([after === undefined ? { key, delete: true } : { key, put: after }])
      line.resume()
      await expect(commit).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
      expect((await direct.get(key))?.text).toBe(after)
    },
  )

  it.each([
    ['deleted', false],
    ['deleted and made again', false],
    ['changed', true],
  ])('to a deletion are a lost race only if the key was never deleted since: %s', async (how, isLost) => {
    const line = await startMessageProxy(etcd.port)
    onTestFinished(() => line.close())
    const backend = await openBackend(isLost ? proxy.port : Number(new URL(line.endpoint).port))
    const key = makeKey('boxes', 'gone', how)
    await direct.commit([{ key, put: '"first"' }])
    const { modRevision: revision } = (await direct.get(key)) ?? {}
    if (isLost) proxy.stall()
    // At the answer itself: one that comes later than the deletion is seen would pass.
    const isSwallowed = new Promise<void>(resolve => {
      line.breakAt(({ committed }) => {
        if (!committed) return undefined
        line.refuse()
        resolve()
        return 'before'
      })
    })
    const commit = backend.commit([{ key, delete: true, expected: revision ?? 0n, marker: true }])
    if (isLost) await direct.commit([{ key, put: '"other"' }])
    else await isSwallowed
    if (how === 'deleted and made again') await direct.commit([{ key, put: '"other"' }])
    if (isLost) proxy.resume()
    else line.resume()
    if (isLost) expect(await commit).toMatchObject({ committed: false, found: [{ text: '"other"' }] })
    else await expect(commit).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
    expect((await direct.get(key))?.text).toBe(how === 'deleted' ? undefined : '"other"')
  })

  it('are unknown, and no lost race, when the failed guard may match again while a copy is in progress', async () => {
    const backend = await openBackend(proxy.port)
    const [key, other] = [makeKey('settings', 'lost', 'guarded'), makeKey('settings', 'lost', 'absent')]
    await direct.commit([{ key, put: '1' }])
    const { modRevision: revision } = (await direct.get(key)) ?? {}
    proxy.stall()
    const commit = backend.commit([
      { key, put: '2', expected: revision ?? 0n, marker: true },
      { key: other, check: true, expected: 'absent' },
    ])
    await direct.commit([{ key: other, put: '1' }])
    await new Promise(resolve => setTimeout(resolve, 100))
    proxy.resume()
    await expect(commit).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
    expect((await direct.get(key))?.text).toBe('1')
  })

  it('are lost races, and no more, when the same was tried by another in between', async () => {
    const backend = await openBackend(proxy.port)
    const key = makeKey('boxes', 'lost', 'race')
    proxy.stall()
    const commit = backend.commit([
      { key, put: '{"write_id":"mine"}', expected: 'absent', marker: true, lasting: true },
    ])
    await direct.commit([
      { key, put: '{"write_id":"theirs"}', expected: 'absent', marker: true, lasting: true },
    ])
    proxy.resume()
    const outcome = await commit
    expect(outcome.committed ? [] : outcome.found.map(entry => entry.text)).toEqual(['{"write_id":"theirs"}'])
  })

  it('are OUTCOME_UNKNOWN, and no other error, when no response arrives in time', async () => {
    const backend = await openBackend(proxy.port, 1)
    const key = makeKey('boxes', 'lost', 'unknown')
    proxy.swallowAnswers()
    await expect(backend.commit([{ key, put: '1', expected: 'absent' }])).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
    })
    proxy.resume()
    expect((await direct.get(key))?.text).toBe('1')
  })

  it('are STORE_UNREACHABLE when no attempt ever left, and then surely did not happen', async () => {
    const backend = await openBackend(proxy.port, 1)
    const keys = [1, 2, 3].map(n => makeKey('boxes', 'lost', `refused${n}`))
    proxy.refuse()
    const results = await Promise.allSettled(keys.map(key => backend.commit([{ key, put: '1' }])))
    // A commit on a connection during its reset may have been sent; a later commit was not.
    await expect(
      backend.commit([{ key: makeKey('boxes', 'lost', 'later'), put: '1' }]),
    ).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
    proxy.resume()
    expect(await direct.get(makeKey('boxes', 'lost', 'later'))).toBeUndefined()
    for (const [n, result] of results.entries()) {
      const key = keys[n]
      if (key && result.status === 'rejected' && result.reason.code === 'STORE_UNREACHABLE')
        expect(await direct.get(key)).toBeUndefined()
    }
  })
})

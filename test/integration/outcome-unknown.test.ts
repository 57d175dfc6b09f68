import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createEtcdBackend } from '../../backends/etcd/index.ts'
import { ask } from '../../events/ask.ts'
import { type CountedBus, createBus } from '../../events/bus.ts'
import { type SettingsError, toSettingsError } from '../../model/errors.ts'
import { makeKey } from '../../model/key.ts'
import { createService, type Service } from '../../src/app/service.ts'
import { type Http, openHttp } from '../../src/http/server.ts'
import { keepLog } from '../support/controller.ts'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { API, send } from '../unit/http/harness.ts'

/*
 * The write_id of a change whose answer was lost shows its outcome: the history contains it if, and only if,
 * the change was applied. And no caller waits long.
 */

/** Seconds that a call may go unanswered. */
const TIMEOUT = 1
const LINE_LOST = { swallowed: 'applied', stalled: 'not applied' } as const
type Loss = keyof typeof LINE_LOST

let etcd: EtcdServer
let proxy: TcpProxy
let bus: CountedBus
let service: Service
let http: Http

beforeAll(async () => {
  etcd = await startEtcd()
  proxy = await startTcpProxy(etcd.port)
  const log = keepLog()
  bus = createBus({ log })
  const options = { endpoints: [`http://127.0.0.1:${proxy.port}`], prefix: '/unknown', timeout: TIMEOUT }
  const surroundings = { bus, controller: 'one', strict: false, log, startTimeout: 10_000 }
  service = createService(report => createEtcdBackend(options, { report }), surroundings)
  http = await openHttp({
    bus,
    feed: service.feed,
    health: service.health,
    listen: '127.0.0.1',
    port: 0,
    log,
  })
  await service.start()
})
afterEach(mended)
afterAll(async () => {
  proxy.resume()
  await http.close()
  await service.close()
  await proxy.close()
  await etcd.stop()
})

/** Makes the line whole; the controller knows everything again. */
async function mended(): Promise<void> {
  proxy.resume()
  await expect.poll(() => service.health().state, { timeout: 15_000 }).toBe('READY')
}

function lose(loss: Loss): void {
  if (loss === 'swallowed') proxy.swallowAnswers()
  else proxy.stall()
}

/** The write ids of a namespace in the store, read once the connection is restored. */
async function writeIds(namespace: string): Promise<readonly string[]> {
  await mended()
  for (;;) {
    try {
      return (await ask(bus, 'kytos.settings.history', { namespace, limit: 1_000 })).map(
        ({ write_id }) => write_id,
      )
    } catch (thrown) {
      const error = toSettingsError(thrown)
      if (error.code === 'NAMESPACE_NOT_FOUND') return []
      // The watch was back before the line for calls was.
      if (!error.retryable) throw error
    }
  }
}

const COMMANDS = {
  update: (namespace: string) => ask(bus, 'kytos.settings.update', { namespace, data: { lost: true } }),
  delete: (namespace: string) => ask(bus, 'kytos.settings.delete', { namespace }),
  create: (namespace: string) => ask(bus, 'kytos.settings.create', { namespace, data: { lost: true } }),
} as const
const REQUESTS = {
  update: (path: string) => send(http.port, 'PATCH', path, { body: { json: { lost: true } } }),
  delete: (path: string) => send(http.port, 'DELETE', path),
  create: (path: string) =>
    send(http.port, 'PUT', path, { headers: { 'if-none-match': '*' }, body: { json: { lost: true } } }),
} as const
const KINDS = ['update', 'delete', 'create'] as const

/** A namespace on which this can be done. */
async function prepared(kind: (typeof KINDS)[number], name: string): Promise<string> {
  const namespace = `kytos/${kind}_${name}`
  if (kind !== 'create') await ask(bus, 'kytos.settings.create', { namespace, data: { before: true } })
  return namespace
}

describe.each(['swallowed', 'stalled'] as const)('with the line %s', loss => {
  it.each(KINDS)(`the %s that was ${LINE_LOST[loss]} is recognized by its write_id`, async kind => {
    const namespace = await prepared(kind, loss)
    const before = await writeIds(namespace)
    lose(loss)
    const error = await COMMANDS[kind](namespace).then(
      () => expect.fail('it was answered'),
      (thrown: SettingsError) => thrown,
    )
    expect(error).toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      status: 504,
      retryable: false,
      details: { write_id: expect.any(String) },
    })
    const after = await writeIds(namespace)
    expect(after).toEqual(loss === 'swallowed' ? [error.details.write_id, ...before] : before)
  })

  it.each(KINDS)(
    `over REST the %s that was ${LINE_LOST[loss]} is a 504 whose write_id shows the outcome`,
    async kind => {
      const namespace = await prepared(kind, `rest_${loss}`)
      const before = await writeIds(namespace)
      lose(loss)
      const { status, headers, json } = await REQUESTS[kind](`${API}/${namespace}`)
      expect({ status, type: headers['content-type'] }).toEqual({
        status: 504,
        type: 'application/problem+json; charset=utf-8',
      })
      expect(json).toMatchObject({
        code: 'OUTCOME_UNKNOWN',
        write_id: expect.any(String),
        detail: expect.stringContaining(String(json.write_id)),
      })
      await writeIds(namespace)
      const history = await send(http.port, 'GET', `${API}/${namespace}/history`)
      const ids =
        history.status === 404
          ? []
          : Array.from(history.json as unknown as { write_id: string }[], one => one.write_id)
      expect(ids).toEqual(loss === 'swallowed' ? [json.write_id, ...before] : before)
    },
  )
})

describe('when the connection is lost', () => {
  const codes = ['OUTCOME_UNKNOWN', 'STORE_UNREACHABLE', 'STORE_STALE']

  it.each([
    ['of one document, one after the other,', () => 'kytos/row'],
    ['of many documents', (i: number) => `kytos/many${i}`],
  ])('writes under way %s end within the timeout and two seconds', async (_, name) => {
    const write = (i: number) => ask(bus, 'kytos.settings.update', { namespace: name(i), data: { i } })
    await Promise.all(Array.from({ length: 20 }, (_, i) => write(i)))
    const underWay = Array.from({ length: 400 }, (_, i) =>
      write(i).then(
        () => 'ok',
        error => toSettingsError(error).code,
      ),
    )
    await new Promise(resolve => setImmediate(resolve))
    proxy.stall()
    const began = performance.now()
    const ends = await Promise.all(underWay)
    const took = (performance.now() - began) / 1_000
    expect(new Set([...ends, 'ok', ...codes])).toEqual(new Set(['ok', ...codes]))
    expect(took).toBeLessThan(TIMEOUT + 2)
  })

  it('a commit that waited for its turn behind others does not wait twice', async () => {
    const timeout = 3
    const backend = createEtcdBackend(
      { endpoints: [`http://127.0.0.1:${proxy.port}`], prefix: '/turns', timeout },
      { report: () => {} },
    )
    try {
      await backend.open()
      const commit = (i: number) =>
        backend
          .commit([{ key: makeKey('boxes', 'turns', `b${i}`), put: '1' }])
          .catch(error => toSettingsError(error).code)
      proxy.stall()
      const others = Array.from({ length: 500 }, (_, i) => commit(i))
      await new Promise(resolve => setTimeout(resolve, 200))
      const began = performance.now()
      expect(codes).toContain(await commit(500))
      expect((performance.now() - began) / 1_000).toBeLessThan(timeout + 2)
      await Promise.all(others)
    } finally {
      await backend.close()
    }
  })

  it('and that was noticed, writes are refused within 100 ms, over REST with Retry-After', async () => {
    proxy.stall()
    await expect.poll(() => service.health().state, { timeout: 10_000 }).toBe('STALE')
    const took: number[] = []
    for (let i = 0; i < 5; i++) {
      const began = performance.now()
      await expect(COMMANDS.update('kytos/late')).rejects.toMatchObject({ code: 'STORE_STALE', status: 503 })
      took.push(performance.now() - began)
    }
    expect(Math.min(...took)).toBeLessThan(100)
    const { status, headers } = await REQUESTS.update(`${API}/kytos/late`)
    expect({ status, after: headers['retry-after'] }).toEqual({ status: 503, after: '1' })
    expect(service.health().age).toBeGreaterThan(1)
  })
})

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocketServer } from 'ws'
import type { KytosEvent } from '../../../../events/event.ts'
import {
  openRemoteBus,
  type RemoteBus,
  type RemoteBusOptions,
} from '../../../../src/client/remote/remote-bus.ts'
import { type KeptLog, keepLog } from '../../../support/controller.ts'
import { startTcpProxy, type TcpProxy } from '../../../support/tcp-proxy.ts'
import { changedFact } from '../../events/facts.ts'
import { openBareRig, openRealRig } from '../../http/harness.ts'

type Rig = Awaited<ReturnType<typeof openRealRig>>

interface Stage<R> {
  readonly rig: R
  readonly proxy: TcpProxy
  readonly bus: RemoteBus
  readonly log: KeptLog
}

/** A service, and a client of it on a line that can be broken. */
async function openStage<R extends Rig>(
  opening: Promise<R>,
  options: RemoteBusOptions = {},
): Promise<Stage<R>> {
  const rig = await opening
  const proxy = await startTcpProxy(rig.http.port)
  onTestFinished(() => proxy.close())
  const log = keepLog()
  const bus = await openRemoteBus(`http://127.0.0.1:${proxy.port}`, { log, ...options })
  onTestFinished(() => bus.close())
  return { rig, proxy, bus, log }
}

/** A handler that answers on request of the test. */
function slowly<Answer>(answer: Answer) {
  const asked: (() => void)[] = []
  let calls = 0
  let wake = (): void => {}
  return {
    handler: () => {
      calls++
      wake()
      return new Promise<Answer>(resolve => asked.push(() => resolve(answer)))
    },
    get calls() {
      return calls
    },
    /** Resolves at the next call. */
    called: () => new Promise<void>(resolve => (wake = resolve)),
    answer: () => {
      for (const one of asked.splice(0)) one()
    },
  }
}

describe('a remote bus', () => {
  it('asks commands and gets their answers, exact, or the error of the service', async () => {
    const { bus } = await openStage(openRealRig())
    expect(
      await bus.ask('kytos.settings.update', { namespace: 'kytos/a', data: { dpid: 18446744073709551615n } }),
    ).toMatchObject({
      data: { dpid: 18446744073709551615n },
      updated_by: { type: 'user', name: '127.0.0.1' },
    })
    await expect(bus.ask('kytos.settings.retrieve', { namespace: 'kytos/b' })).rejects.toMatchObject({
      code: 'NAMESPACE_NOT_FOUND',
      status: 404,
      details: { namespace: 'kytos/b' },
    })
    await expect(bus.ask('kytos.settings.retrieve', { namespace: () => {} } as never)).rejects.toMatchObject({
      code: 'JSON_MALFORMED',
    })
  })

  it('rejects frames for which the service would close the connection', async () => {
    const { bus, proxy } = await openStage(openRealRig())
    const data = 'x'.repeat(1_048_576)
    await expect(
      bus.ask('kytos.settings.update', { namespace: 'kytos/a', data: { data } }),
    ).rejects.toMatchObject({ code: 'DOCUMENT_TOO_LARGE' })
    const box = 'x'.repeat(17 * 1_048_576)
    await expect(bus.ask('kytos.storehouse.create', { namespace: 'net', data: box })).rejects.toMatchObject({
      code: 'DOCUMENT_TOO_LARGE',
    })
    expect(() => bus.publish('kytos/a.b', { data })).toThrow(
      expect.objectContaining({ code: 'DOCUMENT_TOO_LARGE' }),
    )
    expect(await bus.ask('kytos.storehouse.list', { namespace: 'net' })).toEqual([])
    expect(proxy.connections).toBe(1)
  })

  it('asks any number of commands at once', async () => {
    const { bus } = await openStage(openRealRig())
    await bus.ask('kytos.settings.update', { namespace: 'kytos/a', data: {} })
    const answers = await Promise.all(Array.from({ length: 500 }, () => bus.ask('kytos.settings.list', {})))
    expect(answers.every(([one]) => one?.namespace === 'kytos/a')).toBe(true)
  })

  it('publishes ordinary events, and logs those that the service rejects', async () => {
    const { bus, rig, log } = await openStage(openRealRig())
    const heard: unknown[] = []
    rig.bus.on('kytos/a.b', ({ content }) => void heard.push(content))
    bus.publish('kytos/a.b', { n: 1 })
    bus.publish('settings.changed')
    bus.publish('kytos/a.b')
    await bus.ask('kytos.settings.list', {})
    expect(heard).toEqual([{ n: 1 }, {}])
    expect(log.lines).toEqual([
      expect.stringMatching(/^warn The service rejected a frame: .*reserved for the service/),
    ])
  })

  it('receives its subscribed events; a later subscription replaces it, a rejected one does not', async () => {
    const { bus, log } = await openStage(openRealRig())
    const [first, second]: KytosEvent[][] = [[], []]
    await bus.subscribe({ names: ['settings.changed'], namespaces: ['kytos/a'] }, event => {
      first?.push(event)
      throw new Error('hurts nobody')
    })
    for (const namespace of ['kytos/a', 'kytos/b'])
      await bus.ask('kytos.settings.update', { namespace, data: { n: 1 } })
    await expect(bus.subscribe({ names: ['settings.chnaged'] }, () => {})).rejects.toMatchObject({
      code: 'CONTENT_MALFORMED',
    })
    await expect(bus.subscribe({ names: ['settings.changed'], since: 'x' }, () => {})).rejects.toMatchObject({
      code: 'CURSOR_MALFORMED',
    })
    await bus.ask('kytos.settings.update', { namespace: 'kytos/a', data: { n: 2 } })
    expect(first?.map(({ content }) => content)).toMatchObject([
      { namespace: 'kytos/a', data: { n: 1 } },
      { data: { n: 2 } },
    ])
    await expect
      .poll(() => log.lines)
      .toEqual(Array(2).fill('warn A listener failed on "settings.changed": hurts nobody'))
    const { cursor } = bus
    await bus.subscribe({ names: ['box.*'] }, async event => {
      second?.push(event)
      throw new Error('nor does this')
    })
    await bus.ask('kytos.settings.update', { namespace: 'kytos/a', data: { n: 3 } })
    await bus.ask('kytos.storehouse.create', { namespace: 'net', data: 1 })
    expect([first?.length, second?.length]).toEqual([2, 1])
    await expect.poll(() => log.lines.at(-1)).toBe('warn A listener failed on "box.changed": nor does this')
    const again: KytosEvent[] = []
    await bus.subscribe(
      { names: ['settings.changed'], since: cursor as string },
      event => void again.push(event),
    )
    await bus.ask('kytos.settings.list', {})
    expect(again).toMatchObject([{ content: { data: { n: 3 }, origin: 'replay' } }])
  })
})

describe('a line that is lost', () => {
  it('again and again loses and doubles no fact', async () => {
    const { bus, rig, proxy } = await openStage(openRealRig())
    const heard: unknown[] = []
    await bus.subscribe(
      { names: ['settings.changed'] },
      ({ content }) => void heard.push(Object(content).data.n),
    )
    for (let n = 1; n <= 100; n++) {
      await rig.send('PATCH', '/api/kytos/settings/v1/kytos/a', { body: { json: { n } } })
      if (n % 10 > 0) continue
      await expect.poll(() => bus.connected).toBe(true)
      if (n % 20 === 0) proxy.cutAfter(700)
      else proxy.cut()
    }
    await expect.poll(() => heard.length, { timeout: 5_000 }).toBe(100)
    expect(heard).toEqual(Array.from({ length: 100 }, (_, i) => i + 1))
    expect(proxy.connections).toBeGreaterThan(4)
  })

  it('with sent commands: reads are resent, and the outcome of writes is unknown', async () => {
    const { bus, rig, proxy } = await openStage(openBareRig())
    const [list, remove] = [slowly([]), slowly(true)]
    rig.bus.serve('kytos.settings.list', list.handler)
    rig.bus.serve('kytos.storehouse.delete', remove.handler)
    const asked = list.called()
    const read = bus.ask('kytos.settings.list', {})
    const write = bus.ask('kytos.storehouse.delete', { namespace: 'net', box_id: '1' })
    await asked
    const again = list.called()
    proxy.cut()
    await expect(write).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      message: expect.stringContaining('may have been applied'),
    })
    await again
    list.answer()
    expect(await read).toEqual([])
    expect([list.calls, remove.calls]).toEqual([2, 1])
  })

  it('without a reconnect: unsent commands were not applied; sent ones may have been', async () => {
    const { bus, rig, proxy } = await openStage(openBareRig())
    const remove = slowly(true)
    rig.bus.serve('kytos.storehouse.delete', remove.handler)
    const content = { namespace: 'net', box_id: '1' }
    await expect(bus.ask('kytos.storehouse.delete', content, { timeout: 50 })).rejects.toMatchObject({
      code: 'TIMEOUT',
    })
    proxy.refuse()
    await expect.poll(() => bus.connected).toBe(false)
    await expect(bus.ask('kytos.storehouse.delete', content, { timeout: 50 })).rejects.toMatchObject({
      code: 'SERVICE_ABSENT',
      message: expect.stringContaining('the command was not sent'),
    })
    expect(() => bus.publish('kytos/a.b')).toThrow(expect.objectContaining({ code: 'SERVICE_ABSENT' }))
    expect(remove.calls).toBe(1)
    proxy.resume()
    await expect(bus.ask('kytos.settings.list', {})).rejects.toMatchObject({
      code: 'SERVICE_ABSENT',
      message: expect.stringContaining('has no handler'),
    })
  })

  it('silently is noticed by its heartbeat', async () => {
    const { bus, rig, proxy } = await openStage(openBareRig(), { heartbeat: 30 })
    const heard: unknown[] = []
    await bus.subscribe({ names: ['settings.changed'] }, (_event, cursor) => void heard.push(cursor))
    proxy.stall()
    const said = [1, 2].map(() => {
      const event = rig.bus.announce('settings.changed', changedFact())
      rig.feed.add(event, 0)
      return event.content.cursor
    })
    await expect.poll(() => bus.connected).toBe(false)
    proxy.resume()
    await expect.poll(() => heard).toEqual(said)
  })

  it('by a client that is closed: its commands fail, and it does not come back', async () => {
    const { bus, rig, proxy } = await openStage(openBareRig())
    const [list, remove] = [slowly([]), slowly(true)]
    rig.bus.serve('kytos.settings.list', list.handler)
    rig.bus.serve('kytos.storehouse.delete', remove.handler)
    const asked = list.called()
    const outcomes = Promise.allSettled([
      bus.ask('kytos.storehouse.delete', { namespace: 'net', box_id: '1' }),
      bus.ask('kytos.settings.list', {}),
    ])
    await asked
    await bus.close()
    expect(await outcomes).toMatchObject([
      { reason: { code: 'OUTCOME_UNKNOWN' } },
      { reason: { code: 'SERVICE_ABSENT' } },
    ])
    expect(proxy.connections).toBe(1)
    await expect(bus.ask('kytos.settings.list', {})).rejects.toMatchObject({
      code: 'SERVICE_ABSENT',
      message: expect.stringContaining('closed'),
    })
    await expect(bus.subscribe({ names: ['box.*'] }, () => {})).rejects.toMatchObject({
      code: 'SERVICE_ABSENT',
    })
  })

  it('keeps the subscription before, when the next one is refused on another line', async () => {
    const { bus, rig, proxy } = await openStage(openBareRig())
    const heard: unknown[] = []
    await bus.subscribe({ names: ['settings.changed'] }, (_event, cursor) => void heard.push(cursor))
    proxy.refuse()
    await expect.poll(() => bus.connected).toBe(false)
    const refused = bus.subscribe({ names: ['settings.chnaged'] }, () => {})
    const event = rig.bus.announce('settings.changed', changedFact())
    rig.feed.add(event, 0)
    proxy.resume()
    await expect(refused).rejects.toMatchObject({ code: 'CONTENT_MALFORMED' })
    await expect.poll(() => heard).toEqual([event.content.cursor])
  })

  it('may be cancelled by the caller', async () => {
    const { bus, rig } = await openStage(openBareRig())
    rig.bus.serve('kytos.settings.list', slowly([]).handler)
    const giveUp = new AbortController()
    const asked = bus.ask('kytos.settings.list', {}, { signal: giveUp.signal })
    giveUp.abort(new Error('enough'))
    await expect(asked).rejects.toThrow('enough')
    await expect(bus.ask('kytos.settings.list', {}, { signal: giveUp.signal })).rejects.toThrow('enough')
  })
})

describe('a service that cannot be reached', () => {
  it('is distinguished from an invalid address', async () => {
    await expect(openRemoteBus('127.0.0.1:8181')).rejects.toMatchObject({ code: 'CONTENT_MALFORMED' })
    await expect(openRemoteBus('ftp://127.0.0.1')).rejects.toMatchObject({ code: 'CONTENT_MALFORMED' })
  })

  it('is retried until the timeout, or until the service runs', async () => {
    const { proxy, rig } = await openStage(openRealRig())
    proxy.refuse()
    await expect(openRemoteBus(`http://127.0.0.1:${proxy.port}`, { timeout: 200 })).rejects.toMatchObject({
      code: 'SERVICE_ABSENT',
    })
    const opening = openRemoteBus(`http://127.0.0.1:${proxy.port}`)
    proxy.resume()
    const bus = await opening
    expect(await bus.ask('kytos.settings.list', {})).toEqual([])
    await bus.close()
    expect(rig.log.lines.filter(line => line.startsWith('error'))).toEqual([])
  })

  it('refuses for a reason of its own: it is given at once, by its code', async () => {
    const { http } = await openRealRig()
    const opened = openRemoteBus(`http://127.0.0.1:${http.port}`, {
      headers: { origin: 'https://evil.example' },
    })
    await expect(opened).rejects.toMatchObject({
      code: 'ORIGIN_FORBIDDEN',
      message: expect.stringContaining('evil.example'),
    })
    await expect(openRemoteBus(`http://127.0.0.1:${http.port}/elsewhere`)).rejects.toMatchObject({
      code: 'ROUTE_NOT_FOUND',
    })
  })

  it('is something else: neither its answer nor its frames hurt', async () => {
    const server = createServer((_request, response) => response.writeHead(401).end('<html>no'))
    new WebSocketServer({ server, path: '/frames' }).on('connection', socket => socket.send('{"no'))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    await expect(openRemoteBus(`http://127.0.0.1:${port}`)).rejects.toMatchObject({
      details: { status: expect.any(Number) },
    })
    const bus = await openRemoteBus(`ws://127.0.0.1:${port}/frames`)
    await expect(bus.ask('kytos.settings.list', {}, { timeout: 300 })).rejects.toMatchObject({
      status: expect.any(Number),
    })
    await bus.close()
  })
})

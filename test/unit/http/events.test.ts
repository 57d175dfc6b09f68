import { get, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { KytosEvent } from '../../../events/event.ts'
import type { Feed } from '../../../events/feed.ts'
import type { Facts } from '../../../events/map.ts'
import { parseJson } from '../../../model/json.ts'
import { boxFact, changedFact, settled } from '../events/facts.ts'
import { API, NAMESPACE, openBareRig, openRealRig } from './harness.ts'

interface Block {
  readonly event?: string
  readonly id?: string
  readonly retry?: string
  readonly comment?: string
  readonly data?: KytosEvent<Readonly<Record<string, unknown>>>
}

/** Reads a stream of Server-Sent Events block by block, as the standard has it. */
class Reader {
  readonly response: IncomingMessage
  readonly #iterator: AsyncIterator<string>
  #buffer = ''

  constructor(response: IncomingMessage) {
    this.response = response
    response.setEncoding('utf8')
    this.#iterator = response[Symbol.asyncIterator]()
  }

  /** The next block; undefined at the end of the stream. */
  async next(): Promise<Block | undefined> {
    for (;;) {
      const end = this.#buffer.indexOf('\n\n')
      if (end >= 0) {
        const block = parseBlock(this.#buffer.slice(0, end))
        this.#buffer = this.#buffer.slice(end + 2)
        return block
      }
      const { value, done } = await this.#iterator.next()
      if (done) return undefined
      this.#buffer += value
    }
  }

  /** The next block that has data. */
  async nextEvent(): Promise<Block | undefined> {
    let block = await this.next()
    while (block && block.data === undefined) block = await this.next()
    return block
  }
}

function parseBlock(text: string): Block {
  const block: Record<string, unknown> = {}
  for (const line of text.split('\n')) {
    const [, field = '', value = ''] = /^(\w*): ?(.*)$/.exec(line) ?? []
    block[field === '' ? 'comment' : field] = field === 'data' ? parseJson(value) : value
  }
  return block // Of these fields, by the standard; tests look at what they expect.
}

async function follow(port: number, query = '', headers: Record<string, string> = {}): Promise<Reader> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = get(
      { host: '127.0.0.1', port, path: `${API}/events${query}`, headers, agent: false },
      resolve,
    )
    request.on('error', reject)
    onTestFinished(() => void request.destroy())
  })
  expect(response.headers['content-type']).toBe('text/event-stream; charset=utf-8')
  return new Reader(response)
}

describe('the event stream', () => {
  it('tells of every change as it happens, with name, cursor and the whole event', async () => {
    const { http, send } = await openRealRig()
    const reader = await follow(http.port)
    expect(await reader.next()).toMatchObject({ retry: '1000', id: expect.stringMatching(/^\d+\.\d+\.\d+$/) })
    await send('PATCH', NAMESPACE, {
      body: '{"dpid":18446744073709551615}',
      headers: { 'content-type': 'application/json' },
    })
    await send('DELETE', NAMESPACE)
    const [first, second] = [await reader.nextEvent(), await reader.nextEvent()]
    expect(first).toMatchObject({
      event: 'settings.changed',
      data: { name: 'settings.changed', content: { data: { dpid: 18446744073709551615n }, kind: 'created' } },
    })
    expect(first?.id).toBe(first?.data?.content.cursor)
    expect(second).toMatchObject({
      data: { content: { kind: 'deleted', previous: first?.data?.content.data } },
    })
  })

  it('resumes after Last-Event-ID, which counts more than ?since=', async () => {
    const { http, send } = await openRealRig()
    const reader = await follow(http.port)
    for (const n of [1, 2, 3]) await send('PATCH', NAMESPACE, { body: { json: { n } } })
    const ids = [await reader.nextEvent(), await reader.nextEvent(), await reader.nextEvent()].map(
      block => block?.id ?? '',
    )
    const resumed = await follow(http.port, `?since=${ids[2]}`, { 'last-event-id': ids[0] ?? '' })
    expect(await resumed.nextEvent()).toMatchObject({
      id: ids[1],
      data: { content: { origin: 'replay', data: { n: 2 } } },
    })
    expect((await resumed.nextEvent())?.id).toBe(ids[2])
    const since = await follow(http.port, `?since=${ids[1]}`)
    expect((await since.nextEvent())?.id).toBe(ids[2])
  })

  it('gives a resumed reader its place even when it hears nothing', async () => {
    const { http, feed } = await openBareRig()
    const reader = await follow(http.port)
    expect((await reader.next())?.id).toBe(feed.cursor)
  })

  it('begins with a snapshot when the place is no longer known, cut to the namespaces asked for', async () => {
    const { http } = await openBareRig()
    const whole = await follow(http.port, '?since=0')
    expect(await whole.nextEvent()).toMatchObject({
      event: 'settings.snapshot',
      data: { content: { namespaces: { 'kytos/a': { data: { n: 1 } }, 'kytos/b': {} } } },
    })
    const cut = await follow(http.port, '?since=0&namespace=kytos/b')
    expect(Object.keys((await cut.nextEvent())?.data?.content.namespaces as object)).toEqual(['kytos/b'])
  })

  it('gives the facts of the namespaces asked for, and the state of the service', async () => {
    const { http, bus, feed } = await openBareRig()
    const reader = await follow(http.port, '?namespace=kytos/a,kytos/b&namespace=boxes')
    const say = <N extends keyof Facts>(name: N, content: Facts[N]) =>
      feed.add(bus.announce(name, content), 0)
    for (const namespace of ['kytos/a', 'kytos/c', 'kytos/b'])
      say('settings.changed', changedFact({ namespace }))
    say('box.changed', boxFact({ namespace: 'boxes' }))
    say('box.changed', boxFact({ namespace: 'other' }))
    say('settings.rejected', {
      namespace: null,
      source: 'a file',
      rejected: [],
      revision: '0',
      origin: 'live',
    })
    say('settings.state', { state: 'STALE', revision: '1', epoch: 1, since: '', reason: null, age: 0 })
    const heard = []
    for (let i = 0; i < 4; i++) heard.push(await reader.nextEvent())
    expect(heard.map(block => block?.data?.content.namespace ?? block?.event)).toEqual([
      'kytos/a',
      'kytos/b',
      'boxes',
      'settings.state',
    ])
  })

  it('shows that it is alive, and moves a filtered reader forward', async () => {
    const { http, bus, feed } = await openBareRig({ heartbeat: 5 })
    const reader = await follow(http.port, '?namespace=kytos/a')
    await reader.next()
    feed.add(bus.announce('settings.changed', changedFact({ namespace: 'kytos/b' })), 0)
    let block = await reader.next()
    while (block && block.id === undefined) block = await reader.next()
    expect(block).toEqual({ comment: 'alive', id: feed.cursor })
    expect(await reader.next()).toEqual({ comment: 'alive' })
  })

  it('ends when the service stops', async () => {
    const { http } = await openBareRig()
    const reader = await follow(http.port)
    await reader.next()
    await http.close()
    expect(await reader.next()).toEqual({ comment: 'the service is stopping' })
    expect(await reader.next()).toBeUndefined()
  })

  it('lets go of a reader that has left', async () => {
    const { feed } = await openBareRig()
    let following = 0
    let left = (): void => {}
    const gone = new Promise<void>(resolve => {
      left = resolve
    })
    const counted: Feed = {
      cursor: feed.cursor,
      follow(since, push) {
        const stop = feed.follow(since, push)
        following++
        return () => {
          stop()
          following--
          left()
        }
      },
    }
    const { http } = await openBareRig({ feed: counted })
    const reader = await follow(http.port)
    await reader.next()
    expect(following).toBe(1)
    reader.response.destroy()
    await gone
    expect(following).toBe(0)
  })
})

describe('a slow reader', () => {
  const big = 'x'.repeat(100_000)

  it('is cut off once more than 1 MiB waits for it, gets what was under way, and can resume without a gap', async () => {
    const { http, bus, feed } = await openBareRig()
    const reader = await follow(http.port)
    expect(await reader.next()).toMatchObject({ retry: '1000' })
    const said: string[] = []
    for (let i = 0; i < 200; i++) {
      const event = bus.announce('settings.changed', changedFact({ data: { big } }))
      said.push(event.content.cursor)
      feed.add(event, 0)
      if (i % 10 === 0) await settled()
    }
    const heard: string[] = []
    let cuts = 0
    let current: Reader | undefined = reader
    while (current && heard.length < said.length) {
      const block: Block | undefined = await current.next()
      if (block?.data) heard.push(block.id ?? '')
      if (block?.comment?.startsWith('READER_SLOW')) cuts++
      if (!block) current = await follow(http.port, '', { 'last-event-id': heard.at(-1) ?? '' })
    }
    expect(heard).toEqual(said)
    expect(cuts).toBeGreaterThan(0)
  })

  it('that takes nothing at all is dropped, and holds nothing up', async () => {
    const { http, bus, feed } = await openBareRig({ heartbeat: 20, grace: 600_000 })
    const socket = connect(
      http.port,
      '127.0.0.1',
      () => void socket.write(`GET ${API}/events HTTP/1.1\r\nHost: localhost\r\n\r\n`),
    )
    socket.on('error', () => {}) // being dropped
    onTestFinished(() => void socket.destroy())
    await new Promise(resolve => socket.once('data', resolve))
    socket.pause()
    // Far more than the kernel takes for both ends; the second finds it waiting.
    feed.add(bus.announce('settings.changed', changedFact({ data: { huge: 'x'.repeat(30_000_000) } })), 0)
    feed.add(bus.announce('settings.changed', changedFact()), 0)
    await http.close()
  })
})

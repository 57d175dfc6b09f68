import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { openBusSocket } from '../../support/bus-socket.ts'
import { API, NAMESPACE, openBareRig, openRealRig, sendText } from './harness.ts'

const HANDSHAKE: Readonly<Record<string, string>> = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
}

/** The status and the body that a handshake is refused with; these headers count more than the usual ones. */
async function refusal(port: number, headers: Readonly<Record<string, string>>, path = `${API}/bus`) {
  const lines = Object.entries({ host: `127.0.0.1:${port}`, ...HANDSHAKE, ...headers }).filter(
    ([, value]) => value !== '',
  )
  const text = await sendText(
    port,
    `GET ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
  )
  const [head = '', body = ''] = text.split('\r\n\r\n')
  return { status: Number(head.split(' ')[1]), head: head.toLowerCase(), json: JSON.parse(body) }
}

describe('the door of the bus', () => {
  it('tells whoever knocks without a WebSocket what to do', async () => {
    const { send } = await openBareRig()
    expect(await send('GET', `${API}/bus`)).toMatchObject({
      status: 426,
      headers: { upgrade: 'websocket', 'content-type': 'application/problem+json; charset=utf-8' },
      json: { code: 'UPGRADE_REQUIRED', detail: expect.stringContaining('ws://') },
    })
    for (const method of ['POST', 'PUT', 'DELETE', 'HEAD'])
      expect((await send(method, `${API}/bus`)).status).toBe(405)
    expect(await send('GET', `${API}/buss`)).toMatchObject({ status: 404, json: { nearest: `${API}/bus` } })
  })

  it('opens with a slash at the end, too', async () => {
    const { http } = await openBareRig()
    const socket = new WebSocket(`ws://localhost:${http.port}${API}/bus/`)
    await once(socket, 'open')
    socket.close()
    await once(socket, 'close')
  })

  it('stays shut for a name that is not this service (DNS rebinding)', async () => {
    const { http } = await openBareRig()
    expect(await refusal(http.port, { host: 'evil.example' })).toMatchObject({
      status: 403,
      json: { code: 'HOST_FORBIDDEN' },
    })
  })

  it.each([
    'https://evil.example',
    'null',
    'http://127.0.0.1',
    'http://localhost:PORT',
    'ws://127.0.0.1:PORT',
    'http://127.0.0.1:PORT.evil.example',
    ' ',
  ])('stays shut for a page from %j (cross-site WebSocket hijacking)', async origin => {
    const { http, bus } = await openBareRig()
    const answer = await refusal(http.port, { origin: origin.replace('PORT', String(http.port)) || ' ' })
    expect(answer).toMatchObject({ status: 403, json: { code: 'ORIGIN_FORBIDDEN' } })
    expect(answer.head).toContain('connection: close')
    expect(bus.counts().listeners).toBe(0)
  })

  it('opens for a page of its own', async () => {
    const { http } = await openBareRig()
    const line = await openBusSocket(http.port, { origin: `http://127.0.0.1:${http.port}` })
    line.send({ subscribe: [] })
    expect(await line.next()).toMatchObject({ subscribed: [] })
  })

  it.each([
    ['no key', { 'sec-websocket-key': '' }, 400, 'CONTENT_MALFORMED', /Key/],
    ['a broken key', { 'sec-websocket-key': 'x' }, 400, 'CONTENT_MALFORMED', /Key/],
    ['an unknown version', { 'sec-websocket-version': '7' }, 426, 'UPGRADE_REQUIRED', /Version/],
    ['a broken protocol', { 'sec-websocket-protocol': ',,' }, 400, 'CONTENT_MALFORMED', /Protocol/],
  ])('refuses a handshake with %s, as a problem', async (_what, headers, expected, code, message) => {
    const { http } = await openBareRig()
    const { status, json } = await refusal(http.port, headers)
    expect([status, json.code, json.detail]).toEqual([expected, code, expect.stringMatching(message)])
  })

  it('refuses parameters that there are not', async () => {
    const { http } = await openBareRig()
    expect(await refusal(http.port, {}, `${API}/bus?since=1`)).toMatchObject({
      status: 400,
      json: { code: 'CONTENT_MALFORMED' },
    })
  })

  it('is shut while the service stops', async () => {
    const { http, bus } = await openBareRig()
    const asked = deferred<void>()
    const answer = deferred<readonly []>()
    bus.serve('kytos.settings.list', () => {
      asked.resolve()
      return answer.promise
    })
    const line = await openBusSocket(http.port)
    const answered = line.ask('kytos.settings.list')
    await asked.promise
    const closed = http.close()
    expect(await refusal(http.port, {})).toMatchObject({ status: 503, json: { code: 'SERVICE_STOPPING' } })
    answer.resolve([])
    expect(await answered).toMatchObject({ data: [] })
    await closed
  })

  it('lives through lines that break while it is opened', async () => {
    const { http, send } = await openBareRig()
    const lines = Object.entries({ host: 'localhost', ...HANDSHAKE }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    )
    for (let i = 0; i < 50; i++) {
      const socket = connect(http.port, '127.0.0.1', () => {
        socket.write(`GET ${API}/bus HTTP/1.1\r\n${lines.join('')}\r\n`)
        if (i % 2) socket.resetAndDestroy()
        else socket.end()
      })
      socket.on('error', () => {}).resume() // cut by us
      await once(socket, 'close')
    }
    expect((await send('GET', '/healthz')).status).toBe(200)
  })
})

it.each(['websocket', 'h2c'])(
  'an offer of %s behind a request that is not answered yet ends its line, and nothing else',
  async protocol => {
    const { http, bus, send } = await openBareRig()
    let answer = (): void => {}
    bus.serve('kytos.settings.list', () => new Promise(resolve => (answer = () => resolve([]))))
    const offer = Object.entries({ host: 'localhost', ...HANDSHAKE, upgrade: protocol }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    )
    const socket = connect(http.port, '127.0.0.1', () => {
      socket.write(
        `GET ${API} HTTP/1.1\r\nHost: localhost\r\n\r\nGET ${API}/bus HTTP/1.1\r\n${offer.join('')}\r\n`,
      )
    })
    socket.on('error', () => {}) // cut by the service
    socket.resume()
    // Newer Node versions do not even ask about h2c.
    if (protocol === 'websocket' || !('shouldUpgradeCallback' in createServer())) await once(socket, 'close')
    expect((await send('GET', '/healthz')).status).toBe(200)
    answer()
    socket.destroy()
  },
)

describe('a request that offers another protocol', () => {
  it('is answered as if it had not, with all of its body, and so is the next on its line', async () => {
    const { http, send } = await openRealRig()
    const host = `Host: 127.0.0.1:${http.port}\r\n`
    const body = JSON.stringify({ text: 'x'.repeat(200_000) })
    // As Java's HTTP client has it.
    const offer = `Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nX-Comment: é\r\n`
    const patch = `PATCH ${NAMESPACE} HTTP/1.1\r\n${host}${offer}Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`
    const answer = await converse(
      http.port,
      patch + body,
      `GET /healthz HTTP/1.1\r\n${host}Connection: close\r\n\r\n`,
    )
    expect(answer.match(/HTTP\/1.1 200/g)).toHaveLength(2)
    expect(answer.split(body)).toHaveLength(3)
    expect(await send('GET', `${NAMESPACE}/history`)).toMatchObject({ json: [{ comment: 'é' }] })
  })

  it('a WebSocket elsewhere, is answered like any other, and its line closed', async () => {
    const { http } = await openBareRig()
    expect(await refusal(http.port, {}, '/healthz')).toMatchObject({ status: 200, json: { state: 'READY' } })
    expect(await refusal(http.port, {}, '/nowhere')).toMatchObject({
      status: 404,
      json: { code: 'ROUTE_NOT_FOUND' },
    })
    const post = `POST ${API}/bus HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\n{}`
    const rest = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
    const answers = await converse(http.port, post, rest)
    // Newer Node versions answer before the body arrives, and such an answer ends the connection.
    const [, first = ''] = answers.split('HTTP/1.1 ')
    expect(answers.match(/HTTP\/1.1 \d+/g)).toEqual(
      first.includes('connection: close') ? ['HTTP/1.1 405'] : ['HTTP/1.1 405', 'HTTP/1.1 200'],
    )
  })
})

/**
 * What comes back for two requests, the second sent once the first is being answered: node forgets what comes
 * at once behind an offer it ignores.
 */
function converse(port: number, first: string, second: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let got = ''
    const socket = connect(port, '127.0.0.1', () => void socket.write(first))
    socket.once('data', () => void socket.write(second))
    socket.on('data', data => {
      got += data
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(got))
  })
}

function deferred<Value>() {
  let resolve: (value: Value) => void = () => {}
  const promise = new Promise<Value>(settle => {
    resolve = settle
  })
  return { promise, resolve }
}

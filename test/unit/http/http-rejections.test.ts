import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { API, NAMESPACE, openBareRig, openRealRig, sendText } from './harness.ts'

const HOST = 'Host: localhost\r\n'
const MiB = 1_048_576
const UPGRADE = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'

/** A raw connection, and the text that it has received. */
function openLine(port: number): {
  readonly socket: Socket
  text(): string
  readonly ended: Promise<unknown>
} {
  let text = ''
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.on('data', data => {
    text += data
  })
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  return { socket, text: () => text, ended: once(socket, 'end') }
}

/** True once the peer has destroyed the connection, which only a write shows. */
function isDestroyedAfterWrite(socket: Socket): boolean {
  socket.write(' ')
  return socket.destroyed
}

describe('every rejection is a problem document', () => {
  it.each([
    ['no Host header', 'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'CONTENT_MALFORMED'],
    ['two Host headers', `GET /healthz HTTP/1.1\r\n${HOST}${HOST}\r\n`, 400, 'CONTENT_MALFORMED'],
    [
      'another Host beside',
      `GET /healthz HTTP/1.1\r\n${HOST}host: evil.example\r\n\r\n`,
      400,
      'CONTENT_MALFORMED',
    ],
    [
      'an unknown Expect',
      `GET /healthz HTTP/1.1\r\n${HOST}Expect: 200-maybe\r\n\r\n`,
      417,
      'EXPECTATION_UNSUPPORTED',
    ],
    ['long headers', `GET / HTTP/1.1\r\n${HOST}X-A: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'HEADERS_TOO_LARGE'],
    [
      'many headers',
      `GET / HTTP/1.1\r\n${HOST}${'X-A: xxxxxxx\r\n'.repeat(2_000)}\r\n`,
      431,
      'HEADERS_TOO_LARGE',
    ],
    ['a long URL', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\n${HOST}\r\n`, 414, 'URL_TOO_LONG'],
    ['a long query', `PATCH ${NAMESPACE}?${'x'.repeat(20_000)} HTTP/1.1\r\n${HOST}\r\n`, 414, 'URL_TOO_LONG'],
    ['no HTTP', 'THIS IS\r\nNOT HTTP\r\n\r\n', 400, 'CONTENT_MALFORMED'],
  ])('%s', async (_what, request, status, code) => {
    const { http } = await openBareRig()
    // Node's own answer has no Connection header, so the test closes.
    const line = openLine(http.port)
    line.socket.write(request)
    await expect.poll(line.text, { timeout: 20_000 }).toContain(`"code":"${code}"`)
    expect(line.text()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [A-Z][\\w -]+\r\n`))
    expect(line.text()).toMatch(/\r\ncontent-type: application\/problem\+json/i)
  })

  it.each([
    ['long headers', `HEAD / HTTP/1.1\r\n${HOST}X-A: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['a long URL', `HEAD /${'x'.repeat(20_000)} HTTP/1.1\r\n${HOST}\r\n`, 414],
  ])('a HEAD with %s is answered without a body', async (_what, request, status) => {
    const { http } = await openBareRig()
    const line = openLine(http.port)
    line.socket.write(request)
    await expect.poll(line.text, { timeout: 20_000 }).toContain('\r\n\r\n')
    line.socket.end()
    await expect.poll(() => line.socket.closed, { timeout: 20_000 }).toBe(true)
    expect(line.text()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [^]*\r\n\r\n$`))
  })

  it('a request that does not arrive in time is answered with 408 and ended', async () => {
    const { http } = await openBareRig({ deadlines: { headers: 200, request: 600, check: 50 } })
    const put = `PUT ${NAMESPACE} HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{`
    const begun = ['', 'GET /healthz HT', `GET /healthz HTTP/1.1\r\n${HOST}`, put]
    const lines = begun.map(text => {
      const line = openLine(http.port)
      line.socket.write(text)
      return line
    })
    // A body that trickles in gains no time.
    const trickle = setInterval(() => lines.at(-1)?.socket.write(' '), 150)
    onTestFinished(() => clearInterval(trickle))
    for (const { socket, text, ended } of lines) {
      await ended
      expect(text()).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n[\s\S]*"code":"REQUEST_INCOMPLETE"/)
      // The server does not wait for the client, which keeps its side open.
      await expect.poll(() => isDestroyedAfterWrite(socket), { timeout: 20_000 }).toBe(true)
    }
  })

  it('a request is never answered in the place of an earlier one that is still executed', async () => {
    const { http, bus } = await openBareRig()
    let answer = (): void => {}
    bus.serve('kytos.settings.list', () => new Promise(resolve => (answer = () => resolve([]))))
    const line = openLine(http.port)
    line.socket.write(`GET ${API} HTTP/1.1\r\n${HOST}\r\nTHIS IS NO REQUEST\r\n\r\n`)
    await line.ended
    expect(line.text()).toBe('')
    answer()
  })
})

describe('a method that a path does not have', () => {
  it.each(['PROPFIND', 'LOCK', 'PURGE', 'MKCOL', 'OPTIONS', 'TRACE'])(
    '%s is 405 with the allowed ones, and without a hint at another path',
    async method => {
      const { send } = await openRealRig()
      for (const [path, allow] of [
        [NAMESPACE, ['HEAD', 'GET', 'PUT', 'PATCH', 'DELETE']],
        [`${API}/transaction`, ['POST']],
        [`${API}/events`, ['GET']],
        ['/healthz', ['HEAD', 'GET']],
        ['/api/kytos/storehouse/v1/a/b/?c=d', ['HEAD', 'GET', 'PUT', 'PATCH', 'DELETE']],
      ] as const) {
        const answer = await send(method, path, {
          body: '<a/>',
          headers: { 'content-type': 'application/xml' },
        })
        expect([path, answer.status, answer.json.code]).toEqual([path, 405, 'METHOD_NOT_ALLOWED'])
        expect(answer.headers.allow?.split(', ').sort()).toEqual([...allow].sort())
        expect(answer.text).not.toContain('nearest')
      }
      expect((await send(method, '/nowhere')).json).toMatchObject({ status: 404, code: 'ROUTE_NOT_FOUND' })
    },
  )

  it('an unknown path is 404 whatever the type of the body', async () => {
    const { send } = await openRealRig()
    const answer = await send('POST', '/nowhere', { body: '<a/>', headers: { 'content-type': 'text/xml' } })
    expect(answer.json).toMatchObject({ status: 404, code: 'ROUTE_NOT_FOUND' })
  })
})

it('415 names the accepted types: Accept-Patch for PATCH, Accept for PUT', async () => {
  const { send } = await openRealRig()
  const xml = { body: '<a/>', headers: { 'content-type': 'application/xml' } }
  const patch = await send('PATCH', NAMESPACE, xml)
  expect([patch.status, patch.headers['accept-patch']]).toEqual([
    415,
    'application/json, application/merge-patch+json, application/json-patch+json',
  ])
  const put = await send('PUT', NAMESPACE, xml)
  expect([put.status, put.headers.accept, put.headers['accept-patch']]).toEqual([
    415,
    'application/json',
    undefined,
  ])
})

describe('a WebSocket handshake', () => {
  const handshake = (http: string, version: string, more = ''): string =>
    `GET ${API}/bus HTTP/${http}\r\n${HOST}${UPGRADE}Sec-WebSocket-Version: ${version}\r\n${more}\r\n`

  it('accepts no subprotocol, because none is offered', async () => {
    const { http } = await openBareRig()
    const line = openLine(http.port)
    line.socket.write(handshake('1.1', '13', 'Sec-WebSocket-Protocol: chat, bus\r\n'))
    await expect.poll(line.text, { timeout: 20_000 }).toContain('\r\n\r\n')
    expect(line.text()).toMatch(/^HTTP\/1\.1 101 /)
    expect(line.text()).not.toMatch(/sec-websocket-protocol/i)
  })

  it.each(['8', '14'])('of version %s is answered with the supported one', async version => {
    const { http } = await openBareRig()
    const text = await sendText(http.port, handshake('1.1', version))
    expect(text).toMatch(/^HTTP\/1\.1 426 [\s\S]*sec-websocket-version: 13\r\n[\s\S]*UPGRADE_REQUIRED/i)
  })

  it('of HTTP/1.0 is no upgrade', async () => {
    const { http } = await openBareRig()
    const text = await sendText(http.port, handshake('1.0', '13'))
    expect(text).toMatch(/^HTTP\/1\.1 426 [\s\S]*UPGRADE_REQUIRED/)
  })
})

describe('an answer before the whole body', () => {
  const early = {
    'unknown path': ['PUT', '/nowhere', '', 404],
    'unknown method': ['POST', NAMESPACE, '', 405],
    'another Host': ['PUT', NAMESPACE, 'Host: evil.example\r\n', 403],
    'wrong token': ['PUT', NAMESPACE, 'Authorization: Bearer kst_a_b\r\n', 401],
    'unknown type': ['PUT', NAMESPACE, 'Content-Type: text/xml\r\n', 415],
    'too large': ['PUT', NAMESPACE, 'Content-Type: application/json\r\n', 413],
    'too large, HTTP/1.0': ['PUT', NAMESPACE, 'Content-Type: application/json\r\n', 413],
  } as const

  it.each(Object.entries(early))(
    'reaches a client that reads only after it has sent everything: %s',
    async (what, [method, path, headers, status]) => {
      const { http } = await openRealRig()
      const line = openLine(http.port)
      line.socket.pause()
      const host = headers.startsWith('Host') ? '' : HOST
      const version = what.endsWith('1.0') ? '1.0' : '1.1'
      line.socket.write(
        `${method} ${path} HTTP/${version}\r\n${host}${headers}Content-Length: ${17 * MiB}\r\n\r\n`,
      )
      // The answer is on its way, or has been reset, before the body is sent.
      await new Promise(resolve => setTimeout(resolve, 100))
      const failed = await new Promise(resolve => line.socket.write(Buffer.alloc(17 * MiB, 32), resolve))
      expect(failed).toBeFalsy()
      line.socket.resume()
      await line.ended
      expect(line.text()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
      expect(line.text()).toMatch(/connection: close\r\n/i)
    },
  )

  it('reads at most 32 MiB more, and executes nothing of it', async () => {
    const { http, bus } = await openBareRig()
    let executed = 0
    bus.serve('kytos.settings.list', () => {
      executed++
      return []
    })
    const line = openLine(http.port)
    const request = `GET ${API} HTTP/1.1\r\n${HOST}\r\n`
    line.socket.write(
      `PUT ${NAMESPACE} HTTP/1.0\r\n${HOST}Content-Type: text/xml\r\nContent-Length: 70000\r\n\r\n`,
    )
    await expect.poll(line.text, { timeout: 20_000 }).toContain('UNSUPPORTED_MEDIA_TYPE')
    line.socket.write(Buffer.concat([Buffer.alloc(70_000, 32), Buffer.from(request)]))
    const more = Buffer.alloc(MiB, 'GET / HTTP/1.1\r\n\r\n')
    let sent = 0
    while (!line.socket.destroyed && sent < 500) {
      await new Promise(resolve => line.socket.write(more, resolve))
      sent++
    }
    expect(executed).toBe(0)
    expect(line.socket.destroyed).toBe(true)
  })

  it('is sent instead of 100 Continue, so that the body is not sent at all', async () => {
    const { http } = await openRealRig()
    const expecting = (length: number): string =>
      `PUT ${NAMESPACE} HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nContent-Length: ${length}\r\nExpect: 100-continue\r\n\r\n`
    expect(await sendText(http.port, expecting(17 * MiB))).toMatch(/^HTTP\/1\.1 413 /)
    const line = openLine(http.port)
    line.socket.write(expecting(2))
    await expect.poll(line.text, { timeout: 20_000 }).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\n/)
    line.socket.write('{}')
    await expect.poll(line.text, { timeout: 20_000 }).toContain('HTTP/1.1 200 OK')
  })
})

import { connect } from 'node:net'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { openBusSocket } from '../../support/bus-socket.ts'
import { API, openRealRig } from './harness.ts'

/*
 * Whatever is sent to the bus: the service lives, nothing is written, and whoever is well-behaved is answered
 * meanwhile.
 */

/** Names that could do something, were they taken for what they look like. */
const NAME = fc.constantFrom(
  'kytos.settings.update',
  'kytos.settings.transaction',
  'kytos.storehouse.delete',
  'kytos.settings.__proto__',
  'settings.changed',
  'box.*',
  'constructor',
  '*',
  '',
)
const KEY = fc.constantFrom(
  'id',
  'name',
  'content',
  'subscribe',
  'publish',
  'namespaces',
  'since',
  '__proto__',
  'constructor',
  'callback',
  'actor',
  'x',
)
const LEAF = fc.oneof(
  NAME,
  fc.string(),
  fc.integer(),
  fc.double(),
  fc.constantFrom(null, true, 2 ** 53, '0', '1.2.3', '9'.repeat(400)),
)
const { value: VALUE } = fc.letrec(tie => ({
  value: fc.oneof({ depthSize: 'small' }, LEAF, fc.array(tie('value'), { maxLength: 4 }), tie('object')),
  object: objectOf(tie('value')),
}))
/** From entries, because fast-check's dictionaries would leave out __proto__. */
function objectOf(value: fc.Arbitrary<unknown>): fc.Arbitrary<object> {
  return fc.array(fc.tuple(KEY, value), { maxLength: 5 }).map(entries => Object.fromEntries(entries))
}
/** Objects in the shape of frames; what is in them is not, or is nothing that can be done. */
const FRAME = fc.oneof(
  objectOf(VALUE),
  fc.record({ id: VALUE, name: NAME, content: VALUE }, { requiredKeys: [] }),
  fc.record({ subscribe: fc.array(NAME), namespaces: VALUE, since: VALUE }, { requiredKeys: ['subscribe'] }),
  fc.record({ publish: fc.record({ name: NAME, content: VALUE }, { requiredKeys: [] }) }),
)
const TEXT = fc.oneof(
  FRAME.map(frame => JSON.stringify(frame)),
  VALUE.map(value => JSON.stringify(value) ?? ''),
  fc.string(),
  // The same key twice, and JSON that was cut or that goes on.
  FRAME.map(frame => JSON.stringify(frame).replace('{', '{"id":1,"id":2,')),
  fc.tuple(FRAME, fc.nat(100)).map(([frame, at]) => JSON.stringify(frame).slice(0, at)),
  fc
    .integer({ min: 100, max: 20_000 })
    .map(depth => `{"id":1,"name":"kytos.settings.update","content":${'[{"a":'.repeat(depth)}`),
  fc.integer({ min: 1, max: 1_500_000 }).map(length => `{"id":"${'x'.repeat(length)}"}`),
)
type Sent =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'bytes' | 'raw'; readonly bytes: Uint8Array; readonly binary: boolean }
const SENT: fc.Arbitrary<Sent> = fc.oneof(
  { weight: 8, arbitrary: TEXT.map(text => ({ kind: 'text' as const, text })) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.uint8Array({ maxLength: 300 }), fc.boolean())
      .map(([bytes, binary]) => ({ kind: 'bytes' as const, bytes, binary })),
  },
  // Straight onto the line, as no WebSocket would have it.
  {
    weight: 1,
    arbitrary: fc
      .uint8Array({ minLength: 1, maxLength: 300 })
      .map(bytes => ({ kind: 'raw' as const, bytes, binary: true })),
  },
)

it('lives through whatever is sent, writes nothing of it, and answers others meanwhile', async () => {
  const { http, bus, log, send } = await openRealRig()
  const { listeners } = bus.counts()
  const good = await openBusSocket(http.port)
  await good.ask('kytos.settings.update', { namespace: 'kytos/a', data: { kept: true } })
  await good.ask('kytos.storehouse.create', { namespace: 'net', box_id: '1', data: 1 })
  good.send({ subscribe: ['settings.*', 'box.*'] })
  const { cursor } = await good.next()

  await fc.assert(
    fc.asyncProperty(fc.array(SENT, { minLength: 1, maxLength: 8 }), async frames => {
      const bad = new WebSocket(`ws://127.0.0.1:${http.port}${API}/bus`, { perMessageDeflate: false })
      bad.on('error', () => {}) // what it sends may well break its line
      const closed = new Promise(resolve => bad.once('close', resolve))
      await new Promise(resolve => bad.once('open', resolve))
      for (const frame of frames) {
        if (frame.kind === 'text') bad.send(frame.text)
        else if (frame.kind === 'bytes') bad.send(frame.bytes, { binary: frame.binary })
        else Reflect.get(bad, '_socket').write(frame.bytes)
      }
      // The good one's answer comes after what the bad one sent first, whose line then ends either way.
      expect(await good.ask('kytos.settings.retrieve', { namespace: 'kytos/a' })).toMatchObject({
        data: { data: { kept: true }, version: 1 },
      })
      bad.close()
      setTimeout(() => bad.terminate(), 200).unref()
      await closed
    }),
    { numRuns: 150 },
  )
  expect((await send('GET', '/healthz')).status).toBe(200)
  expect(await good.ask('kytos.storehouse.list', { namespace: 'net' })).toMatchObject({ data: ['1'] })
  expect(await good.ask('kytos.settings.list')).toMatchObject({ data: [{ namespace: 'kytos/a' }] })
  good.send({ subscribe: ['settings.*', 'box.*'], since: cursor })
  // Nothing was said since: what comes next is the answer to a question.
  expect(await good.next()).toEqual({ subscribed: ['settings.*', 'box.*'], cursor })
  expect(await Promise.race([good.next(), good.ask('kytos.settings.list')])).toHaveProperty('reply_to')
  expect(log.lines.filter(line => line.startsWith('error'))).toEqual([])
  await expect.poll(() => bus.counts().listeners).toBe(listeners)
})

it('lives through whatever handshake it is offered, alone or behind another request', async () => {
  const { http, send, log } = await openRealRig()
  const header = fc.tuple(
    fc.constantFrom(
      'Host',
      'Upgrade',
      'Connection',
      'Sec-WebSocket-Key',
      'Sec-WebSocket-Version',
      'Sec-WebSocket-Extensions',
      'Origin',
      'Content-Length',
      'Expect',
    ),
    fc.oneof(
      fc.constantFrom(
        'localhost',
        'websocket',
        'h2c',
        'Upgrade',
        'dGhlIHNhbXBsZSBub25jZQ==',
        '13',
        '8',
        'permessage-deflate',
        'http://localhost',
        '2',
        '100-continue',
      ),
      fc.string({ unit: 'grapheme-ascii', maxLength: 20 }),
    ),
  )
  const request = fc
    .record({
      method: fc.constantFrom('GET', 'GET', 'GET', 'HEAD', 'PATCH', 'CONNECT', 'OPTIONS'),
      path: fc.oneof(
        fc.constantFrom(
          `${API}/bus`,
          `${API}/bus`,
          API,
          '*',
          '//',
          '/%zz',
          '/../..',
          'http://localhost/',
          `${API}/bus?%`,
        ),
        fc.webPath(),
      ),
      headers: fc.array(header, { maxLength: 6 }),
      usual: fc.boolean(),
    })
    .map(({ method, path, headers, usual }) => {
      const first = usual ? 'Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' : ''
      return `${method} ${path} HTTP/1.1\r\n${first}${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
    })
  await fc.assert(
    fc.asyncProperty(
      fc.array(request, { minLength: 1, maxLength: 3 }),
      fc.string(),
      async (requests, rest) => {
        const socket = connect(http.port, '127.0.0.1', () => void socket.write(requests.join('') + rest))
        socket.on('error', () => {}) // cut by the service
        await new Promise(resolve =>
          socket
            .once('data', resolve)
            .once('close', resolve)
            .setTimeout(50, () => resolve(undefined)),
        )
        socket.destroy()
        expect((await send('GET', '/healthz')).status).toBe(200)
      },
    ),
    { numRuns: 150 },
  )
  expect(log.lines.filter(line => line.startsWith('error'))).toEqual([])
})

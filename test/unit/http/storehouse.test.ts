import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { KytosEvent } from '../../../events/event.ts'
import { encodeSegment } from '../../../model/key.ts'
import { openBareRig, openRealRig, type Rig } from './harness.ts'

/*
 * What the storehouse routes refuse. What they answer, and what of 1.3.2 is not repeated, is tried on real
 * stores: test/integration/storehouse-*.
 */

const V1 = '/api/kytos/storehouse/v1'
const V2 = '/api/kytos/storehouse/v2'
const JSON_TYPE = { 'content-type': 'application/json' }
const WRITES = [
  ['POST', `${V1}/net`],
  ['POST', `${V2}/net`],
  ['POST', `${V2}/net/b`],
  ['PUT', `${V1}/net/a`],
  ['PATCH', `${V1}/net/a`],
] as const

/** A rig with the box `net/a`, `{"x":1}`, and what is said of boxes from then on. */
async function openWithBox(): Promise<Rig & { readonly changes: readonly KytosEvent[] }> {
  const rig = await openRealRig()
  await rig.send('POST', `${V2}/net/a`, { body: { json: { x: 1 } } })
  const changes: KytosEvent[] = []
  rig.bus.on(/box\..*/, event => void changes.push(event))
  return { ...rig, changes }
}

it('A box of 16 MiB is kept, and one byte more is refused', async () => {
  const { send } = await openRealRig()
  const text = (bytes: number) => `"${'x'.repeat(bytes - 2)}"`
  const largest = text(16 * 1024 * 1024)
  expect(await send('POST', `${V2}/net/a`, { body: largest, headers: JSON_TYPE })).toMatchObject({
    status: 201,
  })
  expect((await send('GET', `${V1}/net/a`)).text === largest).toBe(true)
  const refused = await send('PUT', `${V1}/net/a`, { body: text(16 * 1024 * 1024 + 1), headers: JSON_TYPE })
  expect(refused).toMatchObject({
    status: 413,
    json: { code: 'DOCUMENT_TOO_LARGE', detail: expect.stringContaining('allows 16777216') },
  })
})

describe('a body that is not understood', () => {
  it.each([
    ['nothing', '', 400, 'CONTENT_MALFORMED', JSON_TYPE],
    ['half an object', '{"a":', 400, 'JSON_MALFORMED', JSON_TYPE],
    ['a key twice', '{"a":1,"a":2}', 400, 'JSON_MALFORMED', JSON_TYPE],
    ['__proto__ twice', '{"__proto__":1,"__proto__":2}', 400, 'JSON_MALFORMED', JSON_TYPE],
    ['a number that no double holds', '[1e400]', 400, 'JSON_MALFORMED', JSON_TYPE],
    ['10,000 deep', `${'['.repeat(10_000)}${']'.repeat(10_000)}`, 400, 'JSON_MALFORMED', JSON_TYPE],
    ['120 deep', `${'['.repeat(120)}${']'.repeat(120)}`, 400, 'JSON_MALFORMED', JSON_TYPE],
    ['text that is no UTF-8', Buffer.from('{"a":"\xff"}', 'latin1'), 400, 'JSON_MALFORMED', JSON_TYPE],
    ['17 MiB', `"${'x'.repeat(17 * 1024 * 1024)}"`, 413, 'DOCUMENT_TOO_LARGE', JSON_TYPE],
    ['a form', 'a=1', 400, 'CONTENT_MALFORMED', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['no type', '{}', 400, 'CONTENT_MALFORMED', {}],
    [
      'a merge patch, which means something else',
      '{}',
      400,
      'CONTENT_MALFORMED',
      { 'content-type': 'application/merge-patch+json' },
    ],
    ['a JSON Patch', '[]', 400, 'CONTENT_MALFORMED', { 'content-type': 'application/json-patch+json' }],
    [
      'another charset',
      '{}',
      400,
      'CONTENT_MALFORMED',
      { 'content-type': 'application/json; charset=latin1' },
    ],
    ['a packed body', '{}', 400, 'CONTENT_MALFORMED', { ...JSON_TYPE, 'content-encoding': 'gzip' }],
  ])('%s, writes nothing', async (_what, body, status, code, headers) => {
    const { send, changes } = await openWithBox()
    for (const [method, path] of WRITES) {
      const answer = await send(method, path, { body, headers })
      expect(answer).toMatchObject({
        status,
        json: { status, code, response: expect.any(String), detail: expect.any(String) },
      })
      expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8')
      expect(answer.text).not.toMatch(/\n\s+at |node_modules/)
    }
    expect((await send('GET', `${V1}/net`)).json).toEqual(['a'])
    expect((await send('GET', `${V1}/net/a`)).text).toBe('{"x":1}')
    expect(changes).toEqual([])
  })

  it('never pollutes a prototype: __proto__ is refused as a member, and other names are the keys they are', async () => {
    const { send } = await openWithBox()
    const constructed = '"constructor":{"prototype":{"polluted":true}}'
    const refused = await send('PATCH', `${V1}/net/a`, {
      body: `{"__proto__":{"polluted":true},${constructed}}`,
      headers: JSON_TYPE,
    })
    expect(refused).toMatchObject({ status: 400, json: { code: 'JSON_MALFORMED' } })
    await send('PATCH', `${V1}/net/a`, { body: `{${constructed}}`, headers: JSON_TYPE })
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
    expect((await send('GET', `${V1}/net/a`)).text).toContain(constructed)
    expect((await send('GET', `${V1}/net/a`)).text).not.toContain('__proto__')
    for (const name of ['__proto__', 'constructor', 'toString']) {
      expect((await send('GET', `${V1}/${name}/a`)).status).toBe(404)
      expect((await send('GET', `${V1}/net/search_by/${name}/a`)).status).toBe(404)
      expect(await send('POST', `${V2}/${name}/${name}`, { body: { json: {} } })).toMatchObject({
        status: 201,
        json: { id: name },
      })
      expect(Object.keys((await send('GET', `${V1}/backup/${name}`)).json)).toEqual([name])
    }
  })
})

describe('a path', () => {
  it.each([
    ['GET', `${V1}/`, 404, 'ROUTE_NOT_FOUND'],
    ['GET', '/api/kytos/storehouse/v3/net', 404, 'ROUTE_NOT_FOUND'],
    ['GET', `${V1}/net/a/b`, 404, 'ROUTE_NOT_FOUND'],
    ['GET', `${V2}/net`, 405, 'METHOD_NOT_ALLOWED'],
    ['PUT', `${V1}/net`, 405, 'METHOD_NOT_ALLOWED'],
    ['POST', `${V1}/net/a`, 405, 'METHOD_NOT_ALLOWED'],
    ['POST', `${V1}/net/search_by/box_id/a`, 405, 'METHOD_NOT_ALLOWED'],
    ['DELETE', `${V1}/backup/net/a`, 405, 'METHOD_NOT_ALLOWED'],
    ['GET', `${V1}/net/${'x'.repeat(181)}`, 400, 'BOX_MALFORMED'],
    ['GET', `${V1}/net/${'x'.repeat(5_000)}`, 400, 'CONTENT_MALFORMED'],
    ['GET', `${V1}/net/${encodeURIComponent('ü'.repeat(31))}`, 400, 'BOX_MALFORMED'],
    ['GET', `${V1}/net/%c0%ae%c0%ae`, 400, 'CONTENT_MALFORMED'],
    ['GET', `${V1}/net/%ed%a0%80`, 400, 'CONTENT_MALFORMED'],
    ['GET', `${V1}/net/a%00`, 400, 'BOX_MALFORMED'],
    ['GET', `${V1}/net/a%0d%0ab`, 400, 'BOX_MALFORMED'],
    ['GET', `${V1}//a`, 400, 'BOX_MALFORMED'],
  ])('%s %s: %i %s', async (method, path, status, code) => {
    const { send } = await openWithBox()
    expect(await send(method, path)).toMatchObject({ status, json: { status, code } })
  })

  it('names a box by any text up to 180 bytes, percent-encoded as its sender likes', async () => {
    const { send } = await openRealRig()
    const everyByte = (text: string) =>
      [...Buffer.from(text)].map(byte => `%${byte.toString(16).padStart(2, '0')}`).join('')
    const names = fc.oneof(
      fc.constantFrom(
        'a'.repeat(180),
        ':'.repeat(60),
        '%'.repeat(60),
        'ü'.repeat(30),
        '%2e%2e',
        '%00',
        '...',
        ' ',
        '#?&=+;',
        '{"a":1}',
        'search_by',
      ),
      fc
        .string({ unit: 'grapheme', minLength: 1, maxLength: 15 })
        .filter(
          text => !/[\u0000-\u001f\u007f-\u009f/\\]|^\.\.?$/.test(text) && encodeSegment(text).length <= 180,
        ),
    )
    await fc.assert(
      fc.asyncProperty(names, fc.boolean(), async (name, plain) => {
        const path = plain ? encodeURIComponent(name) : everyByte(name)
        expect(await send('POST', `${V2}/${path}/${path}`, { body: { json: name } })).toMatchObject({
          status: 201,
          json: { id: name },
        })
        expect(await send('GET', `${V1}/${path}/${path}`)).toMatchObject({ status: 200, json: name })
        expect((await send('GET', `${V1}/backup/${path}/${path}`)).json).toHaveProperty([name])
        expect((await send('DELETE', `${V1}/${path}/${path}`)).status).toBe(200)
      }),
      { numRuns: 60 },
    )
  })

  it('and a query, a method and a body of any kind are never answered with 5xx', async () => {
    const rig = await openRealRig()
    const piece = fc.oneof(
      fc.constantFrom(
        '..',
        '%2e%2e',
        '%00',
        '%',
        '%c0%af',
        'search_by',
        'backup',
        'box_id',
        'net',
        'a',
        '*',
        ';',
        '//',
        '?',
        '&',
        '(',
        '[',
        '__proto__',
      ),
      fc.string({ maxLength: 8 }),
    )
    const raw = (text: string) =>
      text.replace(/[^\x21-\x7e]/g, sign => encodeURIComponent(sign.isWellFormed() ? sign : '?'))
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE'),
        fc.constantFrom(V1, V2),
        fc.array(piece, { maxLength: 5 }),
        fc.oneof(fc.json(), fc.string(), fc.constantFrom('{}', '{"a":1}', '"a"')),
        async (method, version, path, body) => {
          const answer = await rig.send(
            method,
            `${version}/${raw(path.join('/'))}`,
            method === 'GET' ? {} : { body, headers: JSON_TYPE },
          )
          expect(answer.status).toBeLessThan(500)
          if (answer.status >= 400)
            expect(answer.json).toMatchObject({
              status: answer.status,
              code: expect.stringMatching(/^[A-Z_]+$/),
            })
        },
      ),
      { numRuns: 300 },
    )
    expect(rig.log.lines.filter(line => line.startsWith('error'))).toEqual([])
  }, 60_000)
})

describe('while the store is away', () => {
  it('every route says 503 and when to try again, with the response that storehouse users read', async () => {
    const { send } = await openBareRig()
    for (const [method, path] of [
      ...WRITES,
      ['GET', `${V1}/net`],
      ['GET', `${V1}/net/a`],
      ['GET', `${V1}/backup/net`],
      ['DELETE', `${V1}/net/a`],
    ] as const) {
      const answer = await send(
        method,
        path,
        method === 'GET' || method === 'DELETE' ? {} : { body: { json: {} } },
      )
      expect(answer).toMatchObject({
        status: 503,
        headers: { 'retry-after': '1' },
        json: { code: 'SERVICE_ABSENT', response: expect.any(String) },
      })
    }
  })
})

describe('an unexpected error', () => {
  it('is named to the client and told to the log only', async () => {
    const { bus, send, log } = await openBareRig()
    bus.serve('kytos.storehouse.list', () => {
      throw new TypeError('secret of the house')
    })
    const answer = await send('GET', `${V1}/net`)
    expect(answer).toMatchObject({
      status: 500,
      json: { code: 'INTERNAL_ERROR', response: 'Internal Server Error' },
    })
    expect(answer.text).not.toContain('secret')
    expect(log.lines.join('\n')).toContain('secret of the house')
  })

  it('within a backup cuts the line, so that no part passes for the whole', async () => {
    const { bus, send, log } = await openBareRig()
    const ids = Array.from({ length: 20 }, (_, i) => `${i}`)
    bus.serve('kytos.storehouse.list', () => ids)
    bus.serve('kytos.storehouse.retrieve', ({ namespace, box_id }) => {
      if (box_id === '15') throw new TypeError('out of the blue')
      const data = 'x'.repeat(100_000)
      const written = { revision: '1', epoch: 1, write_id: 'w' }
      return { namespace, box_id, data, created_at: '', owner: null, ...written }
    })
    await expect(send('GET', `${V1}/backup/net`)).rejects.toThrow(/aborted|socket hang up/)
    await expect.poll(() => log.lines.join('\n')).toContain('The backup of "net" was aborted')
  })

  it('before the first piece of a backup is an answer like any other', async () => {
    const { bus, send } = await openBareRig()
    bus.serve('kytos.storehouse.list', () => ['a'])
    bus.serve('kytos.storehouse.retrieve', () => {
      throw new TypeError('out of the blue')
    })
    expect(await send('GET', `${V1}/backup/net`)).toMatchObject({
      status: 500,
      json: { code: 'INTERNAL_ERROR' },
    })
  })
})

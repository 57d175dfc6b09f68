import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SettingsError } from '../../../model/errors.ts'
import { API, NAMESPACE, openBareRig, openRealRig, sendText } from './harness.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

describe('a request that is not understood', () => {
  it.each([
    ['GET', '/nowhere', 404, 'ROUTE_NOT_FOUND'],
    ['GET', '/', 404, 'ROUTE_NOT_FOUND'],
    ['GET', `${API}/of_lldp`, 404, 'ROUTE_NOT_FOUND'],
    ['GET', `${API}/event`, 404, 'ROUTE_NOT_FOUND'],
    ['POST', NAMESPACE, 405, 'METHOD_NOT_ALLOWED'],
    ['DELETE', API, 405, 'METHOD_NOT_ALLOWED'],
    ['OPTIONS', NAMESPACE, 405, 'METHOD_NOT_ALLOWED'],
    ['GET', `${API}/../secret`, 400, 'NAMESPACE_MALFORMED'],
    ['GET', `${API}/kytos/..`, 400, 'NAMESPACE_MALFORMED'],
    ['GET', `${API}/kytos/..%2f..%2fetc`, 400, 'NAMESPACE_MALFORMED'],
    ['GET', `${API}/kytos/of%00lldp`, 400, 'NAMESPACE_MALFORMED'],
    ['GET', `${API}/kytos/__proto__`, 400, 'NAMESPACE_MALFORMED'],
    ['GET', `${API}/kytos/${'x'.repeat(65)}`, 400, 'NAMESPACE_MALFORMED'],
    ['GET', `${API}/kytos/${'x'.repeat(2_000)}`, 400, 'CONTENT_MALFORMED'],
    ['GET', `${API}/kytos/%zz`, 400, 'CONTENT_MALFORMED'],
    ['GET', `${API}/kytos/%ff`, 400, 'CONTENT_MALFORMED'],
    ['GET', `${API}//of_lldp`, 400, 'NAMESPACE_MALFORMED'],
    ['GET', `${NAMESPACE}?scope=galaxy`, 400, 'SCOPE_MALFORMED'],
    ['GET', `${NAMESPACE}?fresh=1`, 400, 'CONTENT_MALFORMED'],
    ['GET', `${NAMESPACE}?__proto__=1`, 400, 'CONTENT_MALFORMED'],
    ['GET', `${API}/events?since=yesterday`, 400, 'CURSOR_MALFORMED'],
    ['GET', `${API}/events?since=1.2.3%0aevent:x`, 400, 'CURSOR_MALFORMED'],
    ['GET', `${API}/events?namespace=`, 400, 'CONTENT_MALFORMED'],
    ['HEAD', `${API}/events`, 405, undefined],
  ])('%s %s is %i %s', async (method, path, status, code) => {
    const { send } = await openRealRig()
    const answer = await send(method, path)
    expect(answer.status).toBe(status)
    expect(answer.json?.code).toBe(code)
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8')
    expect(answer.text).not.toMatch(/\n\s+at |node_modules/)
  })

  it.each([
    ['?dry_run=true', { dry_run: false }],
    ['?dry_run=true', { dry_run: 0 }],
    ['', { scope: null }],
  ])(
    'a transaction%s with %j beside its operations is malformed, and changes nothing',
    async (query, beside) => {
      const { send } = await openRealRig()
      const operations = [{ namespace: 'kytos/of_lldp', data: { a: 1 }, ...('scope' in beside && beside) }]
      const answer = await send('POST', `${API}/transaction${query}`, {
        body: { json: { operations, ...beside } },
      })
      expect([answer.status, (await send('GET', NAMESPACE)).status]).toEqual([400, 404])
    },
  )

  it('hears the nearest parameter, the nearest route and the methods that there are', async () => {
    const { send } = await openBareRig()
    expect((await send('GET', `${NAMESPACE}?explane=true`)).json).toMatchObject({
      code: 'CONTENT_MALFORMED',
      nearest: 'explain',
    })
    expect((await send('DELETE', `${NAMESPACE}?dry_run=true`)).json).toMatchObject({
      allowed: ['scope', 'confirm_within'],
    })
    expect((await send('GET', `${API}/event`)).json).toMatchObject({ nearest: `${API}/events` })
    expect(
      (await send('POST', NAMESPACE, { body: 'a=1', headers: { 'content-type': 'text/plain' } })).headers
        .allow,
    ).toBe('HEAD, GET, PUT, PATCH, DELETE')
  })

  it.each([
    ['nothing', '', 400, 'CONTENT_MALFORMED', JSON_TYPE],
    ['half an object', '{"a":', 400, 'JSON_MALFORMED', JSON_TYPE],
    ['a key twice', '{"a":1,"a":2}', 400, 'JSON_MALFORMED', JSON_TYPE],
    ['a number that no double holds', '{"a":1e400}', 400, 'JSON_MALFORMED', JSON_TYPE],
    ['deep nesting', `${'['.repeat(200_000)}`, 400, 'JSON_MALFORMED', JSON_TYPE],
    ['text that is no UTF-8', Buffer.from('{"a":"\xff"}', 'latin1'), 400, 'JSON_MALFORMED', JSON_TYPE],
    ['an array', '[]', 400, 'CONTENT_MALFORMED', JSON_TYPE],
    ['more than 1 MiB', `"${'x'.repeat(1_048_576)}"`, 413, 'DOCUMENT_TOO_LARGE', JSON_TYPE],
    ['a form', 'a=1', 415, 'UNSUPPORTED_MEDIA_TYPE', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['no type', '{}', 415, 'UNSUPPORTED_MEDIA_TYPE', {}],
    ['a broken type', '{}', 415, 'UNSUPPORTED_MEDIA_TYPE', { 'content-type': 'json' }],
    [
      'another charset',
      '{}',
      415,
      'UNSUPPORTED_MEDIA_TYPE',
      { 'content-type': 'application/json; charset=latin1' },
    ],
    ['a packed body', '{}', 415, 'UNSUPPORTED_MEDIA_TYPE', { ...JSON_TYPE, 'content-encoding': 'gzip' }],
  ])('for its body, %s, changes nothing', async (_what, body, status, code, headers) => {
    const { send } = await openRealRig()
    for (const method of ['PUT', 'PATCH']) {
      if (code === 'CONTENT_MALFORMED' && body === '[]' && method === 'PATCH') continue
      expect(await send(method, NAMESPACE, { body, headers })).toMatchObject({
        status,
        json: { code, status },
      })
    }
    expect((await send('GET', NAMESPACE)).status).toBe(404)
  })

  it.each([
    ['PATCH', JSON_TYPE, '{"__proto__":{"polluted":true}}'],
    ['PUT', JSON_TYPE, '{"a":[{"\\u005f_proto__":1}]}'],
    [
      'PATCH',
      { 'content-type': 'application/json-patch+json' },
      '[{"op":"add","path":"/__proto__","value":{"polluted":true}}]',
    ],
    [
      'PATCH',
      { 'content-type': 'application/json-patch+json' },
      '[{"op":"copy","from":"/a/__proto__/b","path":"/b"}]',
    ],
  ])(
    'that names __proto__ is refused, whichever way, and writes nothing: %s %j %s',
    async (method, headers, body) => {
      const { send } = await openRealRig()
      expect(await send(method, NAMESPACE, { body, headers })).toMatchObject({
        status: 400,
        json: { code: 'JSON_MALFORMED' },
      })
      expect((await send('GET', NAMESPACE)).status).toBe(404)
      expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
    },
  )

  it('never pollutes a prototype by other names, which stay the keys they are', async () => {
    const { send } = await openRealRig()
    await send('PATCH', NAMESPACE, {
      body: '{"constructor":{"prototype":{"polluted":true}}}',
      headers: JSON_TYPE,
    })
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
    expect((await send('GET', NAMESPACE)).text).toContain('"constructor":{"prototype":{"polluted":true}}')
  })

  it('is never answered with 5xx, whatever its path, query and body', async () => {
    const rig = await openRealRig()
    const piece = fc.oneof(
      fc.constantFrom(
        '..',
        '%2e%2e',
        '%00',
        '%',
        '%c0%af',
        'schema',
        'history',
        '1',
        'kytos',
        'a',
        '*',
        ';',
        '//',
        '?',
        '&',
        '=',
        'fresh',
      ),
      fc.string(),
    )
    const raw = (text: string) =>
      text.replace(/[^\x21-\x7e]/g, sign => encodeURIComponent(sign.isWellFormed() ? sign : '?'))
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('GET', 'PUT', 'PATCH', 'DELETE'),
        fc.array(piece, { maxLength: 5 }),
        fc.oneof(fc.json(), fc.string(), fc.constantFrom('{}', '{"a":1}')),
        fc.constantFrom('application/json', 'application/json-patch+json', 'application/merge-patch+json'),
        async (method, path, body, type) => {
          const answer = await rig.send(
            method,
            `${API}/${raw(path.join('/'))}`,
            method === 'GET' ? {} : { body, headers: { 'content-type': type } },
          )
          expect(answer.status).toBeLessThan(500)
          if (answer.status >= 400)
            expect(answer.json).toMatchObject({
              status: answer.status,
              code: expect.stringMatching(/^[A-Z_]+$/),
              detail: expect.any(String),
            })
        },
      ),
      { numRuns: 300 },
    )
    expect(rig.log.lines.filter(line => line.startsWith('error'))).toEqual([])
  }, 60_000)

  it('is answered as a problem even if it is no HTTP', async () => {
    const { http } = await openBareRig()
    const text = await sendText(http.port, 'THIS IS\r\nNOT HTTP\r\n\r\n')
    expect(text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\ncontent-type: application\/problem\+json/)
    expect(text).toContain('"code":"CONTENT_MALFORMED"')
  })
})

describe('the Host header', () => {
  it.each(['localhost', 'LOCALHOST:80', '127.0.0.1:8181', '[::1]', '[::1]:8181', 'localhost.'])(
    '%s is this service',
    async host => {
      const { send } = await openBareRig()
      expect((await send('GET', '/healthz', { headers: { host } })).status).toBe(200)
    },
  )

  it.each([
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example:80',
    '192.0.2.1',
    '[::2]',
    'a@localhost',
    ' ',
  ])('%j is refused', async host => {
    const { send } = await openBareRig()
    for (const path of ['/healthz', NAMESPACE, `${API}/events`, '/nowhere']) {
      expect(await send('GET', path, { headers: { host } })).toMatchObject({
        status: 403,
        json: { code: 'HOST_FORBIDDEN' },
      })
    }
  })
})

describe('no Host header, or an empty one,', () => {
  it.each(['GET /healthz HTTP/1.0\r\n\r\n', 'GET /healthz HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n'])(
    'as in %j, is refused',
    async text => {
      const { http } = await openBareRig()
      expect(await sendText(http.port, text)).toMatch(/^HTTP\/1\.1 403 [\s\S]*HOST_FORBIDDEN/)
    },
  )
})

describe('an error', () => {
  it('that nobody expected is named to the client and told to the log only', async () => {
    const { bus, send, log } = await openBareRig()
    bus.serve('kytos.settings.list', () => {
      throw new TypeError('secret of the house')
    })
    const answer = await send('GET', API)
    expect(answer).toMatchObject({ status: 500, json: { code: 'INTERNAL_ERROR' } })
    expect(answer.text).not.toContain('secret')
    expect(log.lines.join('\n')).toMatch(/TypeError: secret of the house\n\s+at /)
  })

  it('keeps its details, but not over its own fields, and not what JSON cannot hold', async () => {
    const { bus, send } = await openBareRig()
    const self: Record<string, unknown> = {}
    self.self = self
    bus.serve('kytos.settings.list', () => {
      throw new SettingsError('CHANGE_VETOED', 'kytos/topology refuses', {
        details: { who: 'kytos/topology', limit: 2n ** 64n, status: 1, self, of: undefined },
      })
    })
    expect((await send('GET', API)).json).toEqual({
      type: 'about:blank',
      title: 'Locked',
      status: 423,
      detail: 'kytos/topology refuses',
      code: 'CHANGE_VETOED',
      who: 'kytos/topology',
      limit: 2n ** 64n,
      self: expect.any(String),
    })
  })
})

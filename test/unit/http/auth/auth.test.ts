import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createMemoryStore } from '../../../../backends/memory/index.ts'
import { MAX_FAILURES_PER_MINUTE } from '../../../../src/http/auth/auth.ts'
import { callerBus } from '../../../../src/http/auth/caller.ts'
import { createTokenText } from '../../../../src/tokens/token.ts'
import { refusalOf } from '../../tokens/refusal-of.ts'
import { bearer, type GuardedRig, openGuardedRig, watchStore } from '../guarded.ts'
import { type Answer, API, NAMESPACE } from '../harness.ts'

const SECRET = '0123456789abcdef0123456789abcdef'
const JWT = { secret: SECRET, rights: ['read', 'write'] } as const
const JSON_BODY = { json: { a: 1 } }

/** Every kind of route: how it is asked, and which right it takes. */
const ROUTES: readonly (readonly [
  method: string,
  path: string,
  right: 'open' | 'read' | 'write' | 'admin',
])[] = [
  ['GET', '/healthz', 'open'],
  ['HEAD', '/healthz/', 'open'],
  ['GET', '/readyz', 'open'],
  ['GET', '/metrics', 'read'],
  ['GET', `${API}/`, 'read'],
  ['GET', NAMESPACE, 'read'],
  ['HEAD', NAMESPACE, 'read'],
  ['PUT', NAMESPACE, 'write'],
  ['PATCH', NAMESPACE, 'write'],
  ['DELETE', NAMESPACE, 'write'],
  ['GET', `${NAMESPACE}/schema`, 'read'],
  ['PUT', `${NAMESPACE}/schema`, 'write'],
  ['GET', `${NAMESPACE}/history`, 'read'],
  ['GET', `${NAMESPACE}/history/1`, 'read'],
  ['GET', `${API}/token`, 'admin'],
  ['POST', `${API}/token`, 'admin'],
  ['DELETE', `${API}/token/?id=abc`, 'admin'],
  ['GET', '/nowhere', 'read'],
  ['POST', '/nowhere', 'write'],
  ['OPTIONS', NAMESPACE, 'read'],
]

/** A JSON Web Token as Kytos makes it, unless told otherwise. */
function jwt(
  payload: object = {},
  { secret = SECRET, alg = 'HS256' }: { readonly secret?: string; readonly alg?: string } = {},
): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = {
    username: 'carol',
    iss: 'Kytos NApps Server',
    exp: Math.floor(Date.now() / 1_000) + 60,
    ...payload,
  }
  const signed = `${part({ alg, typ: 'JWT' })}.${part(claims)}`
  return `${signed}.${alg === 'none' ? '' : createHmac(alg.replace('HS', 'sha'), secret).update(signed).digest('base64url')}`
}

/** A rig on a store that can be looked at. */
async function openWatchedRig(
  ...[auth, options]: Parameters<typeof openGuardedRig>
): Promise<GuardedRig & { stored(): Promise<readonly string[]> }> {
  const store = createMemoryStore()
  return { ...(await openGuardedRig(auth, options, store)), stored: await watchStore(store) }
}

async function ask(
  { send }: GuardedRig,
  method: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const body = ['PUT', 'PATCH', 'POST'].includes(method) ? { body: JSON_BODY } : {}
  return send(method, path, { headers, ...body })
}

describe('without a credential that holds', () => {
  it.each(ROUTES)('%s %s, which takes %s, tells nothing and changes nothing', async (method, path, right) => {
    const rig = await openWatchedRig({ jwt: JWT })
    const [revoked, expired] = [await rig.token(['admin']), await rig.token(['admin'], 'old', 1)]
    await rig.service.tokens.revoke(revoked.id)
    const before = await rig.stored()
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 1_001 })
    onTestFinished(() => void vi.useRealTimers())
    const shown = {
      none: {},
      wrong: bearer(createTokenText('abc')),
      forged: bearer(createTokenText(expired.id)),
      revoked: revoked.headers,
      expired: expired.headers,
      old: bearer(jwt({ exp: Math.floor(Date.now() / 1_000) - 1 })),
      nonsense: bearer('nonsense'),
    }
    for (const [what, headers] of Object.entries(shown)) {
      const answer = await ask(rig, method, path, headers)
      // An open route ignores credentials, so that a probe with an old token is answered like one without.
      if (right === 'open') expect([what, answer.status]).toEqual([what, 200])
      else {
        expect([what, answer.status, answer.headers['www-authenticate']]).toEqual([
          what,
          401,
          expect.stringMatching(/^Bearer realm="kytos-settings"/),
        ])
        if (method !== 'HEAD')
          expect(answer.json).toMatchObject({
            code: what === 'none' ? 'TOKEN_REQUIRED' : 'TOKEN_INVALID',
            status: 401,
          })
        expect(answer.text).not.toContain('"data"')
      }
    }
    expect(await rig.stored()).toEqual(before)
  })
})

describe('with a credential that holds', () => {
  it.each(ROUTES)('%s %s takes %s, and no less', async (method, path, right) => {
    const rig = await openWatchedRig()
    const enough = {
      open: ['read', 'write', 'admin'],
      read: ['read', 'write', 'admin'],
      write: ['write', 'admin'],
      admin: ['admin'],
    }[right]
    for (const held of ['secrets', 'read', 'write', 'admin'] as const) {
      const { headers } = await rig.token([held])
      const before = await rig.stored()
      const answer = await ask(rig, method, path, headers)
      if (enough.includes(held) || right === 'open') expect([401, 403, 500]).not.toContain(answer.status)
      else {
        expect([held, answer.status, answer.headers['www-authenticate']]).toEqual([
          held,
          403,
          expect.stringContaining(`scope="${right}"`),
        ])
        if (method !== 'HEAD') expect(answer.json).toMatchObject({ code: 'PERMISSION_DENIED', needs: right })
        expect(await rig.stored()).toEqual(before)
      }
    }
  })

  it('the history and the facts name the token, not the address', async () => {
    const rig = await openGuardedRig({ jwt: JWT })
    const { headers } = await rig.token(['write'], 'ci@example.org')
    expect((await rig.send('PATCH', NAMESPACE, { headers, body: JSON_BODY })).status).toBe(200)
    expect(
      (
        await rig.send('PATCH', NAMESPACE, {
          headers: bearer(jwt({ username: 'carol' })),
          body: { json: { a: 2 } },
        })
      ).status,
    ).toBe(200)
    const { json } = await rig.send('GET', `${NAMESPACE}/history`, { headers })
    expect(json).toMatchObject([
      { actor: { type: 'user', name: 'carol' } },
      { actor: { type: 'user', name: 'ci@example.org' } },
    ])
  })

  it('the word Bearer may be written in any case, and a scheme that is not ours shows nothing', async () => {
    const rig = await openGuardedRig()
    const { token } = await rig.token(['read'])
    expect((await rig.send('GET', API, { headers: { authorization: `bEARER  ${token} ` } })).status).toBe(200)
    expect((await rig.send('GET', API, { headers: { authorization: `Basic ${token}` } })).json.code).toBe(
      'TOKEN_REQUIRED',
    )
    expect((await rig.send('GET', API, { headers: { authorization: 'Bearer' } })).json.code).toBe(
      'TOKEN_INVALID',
    )
    expect((await rig.send('GET', `${API}?access_token=${token}`)).json.code).toBe('TOKEN_REQUIRED')
  })
})

describe('a login token of Kytos', () => {
  it('reads and writes as its user', async () => {
    const rig = await openGuardedRig({ jwt: JWT })
    expect((await ask(rig, 'PATCH', NAMESPACE, bearer(jwt()))).status).toBe(200)
    expect((await ask(rig, 'GET', `${API}/token`, bearer(jwt()))).json.code).toBe('PERMISSION_DENIED')
  })

  it.each([
    ['signed with another secret', () => jwt({}, { secret: `${SECRET.slice(1)}x` })],
    ['expired', () => jwt({ exp: Math.floor(Date.now() / 1_000) - 1 })],
    ['without an end', () => jwt({ exp: undefined })],
    ['with an end that is no number', () => jwt({ exp: '9999999999' })],
    ['not yet good', () => jwt({ nbf: Math.floor(Date.now() / 1_000) + 60 })],
    ['of somebody else', () => jwt({ iss: 'somebody else' })],
    ['of nobody', () => jwt({ iss: undefined })],
    ['without a user', () => jwt({ username: undefined })],
    ['with an empty user', () => jwt({ username: '' })],
    ['with a user of two lines', () => jwt({ username: 'a\nb' })],
    ['with a user that is no text', () => jwt({ username: { name: 'root' } })],
    ['of algorithm none', () => jwt({}, { alg: 'none' })],
    ['of algorithm HS512', () => jwt({}, { alg: 'HS512' })],
    ['of algorithm HS384', () => jwt({}, { alg: 'HS384' })],
    ['with its signature cut off', () => `${jwt().split('.').slice(0, 2).join('.')}.`],
    [
      'with its claims changed',
      () => jwt().replace(/\.[^.]+\./, `.${Buffer.from('{"username":"root"}').toString('base64url')}.`),
    ],
    ['of nothing', () => '..'],
  ])('%s is refused', async (_what, make) => {
    const rig = await openGuardedRig({ jwt: JWT })
    expect(await ask(rig, 'PATCH', NAMESPACE, bearer(make()))).toMatchObject({
      status: 401,
      json: { code: 'TOKEN_INVALID' },
    })
    const { headers } = await rig.token(['read'])
    expect((await rig.send('GET', NAMESPACE, { headers })).status).toBe(404)
  })

  it('is none where Kytos has no secret here', async () => {
    expect(await ask(await openGuardedRig(), 'GET', API, bearer(jwt()))).toMatchObject({
      status: 401,
      json: { code: 'TOKEN_INVALID' },
    })
  })
})

describe('a WebSocket', () => {
  it.each([
    ['without a token', {}, '401 Unauthorized'],
    ['with a wrong one', bearer(createTokenText('abc')), '401 Unauthorized'],
    ['from a page of another site', { Origin: 'http://evil.example' }, '403 Forbidden'],
  ])('%s is not opened', async (_what, headers, status) => {
    const { http } = await openGuardedRig()
    const lines = Object.entries({
      Host: 'localhost',
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      ...headers,
    })
    const text = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
    const socket = connect(
      http.port,
      '127.0.0.1',
      () =>
        void socket.write(
          `GET ${API}/bus HTTP/1.1\r\n${text}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
        ),
    )
    onTestFinished(() => void socket.destroy())
    const [answer] = await once(socket, 'data')
    expect(String(answer)).toMatch(new RegExp(`^HTTP/1\\.1 ${status}\\r\\n`))
  })
})

describe('where no credential is needed', () => {
  it('everybody reads and writes, in the name of their address', async () => {
    const rig = await openGuardedRig({ required: false })
    expect((await rig.send('PATCH', NAMESPACE, { body: JSON_BODY })).status).toBe(200)
    expect((await rig.send('GET', `${NAMESPACE}/history`)).json).toMatchObject([
      { actor: { type: 'user', name: '127.0.0.1' } },
    ])
  })

  it('one that is shown counts: it names who writes, limits what may be done, and a wrong one is refused', async () => {
    const rig = await openGuardedRig({ required: false })
    const { headers } = await rig.token(['read'])
    expect((await ask(rig, 'PATCH', NAMESPACE, headers)).status).toBe(403)
    expect((await ask(rig, 'PATCH', NAMESPACE, bearer('x'))).status).toBe(401)
    expect(
      (await ask(rig, 'PATCH', NAMESPACE, (await rig.token(['write'], 'ci')).headers)).json.updated_by,
    ).toEqual({ type: 'user', name: 'ci', by: { token: expect.stringMatching(/^[0-9a-f]{16}$/) } })
  })

  it.each(['GET', 'POST', 'DELETE'])('tokens take one all the same: %s', async method => {
    const rig = await openGuardedRig({ required: false })
    expect((await ask(rig, method, `${API}/token`)).json.code).toBe('TOKEN_REQUIRED')
    expect(await rig.service.tokens.list()).toEqual([])
  })
})

describe('tokens over REST', () => {
  it('are made, shown once, listed and revoked', async () => {
    const rig = await openGuardedRig()
    const { headers } = await rig.token(['admin'], 'root')
    const body = { json: { name: 'ci', rights: ['write'], expires_in: 3_600 } }
    const made = await rig.send('POST', `${API}/token`, { headers, body })
    expect(made).toMatchObject({
      status: 201,
      json: { name: 'ci', rights: ['write'], created_by: { type: 'user', name: 'root' } },
    })
    expect(made.headers['cache-control']).toBe('no-store')
    const { token, id, created_at, expires_at } = made.json as Record<string, string>
    expect(Date.parse(expires_at ?? '') - Date.parse(created_at ?? '')).toBe(3_600_000)
    expect((await ask(rig, 'PATCH', NAMESPACE, bearer(token ?? ''))).status).toBe(200)
    const listed = await rig.send('GET', `${API}/token`, { headers })
    expect(listed.json).toMatchObject([{ name: 'root' }, { id, name: 'ci' }])
    expect(listed.text).not.toMatch(/hash|sha256|kytos_/)
    expect(await rig.send('DELETE', `${API}/token?id=${id}`, { headers })).toMatchObject({
      status: 204,
      text: '',
    })
    expect((await ask(rig, 'PATCH', NAMESPACE, bearer(token ?? ''))).status).toBe(401)
    expect((await rig.send('DELETE', `${API}/token?id=${id}`, { headers })).json.code).toBe('TOKEN_NOT_FOUND')
    expect(rig.log.lines.join('\n')).not.toContain(token)
    expect(rig.log.lines).toContainEqual(
      expect.stringMatching(new RegExp(`^info root created the token ci \\(id ${id}; rights: write; .*Z\\)`)),
    )
  })

  it('are limited to namespaces and boxes, which the list and the log name', async () => {
    const rig = await openGuardedRig()
    const { headers } = await rig.token(['admin'], 'root')
    const make = (limits: object) =>
      rig.send('POST', `${API}/token`, {
        headers,
        body: { json: { name: 'ci', rights: ['write'], ...limits } },
      })
    const limited = await make({ namespaces: ['kytos/*', 'kytos/*', 'acme/x'] })
    expect(limited).toMatchObject({ status: 201, json: { namespaces: ['kytos/*', 'acme/x'], boxes: [] } })
    const withBoxes = await make({ namespaces: ['kytos/*'], boxes: ['kytos.*'] })
    expect(withBoxes.json).toMatchObject({ namespaces: ['kytos/*'], boxes: ['kytos.*'] })
    expect((await make({ namespaces: null, boxes: null })).json).not.toHaveProperty('namespaces')
    expect((await rig.send('GET', `${API}/token`, { headers })).json).toMatchObject([
      { name: 'root' },
      { namespaces: ['kytos/*', 'acme/x'], boxes: [] },
      { namespaces: ['kytos/*'], boxes: ['kytos.*'] },
      { name: 'ci' },
    ])
    expect(rig.log.lines.join('\n')).toContain('namespaces: kytos/*, acme/x; boxes: none).')
    const shown = bearer(String(limited.json.token))
    expect((await ask(rig, 'PATCH', NAMESPACE, shown)).status).toBe(200)
    expect((await ask(rig, 'PATCH', `${API}/acme/y`, shown)).json).toMatchObject({
      code: 'PERMISSION_DENIED',
      namespace: 'acme/y',
      namespaces: ['kytos/*', 'acme/x'],
    })
  })

  it.each([
    ['POST', '', { json: { name: 'x', rights: ['read'], namespaces: [] } }],
    ['POST', '', { json: { name: 'x', rights: ['read'], namespaces: [''] } }],
    ['POST', '', { json: { name: 'x', rights: ['read'], namespaces: ['kytos'] } }],
    ['POST', '', { json: { name: 'x', rights: ['read'], namespaces: 'kytos/*' } }],
    ['POST', '', { json: { name: 'x', rights: ['read'], boxes: ['kytos.*'] } }],
    ['POST', '', { json: { name: 'x', rights: ['read'], namespaces: ['kytos/*'], boxes: [] } }],
    ['POST', '', { json: { name: 'x', rights: ['root'] } }],
    ['POST', '', { json: { name: 'x', rights: ['read'], right: 'admin' } }],
    ['POST', '', { json: [] }],
    ['POST', '?x=1', { json: { name: 'x', rights: ['read'] } }],
    ['DELETE', '', undefined],
    ['GET', '?id=1', undefined],
  ])('%s token%s %j is malformed', async (method, query, body) => {
    const rig = await openGuardedRig()
    const { headers } = await rig.token(['admin'])
    expect(await rig.send(method, `${API}/token${query}`, { headers, ...(body && { body }) })).toMatchObject({
      status: 400,
      json: { code: 'CONTENT_MALFORMED' },
    })
    expect(await rig.service.tokens.list()).toHaveLength(1)
  })
})

describe('wrong credentials', () => {
  it('again and again have to wait; a token of the store passes all the while, and a login token waits too', async () => {
    const rig = await openGuardedRig({ jwt: JWT })
    const { headers } = await rig.token(['read'])
    for (let i = 0; i < MAX_FAILURES_PER_MINUTE; i++)
      expect(
        (await ask(rig, 'GET', API, bearer(i % 2 ? createTokenText('abc') : jwt({ iss: 'x' })))).status,
      ).toBe(401)
    const refused = await ask(rig, 'GET', API, bearer(createTokenText('abc')))
    expect(refused).toMatchObject({ status: 429, json: { code: 'RATE_LIMITED' } })
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(50)
    expect((await ask(rig, 'GET', API, bearer(jwt()))).status).toBe(429)
    expect((await ask(rig, 'GET', API, headers)).status).toBe(200)
    expect((await ask(rig, 'GET', API)).status).toBe(401)
    // The log tells of the first and of the last, not of each.
    expect(
      rig.log.lines.filter(line => line.includes('Rejected an invalid credential from 127.0.0.1')),
    ).toHaveLength(2)
  })

  it('made to take long take none', async () => {
    const rig = await openGuardedRig()
    const begin = performance.now()
    const authorization = `Bearer a${' '.repeat(12_000)}b`
    expect((await ask(rig, 'GET', API, { authorization })).status).toBe(401)
    expect(performance.now() - begin).toBeLessThan(1_000)
  })

  it('are refused whatever they are, and never with a 5xx', async () => {
    const rig = await openGuardedRig({ jwt: JWT })
    const written = fc.string({
      unit: fc.integer({ min: 0x20, max: 0xff }).map(code => String.fromCharCode(code).replace('\x7f', '')),
    })
    const credential = fc.oneof(
      written,
      fc.tuple(written, written, written).map(parts => parts.join('.')),
      fc.constant(jwt().slice(1)),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('Bearer ', 'bearer\t', '', 'Basic '),
        credential,
        async (scheme, text) => {
          expect([401, 429]).toContain(
            (await ask(rig, 'PATCH', NAMESPACE, { authorization: `${scheme}${text}` })).status,
          )
        },
      ),
      { numRuns: 150 },
    )
  })

  it('that nobody shows do not count', async () => {
    const rig = await openGuardedRig()
    for (let i = 0; i < MAX_FAILURES_PER_MINUTE + 5; i++)
      expect((await ask(rig, 'GET', API)).status).toBe(401)
  })
})

describe('an event stream', () => {
  const follow = async ({ http }: GuardedRig, headers: Record<string, string>): Promise<IncomingMessage> => {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = get(
        { host: '127.0.0.1', port: http.port, path: `${API}/events`, headers, agent: false },
        resolve,
      )
      request.on('error', reject)
      onTestFinished(() => void request.destroy())
    })
    return response
  }

  it('tells nothing to who may not read', async () => {
    const rig = await openGuardedRig()
    for (const [headers, status] of [
      [{}, 401],
      [bearer('x'), 401],
      [(await rig.token(['secrets'])).headers, 403],
    ] as const) {
      const response = await follow(rig, headers)
      expect([response.statusCode, response.headers['content-type']]).toEqual([
        status,
        'application/problem+json; charset=utf-8',
      ])
      response.resume()
    }
  })

  it('ends as soon as its token is revoked, here or on another controller, and tells nothing after', async () => {
    const store = createMemoryStore()
    const [one, two] = [
      await openGuardedRig({}, {}, store, 'controller-1'),
      await openGuardedRig({}, {}, store, 'controller-2'),
    ]
    const [reader, writer] = [await one.token(['read']), await one.token(['write'])]
    const streams = [await follow(one, reader.headers), await follow(two, reader.headers)]
    const heard = streams.map(stream => text(stream))
    expect((await ask(one, 'PATCH', NAMESPACE, writer.headers)).status).toBe(200)
    await one.service.tokens.revoke(reader.id)
    await Promise.all(heard)
    await one.send('PATCH', NAMESPACE, { headers: writer.headers, body: { json: { a: 'after' } } })
    for (const said of await Promise.all(heard)) {
      expect(said).toContain('event: settings.changed')
      expect(said).toMatch(/: the token was revoked or has expired\n\n$/)
      expect(said).not.toContain('after')
    }
  })

  it('ends when its token expires, and when its login token does', async () => {
    const rig = await openGuardedRig({ jwt: JWT })
    const { headers } = await rig.token(['read'], 'short', 1)
    const end = Math.floor(Date.now() / 1_000) + 2
    const streams = [await follow(rig, headers), await follow(rig, bearer(jwt({ exp: end })))]
    for (const stream of streams)
      expect(await text(stream)).toMatch(/: the token was revoked or has expired\n\n$/)
    expect(Date.now()).toBeGreaterThanOrEqual(end * 1_000)
    expect(Date.now()).toBeLessThan(end * 1_000 + 1_000)
  })

  it('outlives the end of another token', async () => {
    const rig = await openGuardedRig()
    const [one, two] = [await rig.token(['read']), await rig.token(['read'])]
    const stream = await follow(rig, one.headers)
    await rig.service.tokens.revoke(two.id)
    const writer = await rig.token(['write'])
    await ask(rig, 'PATCH', NAMESPACE, writer.headers)
    stream.setEncoding('utf8')
    let said = ''
    for await (const chunk of stream) {
      said += chunk
      if (said.includes('settings.changed')) break
    }
    expect(said).toContain('settings.changed')
  })
})

describe('the bus of a caller', () => {
  it('sends and receives as its permissions allow, while its credential is valid', async () => {
    const rig = await openGuardedRig()
    const { id, token } = await rig.token(['read'], 'reader')
    const principal = rig.service.tokens.check(token)
    const caller = { actor: { type: 'user', name: 'reader' }, hasCredential: true, ...principal } as const
    // Only the caller of the request matters.
    const bus = callerBus(rig.bus, { caller } as unknown as Parameters<typeof callerBus>[1])
    bus.emit('kytos.settings.list', {})
    bus.on('settings.changed', () => {})
    for (const name of [
      'kytos.settings.update',
      'kytos.storehouse.delete',
      'kytos.settings.register',
      'my/napp.event',
      '__proto__',
      'kytos.settings.unheard',
    ]) {
      expect((await refusalOf(() => bus.emit(name, {}))).code).toBe('PERMISSION_DENIED')
    }
    expect((await refusalOf(() => bus.consume('kytos/of_lldp'))).code).toBe('PERMISSION_DENIED')
    await rig.service.tokens.revoke(id)
    expect((await refusalOf(() => bus.emit('kytos.settings.list', {}))).code).toBe('TOKEN_INVALID')
    expect((await refusalOf(() => bus.on('settings.changed', () => {}))).code).toBe('TOKEN_INVALID')
  })
})

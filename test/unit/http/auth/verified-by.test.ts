import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { KytosEvent } from '../../../../events/event.ts'
import { isReservedName, parseActor, printActor } from '../../../../model/actor.ts'
import { toJson } from '../../../../model/value.ts'
import { logFact } from '../../../../src/log/audit-log.ts'
import type { Log, LogFields } from '../../../../src/log/log.ts'
import { bearer, openGuardedRig } from '../guarded.ts'

const SECRET = 's'.repeat(40)
const API = '/api/kytos/settings/v1'

function login(username: string): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const exp = Math.floor(Date.now() / 1_000) + 3_600
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ username, iss: 'Kytos NApps Server', exp })}`
  return `${text}.${createHmac('sha256', SECRET).update(text).digest('base64url')}`
}

async function open() {
  const rig = await openGuardedRig({ jwt: { secret: SECRET, rights: ['write'] } })
  const facts: KytosEvent[] = []
  rig.service.feed.follow(undefined, event => void facts.push(event))
  const call = async (headers: object, method: string, path: string, body?: object) => {
    const response = await fetch(`${rig.http.url}${path}`, {
      method,
      headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    })
    return { status: response.status, body: JSON.parse(await response.text()) }
  }
  return { rig, facts, call }
}

it('what verified a name is in the answer, the history, explain, facts, boxes and the log, and tells two callers apart', async () => {
  const { rig, facts, call } = await open()
  const { id, headers } = await rig.token(['write'], 'alice')
  const [token, user] = [
    { type: 'user', name: 'alice', by: { token: id } },
    { type: 'user', name: 'alice', by: { login: 'alice' } },
  ]
  const first = await call(headers, 'PATCH', `${API}/kytos/x`, { a: 1 })
  expect(first).toMatchObject({ status: 200, body: { updated_by: token } })
  const second = await call(bearer(login('alice')), 'PATCH', `${API}/kytos/x`, { b: 2 })
  expect(second).toMatchObject({ status: 200, body: { updated_by: user } })
  const { body: history } = await call(headers, 'GET', `${API}/kytos/x/history`)
  expect(history.map(({ actor }: { actor: unknown }) => actor)).toEqual([user, token])
  const { body: explained } = await call(headers, 'GET', `${API}/kytos/x?explain=true`)
  expect(explained.explain).toMatchObject({ '/a': { set_by: token }, '/b': { set_by: user } })
  expect((await call(headers, 'POST', '/api/kytos/storehouse/v1/net', { c: 3 })).status).toBe(201)

  const actors = () => facts.map(({ name, content }) => [name, (content as { actor?: unknown }).actor])
  await expect.poll(actors, { timeout: 20_000 }).toEqual(
    expect.arrayContaining([
      ['settings.changed', token],
      ['settings.changed', user],
      ['box.changed', token],
    ]),
  )

  const fields: (LogFields | undefined)[] = []
  const keep = (_: string, given?: LogFields) => void fields.push(given)
  const log: Log = { info: keep, warn: keep, error: keep, child: () => log }
  for (const fact of facts) logFact(log, fact)
  expect(fields).toEqual([
    expect.objectContaining({ actor: 'user alice', by: `token ${id}` }),
    expect.objectContaining({ actor: 'user alice', by: 'login alice' }),
  ])
})

it('a token has who verified its creator', async () => {
  const { rig, call } = await open()
  const { id, headers } = await rig.token(['admin'], 'root')
  await call(headers, 'POST', `${API}/token`, { name: 'ci', rights: ['read'] })
  const { body } = await call(headers, 'GET', `${API}/token`)
  expect(body.find(({ name }: { name: string }) => name === 'ci').created_by).toEqual({
    type: 'user',
    name: 'root',
    by: { token: id },
  })
})

it.each(['local-admin', 'Local-Admin', 'anonymous', '127.0.0.1', '10.1.2.3'])(
  'neither a token nor a login is named %s, as another caller is',
  async name => {
    const { rig, call } = await open()
    const { headers } = await rig.token(['admin'], 'root')
    const made = await call(headers, 'POST', `${API}/token`, { name, rights: ['read'] })
    expect(made).toMatchObject({ status: 400, body: { code: 'CONTENT_MALFORMED' } })
    expect(made.body.detail).toContain(`must not be "${name}"`)
    const used = await call(bearer(login(name)), 'GET', `${API}/kytos/x`)
    expect(used).toMatchObject({ status: 401, body: { code: 'TOKEN_INVALID' } })
  },
)

it.each(['kytos/of_lldp', '::1', 'fe80::1', 'local\u200b-admin', ' local-admin ', 'ＬＯＣＡＬ-admin'])(
  'a login is not named %s, as another caller is',
  async name => {
    const { call } = await open()
    const used = await call(bearer(login(name)), 'GET', `${API}/kytos/x`)
    expect(used).toMatchObject({ status: 401, body: { code: 'TOKEN_INVALID' } })
  },
)

it('an actor is read from the store as it was written, and a foreign member of it is not', () => {
  const by = fc.oneof(
    fc.constant(undefined),
    fc.constant('local' as const),
    fc.record({ token: fc.string() }),
    fc.record({ login: fc.string() }),
  )
  fc.assert(
    fc.property(fc.string(), by, (name, vouched) => {
      const actor = { type: 'user' as const, name, ...(vouched !== undefined && { by: vouched }) }
      expect(parseActor(printActor(actor))).toEqual(actor)
      expect(parseActor({ ...printActor(actor), more: 1 })).toEqual(actor)
    }),
  )
  for (const foreign of ['root', 1, null, {}, { token: 1 }, []])
    expect(parseActor({ type: 'user', name: 'a', by: toJson(foreign) })).toEqual({ type: 'user', name: 'a' })
  expect(['ci', 'alice', 'alice@example.org', '1.2.3', 'local-admins'].filter(isReservedName)).toEqual([])
})

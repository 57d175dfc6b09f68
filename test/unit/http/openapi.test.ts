import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { FastifyInstance } from 'fastify'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createFeed } from '../../../events/buffered-feed.ts'
import { createBus } from '../../../events/bus.ts'
import { BOX_MESSAGE_BYTES } from '../../../events/limits.ts'
import { COMMANDS, type CommandName } from '../../../events/map.ts'
import { SettingsError } from '../../../model/errors.ts'
import { EVERYTHING_VISIBLE } from '../../../model/rights/visibility.ts'
import type { Json } from '../../../model/value.ts'
import { MAX_FAILURES_PER_MINUTE } from '../../../src/http/auth/auth.ts'
import { openHttp } from '../../../src/http/server.ts'
import { createTokenText } from '../../../src/tokens/token.ts'
import type { Tokens } from '../../../src/tokens/tokens.ts'
import { openBusSocket } from '../../support/bus-socket.ts'
import { keepLog } from '../../support/controller.ts'
import { bearer, openGuardedRig } from './guarded.ts'
import { type Answer, API, READY, type SendOptions, send } from './harness.ts'
import {
  createAnswerCheck,
  type Described,
  DOCUMENT,
  type OpenApi,
  openLine,
  openWorld,
  operationsOf,
  STOREHOUSE,
  type World,
} from './openapi-world.ts'

type Drive = readonly [path: string, options?: SendOptions & { readonly json?: unknown }]

const FULL = `${API}/me/full`
const FREE = `${API}/me/free`
const HOOKED = `${API}/me/hooked`
const NOBODY = `${API}/me/nobody`
const MISMATCH = { 'if-match': '"999"' }
const ANY_TAG = { headers: { 'if-none-match': '*' } }
const back = (namespace: string, version: number, more: object = {}) => ({
  json: { documents: [{ namespace, version, ...more }] },
})
const patch = (json: unknown) => ({ headers: { 'content-type': 'application/json-patch+json' }, json })

/** The document of a guarded server, and that server. */
async function openDescribed() {
  const rig = await openGuardedRig()
  // What it holds is what the tests look at.
  const document = (await rig.send('GET', DOCUMENT)).json as unknown as OpenApi
  return { rig, document, operations: operationsOf(document) }
}

/** How each status of each operation comes about that does not come about alike everywhere. */
function drives({ letter, id }: World): Readonly<Record<string, Readonly<Record<number, Drive>>>> {
  const one = (operation: object) => ({ json: { operations: [{ namespace: 'me/full', ...operation }] } })
  const box = (path: string): Readonly<Record<string, Readonly<Record<number, Drive>>>> => {
    const at = path.endsWith('backup/{namespace}') ? `${STOREHOUSE}/v1/backup/b` : `${STOREHOUSE}/v1/net/a`
    const none = `${at}-not`
    const change = {
      200: [at, { json: { b: 1 } }],
      404: [none, { json: {} }],
      412: [at, { json: {}, headers: MISMATCH }],
    } as const
    return {
      [`GET ${path}`]: {
        200: [at],
        404: [none],
        // A backup has no ETag.
        ...(!path.includes('backup') && { 304: [at, ANY_TAG], 412: [at, { headers: MISMATCH }] }),
      },
      [`PUT ${path}`]: change,
      [`PATCH ${path}`]: change,
      [`DELETE ${path}`]: { 200: [`${at}-gone`], 404: [none], 412: [at, { headers: MISMATCH }] },
    }
  }
  return {
    [`GET ${API}`]: {
      200: [`${API}/`],
      304: [`${API}/`, ANY_TAG],
      412: [`${API}/`, { headers: MISMATCH }],
    },
    [`GET ${API}/{username}/{name}`]: {
      200: [`${FULL}?explain=true&fresh=true`],
      304: [FULL, ANY_TAG],
      404: [NOBODY],
      412: [FULL, { headers: MISMATCH }],
    },
    [`PUT ${API}/{username}/{name}`]: {
      200: [`${FULL}?dry_run=true`, { json: { n: 3 } }],
      201: [FREE, { json: {}, headers: { 'if-none-match': '*' } }],
      409: [FULL, { json: {}, headers: { 'if-none-match': '*' } }],
      412: [FULL, { json: {}, headers: MISMATCH }],
      422: [FULL, { json: { n: 'x' } }],
      423: [HOOKED, { json: { n: 3 } }],
    },
    [`PATCH ${API}/{username}/{name}`]: {
      200: [FULL, { json: { n: 4 } }],
      409: [FULL, patch([{ op: 'test', path: '/n', value: 'other' }])],
      412: [FULL, { json: {}, headers: MISMATCH }],
      422: [FULL, { json: { n: 'x' } }],
      423: [HOOKED, { json: { n: 3 } }],
    },
    [`DELETE ${API}/{username}/{name}`]: {
      412: [FULL, { headers: MISMATCH }],
      200: [FREE],
      404: [NOBODY],
      409: [`${API}/me/waits`],
      423: [HOOKED],
    },
    [`POST ${API}/transaction`]: {
      200: [`${API}/transaction?dry_run=true`, one({ data: { n: 7 } })],
      404: [`${API}/transaction`, one({ namespace: 'me/nobody', method: 'DELETE' })],
      409: [`${API}/transaction`, one({ method: 'JSON_PATCH', data: [{ op: 'remove', path: '/none' }] })],
      412: [`${API}/transaction`, one({ data: {}, revision: '999' })],
      422: [`${API}/transaction`, one({ data: { n: 'x' } })],
      423: [`${API}/transaction`, one({ namespace: 'me/hooked', data: { n: 8 } })],
    },
    [`POST ${API}/{username}/{name}/reseal`]: {
      200: [`${FULL}/reseal`],
      404: [`${API}/me/absent/reseal`],
    },
    [`POST ${API}/{username}/{name}/confirm`]: {
      200: [`${API}/me/kept/confirm`],
      409: [`${FULL}/confirm`],
    },
    [`POST ${API}/{username}/{name}/cancel`]: {
      200: [`${API}/me/back/cancel`],
      409: [`${FULL}/cancel`],
    },
    [`GET ${API}/{username}/{name}/schema`]: {
      200: [`${FULL}/schema`],
      304: [`${FULL}/schema`, ANY_TAG],
      404: [`${NOBODY}/schema`],
      412: [`${FULL}/schema`, { headers: MISMATCH }],
    },
    [`DELETE ${API}/{username}/{name}/schema`]: {
      404: [`${NOBODY}/schema`],
      409: [`${FULL}/schema`],
      200: [`${FREE}/schema?force`],
    },
    [`PUT ${API}/{username}/{name}/schema`]: {
      200: [`${FREE}/schema`, { json: {} }],
      409: [`${API}/ME/full/schema`, { json: {} }],
      422: [
        `${FREE}/schema`,
        { json: { type: 'object', properties: { a: { type: 'string', default: 1 } } } },
      ],
    },
    [`GET ${API}/{username}/{name}/history`]: {
      200: [`${FULL}/history?limit=2`],
      404: [`${NOBODY}/history`],
    },
    [`GET ${API}/{username}/{name}/history/{version}`]: {
      200: [`${FULL}/history/1`],
      404: [`${FULL}/history/99`],
    },
    [`GET ${API}/as_of`]: { 200: [`${API}/as_of?at=2026-11-27T03:00:00Z`] },
    [`GET ${API}/{username}/{name}/as_of`]: {
      200: [`${FULL}/as_of?at=2926-11-27T03:00:00Z`],
      404: [`${NOBODY}/as_of?at=2026-11-27T03:00:00Z`],
    },
    [`GET ${API}/audit`]: { 200: [`${API}/audit?limit=2`] },
    [`POST ${API}/{username}/{name}/rollback`]: {
      200: [`${FULL}/rollback?dry_run=true`, { json: { version: 1 } }],
      404: [`${NOBODY}/rollback`, { json: { version: 1 } }],
      409: [`${API}/Me/Twin/rollback`, { json: { version: 1 } }],
      410: [`${API}/me/pruned/rollback`, { json: { version: 1 } }],
      412: [`${FULL}/rollback`, { json: { version: 1 }, headers: MISMATCH }],
      422: [`${API}/me/narrowed/rollback`, { json: { version: 1 } }],
      423: [`${HOOKED}/rollback`, { json: { version: 0 } }],
    },
    [`POST ${API}/rollback`]: {
      200: [`${API}/rollback?dry_run=true`, back('me/full', 1)],
      404: [`${API}/rollback`, { json: { write_id: 'none' } }],
      409: [`${API}/rollback`, back('Me/Twin', 1)],
      410: [`${API}/rollback`, back('me/pruned', 1)],
      412: [`${API}/rollback`, back('me/full', 0, { if_version: 1 })],
      422: [`${API}/rollback`, back('me/narrowed', 1)],
      423: [`${API}/rollback`, back('me/hooked', 0)],
    },
    [`GET ${API}/status`]: { 200: [`${API}/status`] },
    [`GET ${API}/{username}/{name}/status`]: { 200: [`${FULL}/status`], 404: [`${NOBODY}/status`] },
    [`GET ${API}/controllers`]: { 200: [`${API}/controllers`] },
    [`POST ${API}/files/restore`]: {
      200: [`${API}/files/restore`, { json: { namespace: 'me/full' } }],
      404: [`${API}/files/restore`, { json: { namespace: 'me/nobody' } }],
    },
    [`GET ${API}/events`]: { 200: [`${API}/events`] },
    [`GET ${API}/bus`]: { 101: [`${API}/bus`], 426: [`${API}/bus`] },
    [`GET ${API}/dead_letter`]: { 200: [`${API}/dead_letter`] },
    [`PATCH ${API}/dead_letter`]: {
      200: [`${API}/dead_letter`, { json: { ids: [letter] } }],
      404: [`${API}/dead_letter`, { json: { ids: ['none'] } }],
    },
    [`DELETE ${API}/dead_letter`]: {
      200: [`${API}/dead_letter`, { json: { event_name: 'me/napp.said' } }],
      404: [`${API}/dead_letter`, { json: { ids: ['none'] } }],
    },
    [`GET ${API}/token`]: { 200: [`${API}/token`] },
    [`POST ${API}/token`]: {
      201: [`${API}/token`, { json: { name: 'new', rights: ['read'], expires_in: 60 } }],
    },
    [`DELETE ${API}/token`]: { 204: [`${API}/token?id=${id}`], 404: [`${API}/token?id=none`] },
    'GET /healthz': { 200: ['/healthz'] },
    'GET /readyz': { 200: ['/readyz'] },
    'GET /metrics': { 200: ['/metrics'] },
    [`GET ${DOCUMENT}`]: { 200: [DOCUMENT] },
    [`GET ${STOREHOUSE}/v1/{namespace}`]: { 200: [`${STOREHOUSE}/v1/net`] },
    [`POST ${STOREHOUSE}/v1/{namespace}`]: { 201: [`${STOREHOUSE}/v1/new`, { json: 1 }] },
    [`POST ${STOREHOUSE}/v2/{namespace}`]: { 201: [`${STOREHOUSE}/v2/new`, { json: null }] },
    [`POST ${STOREHOUSE}/v2/{namespace}/{box_id}`]: {
      201: [`${STOREHOUSE}/v2/new/c`, { json: {} }],
      409: [`${STOREHOUSE}/v2/net/z`, { json: {} }],
    },
    [`GET ${STOREHOUSE}/v1/{namespace}/search_by/{option}/{query}`]: {
      200: [`${STOREHOUSE}/v1/net/search_by/box_id/z`],
      404: [`${STOREHOUSE}/v1/net/search_by/owner/nobody`],
    },
    [`GET ${STOREHOUSE}/v1/backup/{namespace}/{box_id}`]: {
      200: [`${STOREHOUSE}/v1/backup/net/z`],
      404: [`${STOREHOUSE}/v1/backup/net/none`],
    },
    ...box(`${STOREHOUSE}/v1/{namespace}/{box_id}`),
    ...box(`${STOREHOUSE}/v1/backup/{namespace}`),
    [`GET ${STOREHOUSE}/v1/backup/{namespace}`]: {
      200: [`${STOREHOUSE}/v1/backup/net`],
      404: [`${STOREHOUSE}/v1/backup/none`],
    },
  }
}

/** A path that leads to an operation, whatever is found there. */
const pathOf = ({ path, key }: Described, first = 'me'): string =>
  path
    .replace(/\{\w+\}/, first)
    .replace('{version}', '1')
    .replace(/\{\w+\}/g, 'x') + (key === `DELETE ${API}/token` ? '?id=none' : '')
const bodyOf = ({ method, body }: Described): SendOptions =>
  body.length > 0 || ['PUT', 'PATCH', 'POST'].includes(method) ? { body: { json: {} } } : {}

/** Who notes every answer, and finds what the document does not say. */
function createNotes(document: OpenApi) {
  const check = createAnswerCheck(document)
  const seen = new Set<string>()
  return {
    seen,
    note(operation: Described, { status, headers, json }: Pick<Answer, 'status' | 'headers' | 'json'>): void {
      seen.add(`${operation.key} ${status}`)
      expect(check(operation, status, headers['content-type'] ?? '', json as Json | undefined)).toEqual([])
    },
  }
}

describe('the OpenAPI document', () => {
  it('has every route of fastify and no other; HEAD is where GET is', async () => {
    const routes: string[] = []
    const initialized = (message: unknown): void => {
      const { fastify } = message as { readonly fastify: FastifyInstance }
      fastify.addHook('onRoute', ({ method, url, onRequest }) => {
        // What is only refused has this hook.
        if (!onRequest) routes.push(`${method} ${url.replace(/:(\w+)/g, '{$1}')}`)
      })
    }
    subscribe('fastify.initialization', initialized)
    const { operations } = await openDescribed()
    unsubscribe('fastify.initialization', initialized)
    const described = operations.map(({ key }) => key)
    const heads = described
      .filter(key => key.startsWith('GET ') && !/\/(?:events|bus)$/.test(key))
      .map(key => key.replace('GET', 'HEAD'))
    expect([...new Set(routes)].sort()).toEqual([...described, ...heads].sort())
  })

  it('holds only references that lead somewhere, and gives each operation an id of its own', async () => {
    const { document, operations } = await openDescribed()
    const text = JSON.stringify(document)
    for (const [, name = ''] of text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g))
      expect(Object.keys(document.components.schemas)).toContain(name)
    const ids = [...text.matchAll(/"operationId":"(\w+)"/g)].map(([, id]) => id)
    expect(new Set(ids).size).toBe(operations.length)
  })

  it('holds no schema that generators of clients do not accept, or type as an object without members', async () => {
    const { document } = await openDescribed()
    const refused: string[] = []
    const walk = (value: unknown, place: string): void => {
      if (typeof value !== 'object' || value === null) return
      const schema = value as Readonly<Record<string, unknown>>
      if (('enum' in schema || 'const' in schema) && !('type' in schema)) refused.push(`${place}: no type`)
      if (schema.type === 'object' && !('properties' in schema) && !('additionalProperties' in schema))
        refused.push(`${place}: no members`)
      for (const [key, member] of Object.entries(schema)) {
        const holdsSchemas = key === 'properties' || key === 'schemas' || key === 'schema' || key === 'items'
        const members = key === 'schema' || key === 'items' ? { [key]: member } : Object(member)
        if (holdsSchemas)
          for (const [name, one] of Object.entries(members))
            if (typeof one === 'boolean') refused.push(`${place}/${key}/${name}: ${one}`)
        walk(member, `${place}/${key}`)
      }
    }
    walk(document.components, '')
    walk(document.paths, '')
    expect(refused).toEqual([])
    expect(document.components.schemas.Settings).toMatchObject({
      properties: { data: { $ref: '#/components/schemas/JsonObject' } },
    })
    expect(document.components.schemas.JsonObject).toEqual({ type: 'object', additionalProperties: true })
  })

  it('names its operations by their routes: clients call functions by these names', async () => {
    const { document } = await openDescribed()
    const names = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => {
        const { operationId, tags } = operation as { readonly operationId: string; readonly tags: string[] }
        return [`${method} ${path}`, `${tags.join()}.${operationId}`]
      }),
    )
    expect(Object.fromEntries(names)).toMatchObject({
      [`get ${API}`]: 'settings.getNamespaces',
      [`patch ${API}/{username}/{name}`]: 'settings.patchSettings',
      [`get ${API}/{username}/{name}/history/{version}`]: 'settings.getVersion',
      [`put ${STOREHOUSE}/v1/{namespace}/{box_id}`]: 'storehouse.putBox',
      'get /healthz': 'service.getAlive',
    })
    // A fallback has parts of the path.
    expect(names.filter(([, name = '']) => !/^[a-z]+\.[a-z]+[A-Z][A-Za-z]+$/.test(name))).toEqual([])
  })

  it('is open to everybody and says which right the rest takes', async () => {
    const { operations } = await openDescribed()
    const rights = Object.fromEntries(
      operations.map(({ key, description }) => [key, /"(\w+)"/.exec(description)?.[1]]),
    )
    expect(rights).toMatchObject({
      'GET /healthz': undefined,
      [`GET ${API}`]: 'read',
      [`PATCH ${API}/{username}/{name}`]: 'write',
      [`PATCH ${API}/dead_letter`]: 'admin',
    })
  })

  it('names every status that a server answers, and each that it names is answered', async () => {
    const { document, operations: served } = await openDescribed()
    const { note, seen } = createNotes(document)
    const world = await openWorld()
    const wanted = served.flatMap(({ key, responses }) =>
      Object.keys(responses).map(status => `${key} ${status}`),
    )
    const ask = async (operation: Described, path: string, options: SendOptions = {}): Promise<void> =>
      note(
        operation,
        await world.send(operation.method, path, {
          ...options,
          headers: { ...world.admin, ...options.headers },
        }),
      )
    const drive = drives(world)
    for (const operation of served) {
      const { key, path, responses, description } = operation
      for (const [status, [at, { json, headers = {} } = {}]] of Object.entries(drive[key] ?? {})) {
        if (status === '101' || at.endsWith('/events')) {
          const { status: got, type } = await openLine(world.http.port, at, world.admin)
          note(operation, {
            status: got,
            headers: { 'content-type': type },
            json: undefined as unknown as Answer['json'],
          })
        } else await ask(operation, at, { headers, ...(json === undefined ? {} : { body: { json } }) })
        expect([key, [...seen].includes(`${key} ${status}`)]).toEqual([key, true])
      }
      const malformed = path.includes('{') ? pathOf(operation, '%00') : `${path}?nonsense=1`
      if ('400' in responses) await ask(operation, malformed, bodyOf(operation))
      if ('413' in responses)
        await ask(operation, pathOf(operation), {
          body: Buffer.alloc(BOX_MESSAGE_BYTES + 1, 0x20),
          headers: { 'content-type': 'application/json' },
        })
      if ('415' in responses)
        await ask(operation, pathOf(operation), { body: 'a=1', headers: { 'content-type': 'text/plain' } })
      await ask(operation, pathOf(operation), { headers: { host: 'elsewhere.example' } })
      // Only a wrong one is refused where none is needed; no address may show many of them.
      note(
        operation,
        await world.send(
          operation.method,
          pathOf(operation),
          description === '' ? { headers: bearer('nonsense') } : {},
        ),
      )
    }
    for (let i = 0; i < MAX_FAILURES_PER_MINUTE; i++)
      await world.send('GET', `${API}/`, { headers: bearer(createTokenText('abc')) })
    for (const operation of served)
      note(operation, await world.send(operation.method, pathOf(operation), { headers: bearer('x') }))

    await stopping(world, async () => {
      for (const operation of served)
        note(operation, await world.send(operation.method, pathOf(operation), { headers: world.admin }))
    })
    await unsure(served, note)
    expect(wanted.filter(one => !seen.has(one))).toEqual([])
  }, 180_000)
})

/** Does something while a server stops that still has a command under way. */
async function stopping({ http, bus, admin }: World, work: () => Promise<void>): Promise<void> {
  let agree = (): void => {}
  const asked = new Promise<void>(resolve => {
    bus.view({ type: 'napp', name: 'me/slow' }).consume('me/slow', {
      changing: () =>
        new Promise(done => {
          agree = () => done(undefined)
          resolve()
        }),
    })
  })
  const line = await openBusSocket(http.port, admin)
  const slow = send(http.port, 'PUT', `${API}/me/slow`, { headers: admin, body: { json: { n: 1 } } })
  await asked
  const closed = http.close()
  await line.closed
  await work()
  agree()
  expect((await slow).status).toBe(200)
  await closed
}

/** Asks a server whose store never says whether what it was asked for was done. */
async function unsure(
  served: readonly Described[],
  note: (operation: Described, answer: Answer) => void,
): Promise<void> {
  const log = keepLog()
  const bus = createBus({ log })
  const fail = (code: 'TIMEOUT' | 'OUTCOME_UNKNOWN'): never => {
    throw new SettingsError(code, 'Nobody knows.')
  }
  for (const name of Object.keys(COMMANDS) as CommandName[]) bus.serve(name, () => fail('TIMEOUT'))
  const tokens: Tokens = {
    check: () => ({
      name: 'admin',
      by: 'local',
      rights: new Set(['read', 'write', 'admin']),
      visibility: EVERYTHING_VISIBLE,
      expires: Number.POSITIVE_INFINITY,
      isValid: () => true,
    }),
    onChange: () => () => {},
    create: async () => fail('OUTCOME_UNKNOWN'),
    list: async () => [],
    revoke: async () => fail('OUTCOME_UNKNOWN'),
  }
  const feed = createFeed({ epoch: 1, revision: 0n, namespaces: () => ({}) })
  const http = await openHttp({
    bus,
    feed,
    health: () => READY,
    listen: '127.0.0.1',
    port: 0,
    log,
    auth: { required: true, tokens },
  })
  onTestFinished(() => http.close())
  for (const operation of served.filter(({ responses }) => '504' in responses)) {
    // The bus refuses a command that lacks a field before its handler sees it.
    const fields: Readonly<Record<string, Json>> = {
      [`${API}/transaction`]: { operations: [] },
      [`${API}/{username}/{name}/rollback`]: { version: 1 },
    }
    const json = fields[operation.path]
    const body = json === undefined ? bodyOf(operation) : { body: { json } }
    note(
      operation,
      await send(http.port, operation.method, pathOf(operation), { ...body, headers: bearer('any') }),
    )
  }
}

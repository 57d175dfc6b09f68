import { get, type IncomingMessage } from 'node:http'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ask } from '../../../events/ask.ts'
import { COMMANDS } from '../../../events/map.ts'
import { LIMITED_COMMANDS } from '../../../model/rights/command-rules.ts'
import { visibilityOf } from '../../../model/rights/visibility.ts'
import { LIMITED_FACTS } from '../../../model/rights/visible-facts.ts'
import { openBusSocket } from '../../support/bus-socket.ts'
import { API } from './harness.ts'
import { type LimitedWorld, openLimitedWorld } from './limited-world.ts'
import { DOCUMENT, type OpenApi, operationsOf, pathTo, STOREHOUSE } from './openapi-world.ts'

/** Part of every hidden value, and of hidden names that no request contains. */
const CANARY = 'canary'
/** The hidden names that requests contain. */
const HIDDEN = 'hidden/one'
const HIDDEN_BOXES = 'hidden'

async function openWorld(): Promise<LimitedWorld> {
  const world = await openLimitedWorld(
    { limits: { namespaces: ['kytos/*'], boxes: ['kytos.*'] } },
    { napps: ['kytos/a', HIDDEN, `${CANARY}/x`], files: [HIDDEN, `${CANARY}/x`, 'kytos/a'] },
  )
  await world.ask('kytos.settings.update', { namespace: 'kytos/a', data: { n: 1 } })
  await world.ask('kytos.settings.update', { namespace: HIDDEN, data: { key: CANARY } })
  await world.ask('kytos.settings.update', {
    namespace: HIDDEN,
    data: { key: CANARY },
    scope: `controller:${CANARY}`,
  })
  await world.ask('kytos.storehouse.create', { namespace: 'kytos.a', box_id: 'one', data: 1 })
  await world.ask('kytos.settings.update', { namespace: `${CANARY}/x`, data: {} })
  await world.ask('kytos.storehouse.create', { namespace: HIDDEN_BOXES, box_id: CANARY, data: CANARY })
  // So the value is also listed as rejected.
  const schema = { type: 'object', properties: { key: { type: 'integer' } } }
  await world.ask('kytos.settings.register', { namespace: HIDDEN, schema })
  return world
}

/** Opens an event stream and collects its text. */
async function follow(
  world: LimitedWorld,
  query = '',
): Promise<{ readonly text: () => string; readonly ended: Promise<void> }> {
  let text = ''
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = get(
      {
        host: '127.0.0.1',
        port: world.http.port,
        path: `${API}/events${query}`,
        headers: world.headers,
        agent: false,
      },
      resolve,
    )
    request.on('error', reject)
    onTestFinished(() => void request.destroy())
  })
  response.on('data', chunk => {
    text += chunk
  })
  const ended = new Promise<void>(resolve => void response.once('end', resolve))
  return { text: () => text, ended }
}

describe('a token with namespaces', () => {
  it('has a rule for every command, and for every fact', () => {
    expect(LIMITED_COMMANDS.filter(name => !Object.hasOwn(COMMANDS, name))).toEqual([])
    // A command without a rule is refused. It is named here, so that this is a decision.
    expect(Object.keys(COMMANDS).filter(name => !LIMITED_COMMANDS.includes(name))).toEqual([])
    expect([...LIMITED_FACTS].sort()).toEqual([
      'box.changed',
      'kytos/settings.loaded',
      'settings.changed',
      'settings.pending',
      'settings.rejected',
      'settings.snapshot',
      'settings.state',
    ])
  })

  it('sees nothing hidden at any route, with any method, and changes nothing hidden', async () => {
    const world = await openWorld()
    const { revision } = world
    const document = (await world.send('GET', DOCUMENT)).json as unknown as OpenApi
    const named = {
      username: 'hidden',
      name: 'one',
      namespace: HIDDEN_BOXES,
      box_id: 'x',
      option: 'box_id',
      query: 'c',
    }
    const seen: Record<string, number> = {}
    for (const operation of operationsOf(document)) {
      if (operation.path.endsWith('/events') || operation.path.endsWith('/bus')) continue
      const path = pathTo(operation, named)
      const body = operation.path.endsWith('/transaction')
        ? { operations: ['kytos/a', HIDDEN].map(namespace => ({ namespace, data: { n: 2 } })) }
        : { namespace: HIDDEN }
      const methods = operation.method === 'GET' ? ['GET', 'HEAD'] : [operation.method]
      for (const method of methods) {
        const answer = await world.send(method, path, {
          headers: world.headers,
          ...(operation.method !== 'GET' && { body: { json: body } }),
        })
        expect([operation.key, answer.text]).toEqual([operation.key, expect.not.stringContaining(CANARY)])
        seen[`${method} ${operation.path}`] = answer.status
      }
    }
    expect(seen).toMatchObject({
      [`GET ${API}`]: 200,
      [`GET ${API}/{username}/{name}`]: 404,
      [`HEAD ${API}/{username}/{name}`]: 404,
      [`PUT ${API}/{username}/{name}`]: 403,
      [`PATCH ${API}/{username}/{name}`]: 403,
      [`DELETE ${API}/{username}/{name}`]: 403,
      [`GET ${API}/{username}/{name}/schema`]: 404,
      [`PUT ${API}/{username}/{name}/schema`]: 403,
      [`DELETE ${API}/{username}/{name}/schema`]: 403,
      [`GET ${API}/{username}/{name}/history`]: 404,
      [`GET ${API}/{username}/{name}/status`]: 404,
      [`POST ${API}/transaction`]: 403,
      [`GET ${API}/status`]: 200,
      [`GET ${API}/controllers`]: 200,
      [`GET ${API}/token`]: 403,
      [`POST ${API}/token`]: 403,
      [`DELETE ${API}/token`]: 403,
      [`GET ${API}/dead_letter`]: 403,
      [`PATCH ${API}/dead_letter`]: 403,
      'GET /metrics': 403,
      'HEAD /metrics': 403,
    })
    expect(world.revision).toBe(revision)
    const { json } = await world.send('GET', '/metrics', { headers: world.headers })
    expect(json).toMatchObject({
      code: 'PERMISSION_DENIED',
      detail: expect.stringContaining('Use a token without limits for GET /metrics.'),
      namespaces: ['kytos/*'],
    })
  })

  it('sees and changes what it names, and the visible part of lists, status and controllers', async () => {
    const { send, headers } = await openWorld()
    const read = async (path: string) => (await send('GET', `${API}${path}`, { headers })).json
    const list = (await read('/?include=data')) as unknown as readonly object[]
    expect(list).toMatchObject([{ namespace: 'kytos/a', data: { n: 1 }, files: ['FILE_MISSING'] }])
    const status = await read('/status')
    expect(status).toMatchObject({ napps: [{ napp: 'kytos/a' }], files: [{ namespace: 'kytos/a' }] })
    expect(status).not.toHaveProperty('more_files')
    expect(await read('/controllers')).toEqual({
      controllers: [{ id: 'c1', self: true, running: true, namespaces: [] }],
    })
    const changed = await send('PATCH', `${API}/kytos/new`, { headers, body: { json: { n: 2 } } })
    expect([changed.status, (await read('/kytos/new')).data]).toEqual([200, { n: 2 }])
    expect((await send('GET', `${STOREHOUSE}/v1/kytos.a`, { headers })).json).toEqual(['one'])
    expect((await send('GET', `${STOREHOUSE}/v1/${HIDDEN_BOXES}`, { headers })).json).toEqual([])
    expect((await send('GET', `${STOREHOUSE}/v1/${HIDDEN_BOXES}/${CANARY}`, { headers })).status).toBe(404)
    expect((await send('GET', `${API}/no/such/path/at/all`, { headers })).status).toBe(404)
  })

  it('is answered about a hidden name as about an unknown one, with the nearest visible name', async () => {
    const world = await openWorld()
    await world.ask('kytos.settings.update', { namespace: 'kytox/aa', data: {} })
    for (const path of ['', '/history', '/status', '/schema']) {
      const ask = async (name: string) => {
        const { status, text, headers } = await world.send('GET', `${API}/${name}${path}`, {
          headers: world.headers,
        })
        return [status, text.replaceAll(name, 'NAME'), headers['content-type'], headers.etag]
      }
      // One exists and is hidden, one does not exist and would be hidden, one does not exist and is visible.
      const unknown = await ask('kytos/aa')
      expect([path, await ask('kytox/aa'), await ask('kytoz/aa')]).toEqual([path, unknown, unknown])
      expect([unknown[0], unknown[1]]).toEqual([404, expect.stringContaining('Did you mean \\"kytos/a\\"')])
    }
  })

  it('gets the facts of its namespaces only, and no events of NApps', async () => {
    const world = await openWorld()
    const stream = await follow(world, '?since=0')
    const ofHidden = await follow(world, `?namespace=${HIDDEN}`)
    const line = await openBusSocket(world.http.port, world.headers)
    line.send({ subscribe: ['settings.*', 'box.*', 'kytos/settings.loaded'], since: '0' })
    expect((await line.next()).subscribed).toBeDefined()
    await world.ask('kytos.settings.update', { namespace: HIDDEN, data: { more: CANARY } })
    await world.ask('kytos.storehouse.create', { namespace: HIDDEN_BOXES, data: CANARY })
    await world.ask('kytos.storehouse.create', { namespace: 'kytos.a', box_id: 'last', data: 1 })
    await expect.poll(stream.text, { timeout: 20_000 }).toContain('"box_id":"last"')
    expect(stream.text()).not.toContain(CANARY)
    expect(ofHidden.text()).not.toContain('data:')
    for (;;) {
      const { event } = await line.nextEvent()
      expect(
        JSON.stringify(event, (_, value) => (typeof value === 'bigint' ? String(value) : value)),
      ).not.toContain(CANARY)
      if (event?.content.box_id === 'last') break
    }
    for (const frame of [
      { subscribe: ['settings.changed', 'me/napp.said'] },
      { subscribe: ['kytos.*'] },
      { publish: { name: 'me/napp.said', content: {} } },
    ]) {
      line.send(frame)
      expect((await line.next()).error).toMatchObject({ code: 'PERMISSION_DENIED', status: 403 })
    }
  })

  it('has a view of the bus that passes only visible facts, whatever it listens to', async () => {
    const world = await openWorld()
    const view = world.bus.view(
      { type: 'user', name: 'limited' },
      { visibility: visibilityOf({ namespaces: ['kytos/*'], boxes: [] }) },
    )
    const seen: string[] = []
    const names: string[] = []
    view.on(/.*/, ({ name, content }) => {
      seen.push(JSON.stringify(content, (_, value) => (typeof value === 'bigint' ? String(value) : value)))
      names.push(name)
    })
    world.bus.emit('me/napp.said', { key: CANARY })
    await world.ask('kytos.settings.update', { namespace: HIDDEN, data: { key: 2 } })
    await world.ask('kytos.storehouse.create', { namespace: 'kytos.a', data: 1 })
    await world.ask('kytos.settings.update', { namespace: 'kytos/a', data: { n: 3 } })
    await expect.poll(() => names.length, { timeout: 20_000 }).toBe(1)
    expect([names, seen.join()]).toEqual([['settings.changed'], expect.stringContaining('kytos/a')])
    expect(() => view.consume('kytos/a', {})).toThrow('Use a token without limits')
  })

  it('is refused a hidden write before anything is looked at, whether the name exists or not', async () => {
    const world = await openWorld()
    const line = await openBusSocket(world.http.port, world.headers)
    for (const [name, { effect, fields }] of Object.entries(COMMANDS)) {
      if (effect !== 'write') continue
      for (const hidden of name.includes('storehouse') ? [HIDDEN_BOXES, 'other'] : [HIDDEN, 'other/name']) {
        const content = {
          ...('operations' in fields
            ? {
                operations: [
                  { namespace: 'kytos/a', data: {} },
                  { namespace: hidden, data: {} },
                ],
              }
            : 'documents' in fields
              ? { documents: [{ namespace: hidden, version: 1 }] }
              : { namespace: hidden }),
          ...('version' in fields && { version: 1 }),
          ...('data' in fields && { data: {} }),
          ...('schema' in fields && { schema: {} }),
          ...('box_id' in fields && { box_id: 'x' }),
        }
        const { error } = await line.ask(name, content)
        expect([name, error?.code]).toEqual([name, 'PERMISSION_DENIED'])
        expect(error?.message).toContain('Nothing was changed.')
      }
    }
    const everything = await line.ask('kytos.settings.restore_files', {})
    expect(everything.error?.message).toContain('without a "namespace"')
  })

  it('removes schemas of what it sees, and ends no registration of a hidden NApp', async () => {
    const world = await openWorld()
    // No such NApp is enabled, so a removal by another caller ends its registration.
    const napp = world.bus.view({ type: 'napp', name: 'hidden/gone' })
    for (const napp_version of ['2', '1'])
      await ask(napp, 'kytos.settings.register', {
        namespace: 'hidden/gone',
        napp_version,
        schema: { type: 'object', title: napp_version },
      })
    const inUse = async () =>
      (await ask(napp, 'kytos.settings.describe', { namespace: 'hidden/gone' })).schema.title
    const remove = async (headers: object) => {
      await world.ask('kytos.settings.register', { namespace: 'kytos/a', schema: { type: 'object' } })
      const path = `${API}/kytos/a/schema?force=true`
      return (await world.send('DELETE', path, { headers: { ...headers } })).status
    }
    expect([await remove(world.headers), await inUse()]).toEqual([200, '1'])
    expect([await remove(world.admin), await inUse()]).toEqual([200, '2'])
  })

  it('keeps the ETags of what it sees when something hidden changes', async () => {
    const world = await openWorld()
    for (const path of ['/', '/?include=data', '/kytos/a']) {
      const { headers } = await world.send('GET', `${API}${path}`, { headers: world.headers })
      await world.ask('kytos.settings.update', { namespace: HIDDEN, data: { path } })
      const again = await world.send('GET', `${API}${path}`, {
        headers: { ...world.headers, 'if-none-match': headers.etag ?? '' },
      })
      expect([path, again.status]).toEqual([path, 304])
    }
  })

  it('ends its streams when its stored limits change, and then has the new ones', async () => {
    const world = await openWorld()
    const stream = await follow(world)
    const line = await openBusSocket(world.http.port, world.headers)
    line.send({ subscribe: ['settings.*'] })
    await line.next()
    await world.rewrite({ namespaces: ['other/*'] })
    await stream.ended
    expect((await line.closed)[0]).toBe(1008)
    const list = await world.send('GET', `${API}/`, { headers: world.headers })
    expect(list.text).toBe('[]')
    await world.rewrite({ namespaces: ['a pattern that is none'] })
    await expect
      .poll(async () => (await world.send('GET', `${API}/`, { headers: world.headers })).status, {
        timeout: 20_000,
      })
      .toBe(401)
  })
})

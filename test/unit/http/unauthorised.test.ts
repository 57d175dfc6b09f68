import { get, type IncomingMessage } from 'node:http'
import { expect, it, onTestFinished } from 'vitest'
import { COMMANDS } from '../../../events/map.ts'
import { createTokenText } from '../../../src/tokens/token.ts'
import { openBusSocket } from '../../support/bus-socket.ts'
import { bearer } from './guarded.ts'
import { API } from './harness.ts'
import {
  type Described,
  DOCUMENT,
  type OpenApi,
  openWorld,
  operationsOf,
  pathTo,
  STOREHOUSE,
  type World,
} from './openapi-world.ts'

type Headers = Readonly<Record<string, string>>

/**
 * What nobody without the right may see anywhere: it stands in a setting, a box, a token's name and a dead
 * letter.
 */
const SECRET = 'nobody-may-see-this'

/** A wrong token, and one too many of them. */
const WRONG = [401, 429]

/** Which right an operation takes, by the document; undefined for none. */
const rightOf = ({ description }: Described): string | undefined => /"(\w+)"/.exec(description)?.[1]

async function openSecretWorld(): Promise<{
  readonly world: World
  readonly operations: readonly Described[]
}> {
  const world = await openWorld()
  const put = (method: string, path: string, json: unknown) =>
    world.send(method, path, { headers: world.admin, body: { json } })
  expect((await put('PUT', `${API}/me/secret`, { key: SECRET })).status).toBe(200)
  expect((await put('POST', `${STOREHOUSE}/v2/secret/box`, { key: SECRET })).status).toBe(201)
  await world.token(['read'], SECRET)
  world.bus.emit('me/napp.said', { key: SECRET })
  await expect.poll(() => world.bus.deadLetters.size).toBe(2)
  const document = (await world.send('GET', DOCUMENT)).json as unknown as OpenApi
  return { world, operations: operationsOf(document) }
}

/** Opens an event stream, if it is let in. */
function follow(port: number, headers: Headers): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = get(
      { host: '127.0.0.1', port, path: `${API}/events?since=0`, headers, agent: false },
      resolve,
    )
    request.on('error', reject)
    onTestFinished(() => void request.destroy())
  })
}

it('who has no right sees and changes nothing, over REST, Server-Sent Events and WebSocket', async () => {
  const { world, operations } = await openSecretWorld()
  const revoked = await world.token(['admin'], 'revoked')
  await world.service.tokens.revoke(revoked.id)
  const nobody: Readonly<Record<string, readonly [statuses: readonly number[], headers: Headers]>> = {
    'who shows nothing': [[401], {}],
    'who shows a token that there is not': [WRONG, bearer(createTokenText('abc'))],
    'whose token was revoked': [WRONG, revoked.headers],
    'whose token is for something else': [[403], (await world.token(['secrets'])).headers],
  }
  const named = {
    username: 'me',
    name: 'secret',
    namespace: 'secret',
    box_id: 'box',
    option: 'box_id',
    query: 'box',
  }
  const before = await world.stored()

  const isRefused = async (
    operation: Described,
    statuses: readonly number[],
    headers: Headers,
  ): Promise<void> => {
    const path = `${pathTo(operation, named)}${operation.path.endsWith('/token') && operation.method === 'DELETE' ? `?id=${world.id}` : ''}`
    const body =
      operation.method === 'GET'
        ? {}
        : {
            body: {
              json: { key: 'changed', ids: [world.letter], operations: [], name: 'x', rights: ['admin'] },
            },
          }
    const answer = await world.send(operation.method, path, { headers, ...body })
    expect([operation.key, statuses.includes(answer.status)]).toEqual([operation.key, true])
    expect(answer.text).not.toContain(SECRET)
  }
  for (const [statuses, headers] of Object.values(nobody)) {
    for (const operation of operations.filter(one => rightOf(one)))
      await isRefused(operation, statuses, headers)
    expect(statuses).toContain((await follow(world.http.port, headers)).statusCode)
    await expect(openBusSocket(world.http.port, headers)).rejects.toThrow(new RegExp(statuses.join('|')))
  }

  // Whoever may read sees, and changes nothing; whoever may write lets nobody in.
  const [reader, writer] = [(await world.token(['read'])).headers, (await world.token(['write'])).headers]
  const withTokens = await world.stored()
  for (const operation of operations) {
    if (rightOf(operation) === 'write' || rightOf(operation) === 'admin')
      await isRefused(operation, [403], reader)
    if (rightOf(operation) === 'admin') await isRefused(operation, [403], writer)
  }
  const line = await openBusSocket(world.http.port, reader)
  for (const [name, { effect }] of Object.entries(COMMANDS))
    if (effect === 'write')
      expect([name, (await line.ask(name, { namespace: 'me/secret', data: {} })).error?.code]).toEqual([
        name,
        'PERMISSION_DENIED',
      ])
  line.send({ publish: { name: 'me/napp.said', content: {} } })
  expect((await line.next()).error?.code).toBe('PERMISSION_DENIED')
  expect((await line.ask('kytos.settings.retrieve', { namespace: 'me/secret' })).data).toMatchObject({
    data: { key: SECRET },
  })
  expect(await world.stored()).toEqual(withTokens)
  expect(withTokens.filter(one => !one.startsWith('tokens/'))).toEqual(
    before.filter(one => !one.startsWith('tokens/')),
  )
  // What is open tells nothing.
  for (const operation of operations.filter(one => !rightOf(one)))
    expect((await world.send('GET', operation.path)).text).not.toContain(SECRET)
})

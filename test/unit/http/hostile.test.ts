import { describe, expect, it } from 'vitest'
import { type SendOptions, send } from './harness.ts'
import {
  type Described,
  DOCUMENT,
  type OpenApi,
  openWorld,
  operationsOf,
  pathTo,
  type World,
} from './openapi-world.ts'

/*
 * What somebody means harm with, at every path and in every body that the OpenAPI document has, so that a new
 * route is tried too: a 4xx, never a 5xx, never a write.
 */

const HOSTILE_PARTS = {
  traversal: '..',
  'encoded traversal': '%2e%2e',
  'half encoded traversal': '.%2E',
  'traversal with a slash': '..%2f..%2fetc%2fpasswd',
  'traversal with a backslash': '..%5c..%5cboot.ini',
  'twice encoded traversal and NUL': '%252e%252e%00',
  NUL: 'a%00b',
  'a line end': 'a%0d%0aset-cookie:%20x',
  'overlong UTF-8': '%c0%ae%c0%ae',
  'no UTF-8': '%ff%fe',
  'half a sign': '%zz',
  'a long part': 'x'.repeat(257),
  'a longer part': 'x'.repeat(4_000),
  'more than a request line': 'x'.repeat(40_000),
}

const json = (bytes: string | Uint8Array, headers: Readonly<Record<string, string>> = {}): SendOptions => ({
  body: bytes,
  headers,
})
const HOSTILE_BODIES: Readonly<Record<string, SendOptions>> = {
  'arrays 10,000 deep': json('['.repeat(10_000) + ']'.repeat(10_000)),
  'objects 10,000 deep': json(`${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`),
  'arrays 10,000 deep in an object': json(`{"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`),
  '17 MiB': json(`{"a":"${'x'.repeat(17 * 2 ** 20)}"}`),
  '17 MiB of no length': json(`{"a":"${'x'.repeat(17 * 2 ** 20)}"}`, { 'transfer-encoding': 'chunked' }),
  '17 MiB of numbers': json(`[${'1,'.repeat(17 * 2 ** 19)}1]`),
  'a key twice': json('{"a":1,"a":2}'),
  'a key twice, once escaped': json('{"a":1,"\\u0061":2}'),
  'a key twice inside': json('{"a":[{"b":1,"b":2}]}'),
  'no UTF-8': json(Buffer.from('{"a":"\xff"}', 'latin1')),
  'overlong UTF-8': json(Buffer.from('{"a":"\xc0\xaf"}', 'latin1')),
  'half a sign': json(Buffer.from('{"a":"\xe2\x82"}', 'latin1')),
  'UTF-16': json(Buffer.from('{"a":1}', 'utf16le')),
  'half an object': json('{"a":'),
  'two objects': json('{} {}'),
  'a number that no double holds': json('{"a":1e400}'),
  'what is no JSON': json("{'a': NaN}"),
  'what is packed': json('{}', { 'content-encoding': 'gzip' }),
  'another charset': json('{}', { 'content-type': 'application/json; charset=utf-16' }),
}

async function openTargets(): Promise<{ readonly world: World; readonly operations: readonly Described[] }> {
  const world = await openWorld()
  const document = (await world.send('GET', DOCUMENT)).json as unknown as OpenApi
  return { world, operations: operationsOf(document).filter(({ path }) => !path.endsWith('/events')) }
}

const isChange = ({ method }: Described): boolean => method !== 'GET'

describe.each(Object.entries(HOSTILE_PARTS))('%s in a path', (_what, part) => {
  it('is a 4xx wherever it stands, and changes nothing', async () => {
    const { world, operations } = await openTargets()
    const before = await world.stored()
    for (const operation of operations) {
      for (const { name } of operation.parameters.filter(parameter => parameter.in === 'path')) {
        const path = pathTo(operation, { [name]: part })
        const { status } = await send(world.http.port, operation.method, path, {
          headers: world.admin,
          ...(isChange(operation) && operation.method !== 'DELETE' ? { body: { json: {} } } : {}),
        })
        expect([operation.key, name, status >= 400 && status < 500]).toEqual([operation.key, name, true])
      }
    }
    expect(await world.stored()).toEqual(before)
  })
})

describe.each(Object.entries(HOSTILE_BODIES))('a body of %s', (_what, { body, headers }) => {
  it('is a 4xx wherever a body is taken, of whatever type, and changes nothing', async () => {
    const { world, operations } = await openTargets()
    const before = await world.stored()
    for (const operation of operations.filter(isChange)) {
      for (const type of operation.body.length > 0 ? operation.body : ['application/json']) {
        const path = `${pathTo(operation, { username: 'me', name: 'full', namespace: 'net', box_id: 'a' })}${operation.path.endsWith('/token') ? `?id=${world.id}` : ''}`
        const given = {
          headers: { 'content-type': type, ...world.admin, ...headers },
          ...(body !== undefined && { body }),
        }
        const { status } = await world.send(operation.method, path, given)
        expect([operation.key, type, status >= 400 && status < 500]).toEqual([operation.key, type, true])
      }
    }
    expect(await world.stored()).toEqual(before)
    expect((await world.send('GET', '/healthz')).status).toBe(200)
  })
})

describe('names that every object has', () => {
  it('pollute nothing: __proto__ is refused, the others are plain members, and a JSON Patch does not walk through them', async () => {
    const { world, operations } = await openTargets()
    const names = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']
    for (const operation of operations) {
      for (const name of names) {
        const values = Object.fromEntries(
          operation.parameters.filter(one => one.in === 'path').map(one => [one.name, name]),
        )
        const body = `{"${name}":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}`
        const types = operation.body.length > 0 ? operation.body : ['application/json']
        for (const type of isChange(operation) ? types : []) {
          const answer = await world.send(operation.method, pathTo(operation, values), {
            headers: { 'content-type': type, ...world.admin },
            body,
          })
          expect([
            operation.key,
            name === '__proto__' ? answer.status >= 400 && answer.status < 500 : answer.status < 500,
          ]).toEqual([operation.key, true])
        }
        expect([
          operation.key,
          (
            await world.send(operation.method === 'GET' ? 'GET' : 'OPTIONS', pathTo(operation, values), {
              headers: world.admin,
            })
          ).status < 500,
        ]).toEqual([operation.key, true])
      }
    }
    const before = await world.stored()
    for (const path of [
      '/__proto__/polluted',
      '/constructor/prototype/polluted',
      '/n/__proto__/polluted',
      '/toString/polluted',
    ]) {
      const answer = await world.send('PATCH', '/api/kytos/settings/v1/me/full', {
        headers: { 'content-type': 'application/json-patch+json', ...world.admin },
        body: JSON.stringify([{ op: 'add', path, value: true }]),
      })
      expect([path, answer.status]).toEqual([path, path.includes('__proto__') ? 400 : 409])
    }
    const merged = await world.send('PATCH', '/api/kytos/settings/v1/me/full', {
      headers: { 'content-type': 'application/merge-patch+json', ...world.admin },
      body: '{"__proto__":{"n":7}}',
    })
    expect(merged.status).toBe(400)
    expect(await world.stored()).toEqual(before)
    expect([
      Reflect.get({}, 'polluted'),
      Reflect.get([], 'polluted'),
      Reflect.get(() => {}, 'polluted'),
    ]).toEqual([undefined, undefined, undefined])
  })
})

import { describe, expect, it } from 'vitest'
import { CLUSTER, overridesKey, parseNamespace } from '../../../model/namespace.ts'
import { Environment } from '../../../src/state/environment.ts'
import type { Controller } from '../../support/controller.ts'
import { createStore, open, openHand } from './stores.ts'

const NS = 'kytos/of_lldp'
const KEY = overridesKey(parseNamespace(NS), CLUSTER)
const PORT = { type: 'integer', minimum: 1, default: 80 }
const FIRST = { properties: { port: PORT, name: { type: 'string' } } }
const NEXT = { ...FIRST, required: ['region'] }

const register = (one: Controller, schema: object, napp_version: string) =>
  one.ask('kytos.settings.register', { namespace: NS, schema: schema as never, napp_version })
const update = (one: Controller, data: unknown, more: object = {}) =>
  one.ask('kytos.settings.update', { namespace: NS, data: data as never, ...more })
const retrieve = (one: Controller, more: object = {}) =>
  one.ask('kytos.settings.retrieve', { namespace: NS, ...more })
const lists = (one: Controller) =>
  one.facts.flatMap(({ name, content }) => (name === 'settings.rejected' ? [content] : []))

describe('a next version that requires a setting', () => {
  it('ignores nothing: all overrides count, and each answer, fact and log message has the rule', async () => {
    const store = createStore()
    const one = await open(store, 'a')
    await register(one, FIRST, '1.0')
    await update(one, { port: 8080, name: 'x' })
    await register(one, NEXT, '2.0')
    const message = '"/region" is required.'
    const rejected = [{ scope: 'cluster', pointer: '/region', rule: 'required', message }]
    expect(await retrieve(one)).toMatchObject({ data: { port: 8080, name: 'x' }, rejected })
    expect((await retrieve(one, { explain: true })).rejected).toEqual(rejected)
    expect(await one.ask('kytos.settings.describe', { namespace: NS })).toMatchObject({ rejected })
    expect(await one.ask('kytos.settings.status', {})).toMatchObject({
      rejected: [{ namespace: NS, ...rejected[0] }],
    })
    expect(await one.ask('kytos.settings.list', {})).toMatchObject([{ rejected: true }])
    expect(lists(one)).toMatchObject([{ namespace: NS, source: KEY, rejected, origin: 'live' }])
    expect(one.log.lines.filter(line => line.includes('region'))).toEqual([
      `warn ${NS}: all values count, but they do not match the schema: ${message}`,
    ])
  })

  it('refuses no unrelated change, and is satisfied by one that sets it', async () => {
    const one = await open(createStore(), 'a')
    await register(one, FIRST, '1.0')
    await update(one, { port: 8080 })
    await register(one, NEXT, '2.0')
    for (const [data, more] of [
      [{ name: 'y' }, {}],
      [{ port: 81, name: 'z' }, { method: 'PUT' }],
      [[{ op: 'replace', path: '/port', value: 82 }], { method: 'JSON_PATCH' }],
    ] as const)
      expect((await update(one, data, more)).rejected).toHaveLength(1)
    const errors = [{ pointer: '/port', rule: 'minimum' }]
    await expect(update(one, { port: 0 })).rejects.toMatchObject({ details: { errors } })
    const transaction = one.ask('kytos.settings.transaction', {
      operations: [{ namespace: NS, method: 'PATCH', data: { port: 0 } }],
    })
    await expect(transaction).rejects.toMatchObject({ details: { errors } })
    expect((await update(one, { region: 'eu' }, { dry_run: true })).rejected).toBe(undefined)
    expect((await update(one, { region: 'eu' })).rejected).toBe(undefined)
    expect(lists(one).at(-1)).toMatchObject({ rejected: [] })
    await one.ask('kytos.settings.delete', { namespace: NS })
    await expect(
      one.ask('kytos.settings.create', { namespace: NS, data: { port: 81 } }),
    ).rejects.toMatchObject({ details: { errors: [{ pointer: '/region', rule: 'required' }] } })
  })
})

describe('rejected values', () => {
  it('of the cluster, of a controller and of the environment show with their scopes', async () => {
    const store = createStore()
    const environment = new Environment({ KYTOS_SETTINGS__KYTOS__OF_LLDP__PORT: '-5' })
    const [one, hand] = [await open(store, 'a', { environment }), await openHand(store)]
    await register(one, FIRST, '1.0')
    await hand.commit([
      { key: KEY, put: '{"port": 0, "name": "all"}' },
      { key: 'controllers/a/kytos/of_lldp' as typeof KEY, put: '{"port": -1, "name": 7}' },
    ])
    const found = await retrieve(one, { fresh: true })
    expect(found.data).toEqual({ port: 80, name: 'all' })
    expect(found.rejected).toMatchObject([
      { scope: 'cluster', pointer: '/port', stored: 0, counts: 80, rule: 'minimum' },
      { scope: 'controller:a', pointer: '/name', stored: 7, counts: 'all', rule: 'type' },
      { scope: 'controller:a', pointer: '/port', stored: -1, counts: 80, rule: 'minimum' },
      { scope: 'environment', pointer: '/port', stored: -5, counts: 80, rule: 'minimum' },
    ])
  })

  it('show in a dry run that would make them so', async () => {
    const one = await open(createStore(), 'a')
    await register(
      one,
      { properties: { low: { type: 'integer' } }, not: { required: ['max', 'low', 'x'] } },
      '1.0',
    )
    await update(one, { low: 2, x: 1 }, { scope: 'controller' })
    expect(await update(one, { max: 3 }, { dry_run: true })).toMatchObject({
      preview: { rejected: [{ scope: 'controller:a', stored: 1, rule: 'not' }] },
    })
  })

  it('are at most 100 in one list, and the others are counted', async () => {
    const store = createStore()
    const [one, hand] = [await open(store, 'a'), await openHand(store)]
    await register(one, { additionalProperties: { type: 'integer' } }, '1.0')
    const stored = Object.fromEntries(Array.from({ length: 130 }, (_, i) => [`k${i}`, 'x']))
    await hand.commit([{ key: KEY, put: JSON.stringify({ ...stored, good: 1 }) }])
    const found = await retrieve(one, { fresh: true })
    expect(found).toMatchObject({ data: { good: 1 }, more: 30 })
    expect(found.rejected).toHaveLength(100)
    const message = one.log.lines.find(line => line.includes('ignored'))
    expect(message).toContain('ignored 130 values that do not match the schema')
  })
})

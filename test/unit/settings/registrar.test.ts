import { describe, expect, it } from 'vitest'
import { SettingsError } from '../../../model/errors.ts'
import { makeKey, makePrefix } from '../../../model/key.ts'
import type { JsonObject } from '../../../model/value.ts'
import type { Controller } from '../../support/controller.ts'
import { createStore, fingerprint, on, open } from './stores.ts'

const NS = 'kytos/of_lldp'
const NUMBER = { properties: { polling_time: { type: 'integer', default: 3 } } } as const
const SCHEMAS = makePrefix('schemas', 'kytos', 'of_lldp')

const register = (one: Controller, schema: JsonObject, napp_version: string) =>
  one.ask('kytos.settings.register', { namespace: NS, schema, napp_version })

describe('a registration', () => {
  it('of what is there commits nothing, whatever the order of its keys', async () => {
    const store = createStore()
    const one = await open(store, 'a')
    await one.ask('kytos.settings.register', {
      namespace: NS,
      schema: { type: 'object', properties: { a: { default: 1 }, b: {} } },
      seed: { b: 1 },
    })
    const before = fingerprint(store)
    await (await open(store, 'b')).ask('kytos.settings.register', {
      namespace: NS,
      seed: { b: 1 },
      schema: { properties: { b: {}, a: { default: 1 } }, type: 'object' },
      napp_version: '9',
    })
    expect(fingerprint(store)).toBe(before)
  })

  it('on many controllers at once stores one', async () => {
    const store = createStore()
    const controllers = await Promise.all(['a', 'b', 'c', 'd'].map(id => open(store, id)))
    expect(await Promise.all(controllers.map(one => register(one, NUMBER, '1')))).toMatchObject(
      controllers.map(() => ({ data: { polling_time: 3 }, schema: true })),
    )
    expect(store.list(SCHEMAS)).toHaveLength(1)
  })

  it('of a schema with a misspelt keyword warns in the answer and in the log, once each', async () => {
    const one = await open(createStore())
    const schema = { properties: { polling_time: { type: 'integer', minimun: 1, unit: 's' } } }
    const warning =
      '"/properties/polling_time/minimun" of the schema is not a keyword and has no effect; did you mean "minimum"?'
    expect(await register(one, schema, '1')).toMatchObject({ warnings: [warning] })
    expect(one.log.lines.filter(line => line.startsWith('warn'))).toEqual([
      `warn The schema of "${NS}": ${warning}`,
    ])
    expect(await register(one, NUMBER, '2')).not.toHaveProperty('warnings')
    expect(await one.ask('kytos.settings.retrieve', { namespace: NS })).not.toHaveProperty('warnings')
  })

  it('of a bad schema or seed is refused with the reason, and nothing is stored', async () => {
    const store = createStore()
    const one = await open(store)
    const before = fingerprint(store)
    const refuse = (schema: JsonObject, seed: JsonObject | undefined, code: string, why: string) =>
      expect(
        one.ask('kytos.settings.register', { namespace: NS, schema, ...(seed ? { seed } : {}) }),
      ).rejects.toMatchObject({
        code,
        message: expect.stringContaining(why),
      })
    await refuse({ type: 'objekt' }, undefined, 'SCHEMA_MALFORMED', '/type')
    await refuse(
      { properties: { a: { 'x-apply': 'liv' } } },
      undefined,
      'SCHEMA_MALFORMED',
      'Invalid "x-apply" "liv" at "/a" of the schema; allowed are live, reload, restart, never.',
    )
    await refuse(
      { properties: { a: { type: 'integer', default: 'x' } } },
      undefined,
      'SETTINGS_INVALID',
      'The default of the schema of "kytos/of_lldp" does not match the schema: "/a" must be of type integer, not "x".',
    )
    await refuse(
      { properties: { abc: {} }, additionalProperties: false },
      { abd: 1 },
      'SETTINGS_INVALID',
      'The seed of "kytos/of_lldp" does not match the schema: "/abd" is not a known setting; did you mean "abc"?',
    )
    let nested: JsonObject = {}
    for (let i = 0; i < 60; i++) nested = { properties: { a: nested } }
    await refuse(nested, undefined, 'JSON_MALFORMED', 'nests deeper than 100 levels')
    expect(fingerprint(store)).toBe(before)
    expect(await one.ask('kytos.settings.list', {})).toEqual([])
  })

  it('takes a schema that demands what only overrides can bring', async () => {
    const one = await open(createStore())
    const schema = {
      oneOf: [{ required: ['address'] }, { required: ['name'] }],
      required: ['id'],
      minProperties: 1,
      properties: { id: { type: 'integer' } },
    }
    expect(await one.ask('kytos.settings.register', { namespace: NS, schema })).toMatchObject({
      data: {},
      schema: true,
    })
    await expect(one.ask('kytos.settings.update', { namespace: NS, data: { id: 1 } })).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
    })
    expect(
      await one.ask('kytos.settings.update', { namespace: NS, data: { id: 1, name: 'x' } }),
    ).toMatchObject({ version: 1 })
  })

  it('counts here also when what is stored under its digest cannot be read', async () => {
    const store = createStore()
    const one = await open(store, 'a')
    const { revision } = await register(one, NUMBER, '1')
    const [stored] = store.list(SCHEMAS)
    store.commit([{ key: stored?.key ?? makeKey('meta', 'none'), put: 'garbage' }])
    const two = await open(store, 'b')
    expect(await register(two, NUMBER, '1')).toMatchObject({ data: { polling_time: 3 }, schema: true })
    expect(BigInt((await register(two, NUMBER, '1')).revision)).toBeLessThanOrEqual(BigInt(revision) + 1n)
  })

  it('while the store is away counts here at once, and is stored when it is back', async () => {
    const store = createStore()
    const backend = on(store)
    const { watch, list, get, commit } = backend
    let away = false
    let cut = (): void => {}
    const reach = async <Result>(call: () => Promise<Result>): Promise<Result> => {
      if (!away) return call()
      throw new SettingsError('STORE_UNREACHABLE', 'The line is cut.')
    }
    const one = await open(store, 'a', {
      backend: () =>
        Object.assign(backend, {
          get: (...given: Parameters<typeof get>) => reach(() => get.apply(backend, given)),
          list: (...given: Parameters<typeof list>) => reach(() => list.apply(backend, given)),
          commit: (...given: Parameters<typeof commit>) => reach(() => commit.apply(backend, given)),
          async *watch(since: bigint, signal: AbortSignal) {
            await reach(async () => {})
            const line = new AbortController()
            cut = () => line.abort()
            yield* watch.call(backend, since, AbortSignal.any([signal, line.signal]))
            await reach(async () => {})
          },
        }),
    })
    away = true
    cut()
    expect(await register(one, NUMBER, '1')).toMatchObject({ data: { polling_time: 3 }, schema: true })
    expect(store.list(SCHEMAS)).toHaveLength(0)
    away = false
    await expect.poll(() => store.list(SCHEMAS).length).toBe(1)
    expect((await one.ask('kytos.settings.retrieve', { namespace: NS, fresh: true })).data).toEqual({
      polling_time: 3,
    })
    expect(
      await one.ask('kytos.settings.update', { namespace: NS, data: { polling_time: 4 } }),
    ).toMatchObject({ state: 'READY', version: 1 })
  })

  it('whose answer was lost, more than once, is stored in the end', { timeout: 15_000 }, async () => {
    const store = createStore()
    const backend = on(store)
    const { commit } = backend
    let lost = 3
    const one = await open(store, 'a', {
      backend: () =>
        Object.assign(backend, {
          commit: async (...given: Parameters<typeof commit>) => {
            const isSchema = given[0].some(({ key }) => key.startsWith(SCHEMAS))
            if (isSchema && lost-- > 0) throw new SettingsError('OUTCOME_UNKNOWN', 'The answer was lost.')
            return commit.apply(backend, given)
          },
        }),
    })
    expect(await register(one, NUMBER, '1')).toMatchObject({ data: { polling_time: 3 }, schema: true })
    await expect.poll(() => store.list(SCHEMAS).length, { timeout: 10_000 }).toBe(1)
    expect(one.log.lines.filter(line => line.startsWith('error'))).toEqual([])
  })
})

import { describe, expect, it } from 'vitest'
import { makeKey } from '../../../model/key.ts'
import {
  CLUSTER,
  controllerScope,
  overridesKey,
  parseNamespace,
  schemaKey,
} from '../../../model/namespace.ts'
import type { JsonObject } from '../../../model/value.ts'
import { createStore, fingerprint, open, openHand } from './stores.ts'

const NS = parseNamespace('kytos/of_lldp')
/** Costs much on a long text, and nothing on `{}`. */
const COSTLY: JsonObject = { properties: { a: { pattern: '^[ab]*a[ab]{400}[cd]' } } }
const LONG = { a: 'ab'.repeat(20_000) }
/** Exceeds the budget on `{}`. */
const ENDLESS: JsonObject = {
  $ref: '#/$defs/d0',
  $defs: Object.fromEntries(
    Array.from({ length: 21 }, (_, i) => [
      `d${i}`,
      i === 20
        ? { required: ['x'] }
        : { anyOf: [{ $ref: `#/$defs/d${i + 1}` }, { $ref: `#/$defs/d${i + 1}` }] },
    ]),
  ),
}
const register = (schema: JsonObject) => ({ namespace: NS, schema, napp_version: '9' })

describe('a schema that is too costly', () => {
  it('is refused for what is stored, in any scope, and nothing is committed', async () => {
    for (const scope of [CLUSTER, controllerScope('c1'), controllerScope('c2')]) {
      const store = createStore()
      const one = await open(store, 'c1')
      await one.ask('kytos.settings.update', { namespace: NS, scope, data: LONG })
      const before = fingerprint(store)
      await expect(one.ask('kytos.settings.register', register(COSTLY))).rejects.toMatchObject({
        code: 'SCHEMA_TOO_COSTLY',
        status: 422,
        message: expect.stringContaining(`the overrides stored in scope ${scope} takes more than`),
      })
      expect(fingerprint(store)).toBe(before)
      expect(await one.ask('kytos.settings.retrieve', { namespace: NS, scope })).toMatchObject({
        overrides: LONG,
        schema: false,
      })
    }
  })

  it('is refused for what it takes on nothing at all', async () => {
    const one = await open(createStore())
    await expect(one.ask('kytos.settings.register', register(ENDLESS))).rejects.toMatchObject({
      code: 'SCHEMA_TOO_COSTLY',
      message: expect.stringContaining('its validation of {} takes more than'),
    })
  })

  it('makes a write that exceeds the budget invalid, with the rule', async () => {
    const store = createStore()
    const one = await open(store)
    await one.ask('kytos.settings.register', register(COSTLY))
    const before = fingerprint(store)
    const started = process.cpuUsage()
    await expect(one.ask('kytos.settings.update', { namespace: NS, data: LONG })).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
      status: 422,
      details: { errors: [{ pointer: '', rule: 'budget', expected: 2_000_000 }] },
    })
    expect(process.cpuUsage(started).user / 1e6).toBeLessThan(2)
    expect(fingerprint(store)).toBe(before)
  })

  it('leaves out a hand edit that exceeds the budget, as a whole', async () => {
    const store = createStore()
    const one = await open(store)
    await one.ask('kytos.settings.register', register(COSTLY))
    await one.ask('kytos.settings.update', { namespace: NS, data: { a: `a${'b'.repeat(400)}c` } })
    const hand = await openHand(store)
    await hand.commit([{ key: overridesKey(NS, CLUSTER), put: JSON.stringify(LONG) }])
    const settings = await one.ask('kytos.settings.retrieve', { namespace: NS, fresh: true })
    expect(settings.data).toEqual({})
    expect(settings.rejected).toMatchObject([{ scope: 'cluster', pointer: '', stored: LONG, rule: 'budget' }])
    const rejected = one.facts.find(({ name }) => name === 'settings.rejected')
    expect(JSON.stringify(rejected?.content)).toContain('"rule":"budget"')
  })

  it('stored by another program is unreadable: the service starts, says so, and takes no overrides', async () => {
    const store = createStore()
    const hand = await openHand(store)
    await hand.commit([{ key: overridesKey(NS, CLUSTER), put: '{"a":1}' }])
    for (const [digest, schema] of [
      ['d1', ENDLESS],
      ['d2', { properties: { a: { pattern: '(?=a)b' } } }],
    ] as const)
      await hand.commit([{ key: schemaKey(NS, digest), put: JSON.stringify({ schema, seed: {} }) }])
    const one = await open(store)
    const said = one.log.lines.join('\n')
    expect(said).toContain(
      `rejected ${makeKey('schemas', 'kytos', 'of_lldp', 'd1')}: The stored schema is ignored`,
    )
    expect(said).toContain('takes more than 2000000 steps')
    expect(said).toContain('it has a look-around assertion, "(?=", which RE2 does not support')
    expect(await one.ask('kytos.settings.retrieve', { namespace: NS })).toMatchObject({ data: { a: 1 } })
    await expect(one.ask('kytos.settings.update', { namespace: NS, data: { a: 2 } })).rejects.toMatchObject({
      code: 'SCHEMA_REQUIRED',
      message: expect.stringContaining('its stored schema cannot be used'),
    })
    await one.ask('kytos.settings.register', register({ properties: { a: { type: 'integer' } } }))
    expect(await one.ask('kytos.settings.update', { namespace: NS, data: { a: 2 } })).toMatchObject({
      data: { a: 2 },
    })
  })

  it('does not replace one that is in use', async () => {
    const store = createStore()
    const one = await open(store)
    await one.ask('kytos.settings.register', register({ properties: { a: { type: 'integer', default: 5 } } }))
    const hand = await openHand(store)
    await hand.commit([
      {
        key: schemaKey(NS, 'd1'),
        put: JSON.stringify({ schema: ENDLESS, seed: {}, napp_version: '10' }),
      },
    ])
    expect(await one.ask('kytos.settings.retrieve', { namespace: NS, fresh: true })).toMatchObject({
      data: { a: 5 },
      schema: true,
    })
    const two = await open(store, 'c2')
    expect(await two.ask('kytos.settings.retrieve', { namespace: NS })).toMatchObject({ data: { a: 5 } })
  })
})

it('an answer of GET .../schema is refused in place of a schema, naming what is meant', async () => {
  const one = await open(createStore())
  await one.ask('kytos.settings.register', register({ properties: { a: { default: 1 } } }))
  const answer = await one.ask('kytos.settings.describe', { namespace: NS })
  for (const sent of [answer as unknown as JsonObject, { schema: answer.schema }])
    await expect(one.ask('kytos.settings.register', register(sent))).rejects.toMatchObject({
      code: 'SCHEMA_MALFORMED',
      message: expect.stringContaining('Send the value of its member "schema" alone'),
    })
  expect(await one.ask('kytos.settings.retrieve', { namespace: NS })).toMatchObject({ data: { a: 1 } })
  // A setting may have that name.
  await one.ask(
    'kytos.settings.register',
    register({ type: 'object', properties: { schema: { type: 'object' } } }),
  )
})

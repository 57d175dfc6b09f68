import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../model/value.ts'
import type { Controller } from '../../support/controller.ts'
import { createStore, open } from './stores.ts'

const NS = 'kytos/of_lldp'
const NUMBER = { properties: { polling_time: { type: 'integer', default: 3 } } } as const
const TEXT = { properties: { polling_time: { type: 'string', default: 'slow' } } } as const
const EITHER = { properties: { polling_time: { type: ['string', 'integer'], default: 'slow' } } } as const

const register = (one: Controller, schema: JsonObject, napp_version: string) =>
  one.ask('kytos.settings.register', { namespace: NS, schema, napp_version })
const effective = async (one: Controller) =>
  (await one.ask('kytos.settings.retrieve', { namespace: NS, fresh: true })).data.polling_time
const rejected = (one: Controller) => one.facts.filter(({ name }) => name === 'settings.rejected').length

describe('an upgrade', () => {
  it('to a schema that a value breaks leaves it out, and brings it back with one that it matches: here, elsewhere and after a restart', async () => {
    const store = createStore()
    const one = await open(store, 'a')
    const two = await open(store, 'b')
    await register(one, NUMBER, '1.0')
    await one.ask('kytos.settings.update', { namespace: NS, data: { polling_time: 7 } })

    await register(one, TEXT, '2.0')
    expect([await effective(one), await effective(two)]).toEqual(['slow', 'slow'])
    expect([rejected(one), rejected(two)]).toEqual([1, 1])
    expect(await one.ask('kytos.settings.retrieve', { namespace: NS })).toMatchObject({
      overrides: { polling_time: 7 },
      version: 1,
    })
    expect(await effective(await open(store, 'c'))).toBe('slow')
    expect(await two.ask('kytos.settings.list', {})).toMatchObject([{ namespace: NS, rejected: true }])

    await register(one, EITHER, '3.0')
    expect([await effective(one), await effective(two)]).toEqual([7, 7])
    // The second list is empty, because all values count again.
    expect([rejected(one), rejected(two)]).toEqual([2, 2])
    expect(two.facts.findLast(({ name }) => name === 'settings.rejected')?.content).toMatchObject({
      namespace: NS,
      rejected: [],
    })
    expect(await effective(await open(store, 'd'))).toBe(7)

    for (const controller of [one, two]) {
      expect(
        controller.changes.map(({ content }) =>
          'scope' in content ? [content.scope, content.previous.polling_time, content.data.polling_time] : [],
        ),
      ).toEqual([
        ['schema', undefined, 3],
        ['cluster', 3, 7],
        ['schema', 7, 'slow'],
        ['schema', 'slow', 7],
      ])
    }
  })

  it('leaves out a value although an older version of it is valid, until a valid one is written', async () => {
    const store = createStore()
    const one = await open(store, 'a')
    const two = await open(store, 'b')
    await one.ask('kytos.settings.update', { namespace: NS, data: { polling_time: 'fast' } })
    await one.ask('kytos.settings.update', { namespace: NS, data: { polling_time: 7 } })
    await register(one, TEXT, '2.0')
    expect([await effective(one), await effective(two), await effective(await open(store, 'c'))]).toEqual([
      'slow',
      'slow',
      'slow',
    ])
    expect(
      await two.ask('kytos.settings.update', { namespace: NS, data: { polling_time: 'never' } }),
    ).toMatchObject({ version: 3 })
    expect([await effective(one), await effective(two), await effective(await open(store, 'd'))]).toEqual([
      'never',
      'never',
      'never',
    ])
  })

  it('counts only here while the older version runs elsewhere', async () => {
    const store = createStore()
    const [one, two] = [await open(store, 'a'), await open(store, 'b')]
    await register(one, NUMBER, '1.0')
    await register(two, TEXT, '2.0')
    await two.ask('kytos.settings.update', { namespace: NS, data: { other: 1 } })
    expect([await effective(one), await effective(two)]).toEqual([3, 'slow'])
    expect((await one.ask('kytos.settings.describe', { namespace: NS })).napp_version).toBe('1.0')
    expect(
      (await (await open(store, 'c')).ask('kytos.settings.describe', { namespace: NS })).napp_version,
    ).toBe('2.0')
  })
})

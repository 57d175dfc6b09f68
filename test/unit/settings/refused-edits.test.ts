import { describe, expect, it } from 'vitest'
import { makeKey } from '../../../model/key.ts'
import type { Controller } from '../../support/controller.ts'
import { createStore, open, openHand } from './stores.ts'

const KEY = makeKey('settings', 'kytos', 'of_lldp')
const TWIN = makeKey('settings', 'Kytos', 'Of_LLDP')
const rejected = (one: Controller) =>
  one.facts.filter(({ name }) => name === 'settings.rejected').map(({ content }) => content)
const data = async (one: Controller, namespace = 'kytos/of_lldp') =>
  (await one.ask('kytos.settings.retrieve', { namespace, fresh: true })).data

describe('a manual edit in strict mode', () => {
  it('of a namespace without a schema does not count until the schema is registered', async () => {
    const store = createStore()
    const [one, hand] = [await open(store, 'a', { strict: true }), await openHand(store)]
    await hand.commit([{ key: KEY, put: '{"a": 1}' }])
    expect(await data(one)).toEqual({})
    expect(rejected(one)).toMatchObject([{ source: KEY, rejected: [{ rule: 'strict' }] }])
    const [two, free] = [await open(store, 'b', { strict: true }), await open(store, 'c')]
    expect([await data(two), await data(free)]).toEqual([{}, { a: 1 }])
    expect(rejected(two)).toHaveLength(1)
    expect(store.get(KEY)?.text).toBe('{"a": 1}')
    await one.ask('kytos.settings.register', { namespace: 'kytos/of_lldp', schema: {} })
    expect([await data(one), await data(two)]).toEqual([{ a: 1 }, { a: 1 }])
  })

  it('leaves what a command wrote in force, also after a restart', async () => {
    const store = createStore()
    const [free, hand] = [await open(store, 'a'), await openHand(store)]
    await free.ask('kytos.settings.update', { namespace: 'kytos/of_lldp', data: { a: 1 } })
    const one = await open(store, 'b', { strict: true })
    expect([await data(one), rejected(one)]).toEqual([{ a: 1 }, []])
    for (const n of [2, 3]) await hand.commit([{ key: KEY, put: `{"a": ${n}}` }])
    expect(await data(one)).toEqual({ a: 1 })
    await expect
      .poll(async () => (await one.ask('kytos.settings.history', { namespace: 'kytos/of_lldp' })).length)
      .toBe(3)
    expect(await data(await open(store, 'c', { strict: true }))).toEqual({ a: 1 })
  })
})

describe('a manual edit of a name that differs from another one only in case', () => {
  it('does not count, whichever name comes first in the store, and no command changes it', async () => {
    const store = createStore()
    const [one, hand] = [await open(store, 'a'), await openHand(store)]
    await one.ask('kytos.settings.update', { namespace: 'kytos/of_lldp', data: { a: 1 } })
    await hand.commit([{ key: TWIN, put: '{"a": 2}' }])
    expect(await data(one, 'Kytos/Of_LLDP')).toEqual({})
    expect(rejected(one)).toMatchObject([{ source: TWIN, rejected: [{ rule: 'case' }] }])
    const two = await open(store, 'b')
    expect([await data(two), await data(two, 'Kytos/Of_LLDP')]).toEqual([{ a: 1 }, {}])
    expect(rejected(two)).toHaveLength(1)
    for (const dry_run of [false, true])
      await expect(
        two.ask('kytos.settings.update', { namespace: 'Kytos/Of_LLDP', data: { b: 1 }, dry_run }),
      ).rejects.toMatchObject({ code: 'NAMESPACE_CONFLICT' })
    expect(store.get(TWIN)?.text).toBe('{"a": 2}')
    await two.ask('kytos.settings.update', { namespace: 'kytos/of_lldp', data: { b: 1 } })
    await two.ask('kytos.settings.delete', { namespace: 'Kytos/Of_LLDP' })
    expect(await data(one)).toEqual({ a: 1, b: 1 })
  })

  it('counts once the other name is gone, on every controller', async () => {
    const store = createStore()
    const [one, hand] = [await open(store, 'a'), await openHand(store)]
    await hand.commit([{ key: KEY, put: '{"a": 1}' }])
    await hand.commit([{ key: TWIN, put: '{"a": 2}' }])
    expect([await data(one), await data(one, 'Kytos/Of_LLDP')]).toEqual([{ a: 1 }, {}])
    await one.ask('kytos.settings.delete', { namespace: 'kytos/of_lldp' })
    const two = await open(store, 'b')
    expect([await data(one, 'Kytos/Of_LLDP'), await data(two, 'Kytos/Of_LLDP')]).toEqual([{ a: 2 }, { a: 2 }])
  })

  it('yields to a schema, however old the edit is', async () => {
    const store = createStore()
    const [one, hand] = [await open(store, 'a'), await openHand(store)]
    await hand.commit([{ key: TWIN, put: '{"a": 2}' }])
    expect(await data(one, 'Kytos/Of_LLDP')).toEqual({ a: 2 })
    await hand.commit([
      { key: makeKey('schemas', 'kytos', 'of_lldp', 'd1'), put: '{"schema": {}, "seed": {}}' },
    ])
    expect(await data(one, 'Kytos/Of_LLDP')).toEqual({})
    expect(await data(await open(store, 'b'), 'Kytos/Of_LLDP')).toEqual({})
  })
})

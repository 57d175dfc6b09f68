import { describe, expect, it } from 'vitest'
import { makeKey } from '../../../model/key.ts'
import type { Controller } from '../../support/controller.ts'
import { createStore, open, openHand } from './stores.ts'

const NS = 'kytos/of_lldp'
const NUMBER = { properties: { polling_time: { type: 'integer', default: 3 } } } as const
const KEY = makeKey('settings', 'kytos', 'of_lldp')

const effective = async (one: Controller) =>
  (await one.ask('kytos.settings.retrieve', { namespace: NS, fresh: true })).data.polling_time
const rejected = (one: Controller) => one.facts.filter(({ name }) => name === 'settings.rejected').length

describe('an edit by hand', () => {
  it.each([
    ['{"polling_time": "soon"}', 3],
    ['{"polling_time":', 5],
    ['[]', 5],
    ['null', 5],
    ['5', 5],
    ['', 5],
  ])(
    'of %j is announced once: a value that breaks the schema is left out, a text that is no object keeps the version before it',
    async (text, counts) => {
      const store = createStore()
      const [one, hand] = [await open(store, 'a'), await openHand(store)]
      await one.ask('kytos.settings.register', { namespace: NS, schema: NUMBER })
      await one.ask('kytos.settings.update', { namespace: NS, data: { polling_time: 5 } })
      await hand.commit([{ key: KEY, put: text }])
      expect(await effective(one)).toBe(counts)
      const two = await open(store, 'b')
      expect([await effective(two), rejected(one), rejected(two)]).toEqual([counts, 1, 1])
      await hand.commit([{ key: KEY, put: '{"polling_time": 6}' }])
      expect([await effective(one), await effective(two)]).toEqual([6, 6])
      await expect
        .poll(async () =>
          (await one.ask('kytos.settings.history', { namespace: NS })).map(
            ({ version, actor }) => `${version} ${actor.type}`,
          ),
        )
        .toEqual(['3 file', '2 file', '1 napp'])
      expect(two.changes.map(({ content }) => ('version' in content ? content.version : 0))).toEqual([3])
    },
  )

  it('that removes the document shows the layers below, here and on a controller that starts later, at the same revision', async () => {
    const store = createStore()
    const [one, hand] = [await open(store, 'a'), await openHand(store)]
    await one.ask('kytos.settings.register', { namespace: NS, schema: NUMBER })
    await one.ask('kytos.settings.update', { namespace: NS, data: { polling_time: 5 } })
    await hand.commit([{ key: KEY, delete: true }])
    const gone = store.revision
    expect(await effective(one)).toBe(3)
    await expect
      .poll(async () => (await one.ask('kytos.settings.history', { namespace: NS, limit: 1 }))[0]?.kind)
      .toBe('deleted')
    const two = await open(store, 'b')
    const [here, there] = await Promise.all(
      [one, two].map(controller => controller.ask('kytos.settings.retrieve', { namespace: NS, fresh: true })),
    )
    expect(here?.revision).toBe(gone.toString())
    expect(there).toMatchObject({ revision: here?.revision, version: 2, data: { polling_time: 3 } })
  })
})

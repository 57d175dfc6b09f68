import { describe, expect, it } from 'vitest'
import { historyKey, makeKey } from '../../../model/key.ts'
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

  it.each([
    ['after the document', [{ key: KEY, put: '{"polling_time": 7}' }]],
    ['of a document that it deleted', [{ key: KEY, delete: true }]],
  ] as const)('gets its record above one that the program put %s', async (_, operations) => {
    const store = createStore()
    const [one, hand] = [await open(store, 'a'), await openHand(store)]
    await one.ask('kytos.settings.register', { namespace: NS, schema: NUMBER })
    await one.ask('kytos.settings.update', { namespace: NS, data: { polling_time: 5 } })
    const record = store.get(historyKey(KEY, 1))?.text ?? ''
    await hand.commit(operations)
    const edit = store.revision
    await hand.commit([{ key: historyKey(KEY, 1), put: record }])
    await hand.commit([{ key: historyKey(KEY, 2), put: record.replace('"version":1', '"version":2') }])
    const newest = async () => (await one.ask('kytos.settings.history', { namespace: NS, limit: 1 }))[0]
    await expect.poll(newest).toMatchObject({ version: 3, actor: { type: 'file' }, revision: String(edit) })
    const two = await open(store, 'b')
    const versions = await Promise.all(
      [one, two].map(
        async each => (await each.ask('kytos.settings.retrieve', { namespace: NS, fresh: true })).version,
      ),
    )
    expect(versions).toEqual([3, 3])
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Settings } from '../../../events/nouns.ts'
import { type Key, makeKey } from '../../../model/key.ts'
import type { Json } from '../../../model/value.ts'
import { Environment } from '../../../src/state/environment.ts'
import { createStore, open, openHand } from './stores.ts'

const NS = 'kytos/of_lldp'
const SCHEMA = {
  type: 'object',
  properties: { polling_time: { type: 'integer', default: 3, maximum: 99, 'x-apply': 'live' } },
} as const
const there = { namespace: NS, scope: 'controller:c2' } as const

type Layer = { readonly polling_time: number } | undefined

/** The values of an answer, with their layers. */
const seenIn = ({ data, overrides, version, explain }: Settings) => ({
  data,
  overrides,
  version,
  layers: Object.entries(explain ?? {}).map(([pointer, { layer, value, shadowed }]) => [
    pointer,
    [{ layer, value }, ...shadowed].map(({ layer, value }) => [layer, value]),
  ]),
})

describe('the settings of another controller', () => {
  it('equal what that controller answers itself, in every answer of every controller', async () => {
    const layer = fc.option(fc.record({ polling_time: fc.integer({ min: 1, max: 120 }) }), { nil: undefined })
    await fc.assert(
      fc.asyncProperty(layer, layer, layer, async (cluster, one, two) => {
        const store = createStore()
        const [c1, c2] = [await open(store, 'c1'), await open(store, 'c2')]
        await c1.ask('kytos.settings.register', { namespace: NS, schema: SCHEMA })
        // Hand edits, so that some of them do not match the schema.
        const hand = await openHand(store)
        const put = async (value: Layer, key: Key) => {
          if (value) await hand.commit([{ key, put: JSON.stringify(value) }])
        }
        await put(cluster, makeKey('settings', 'kytos', 'of_lldp'))
        await put(one, makeKey('controllers', 'c1', 'kytos', 'of_lldp'))
        await put(two, makeKey('controllers', 'c2', 'kytos', 'of_lldp'))
        const common = { ...there, fresh: true, explain: true }
        const own = await c2.ask('kytos.settings.retrieve', common)
        const asked = await c1.ask('kytos.settings.retrieve', common)
        expect(own).not.toHaveProperty('assumed')
        expect(asked.assumed).toBe(true)
        expect(seenIn(asked)).toEqual(seenIn(own))
      }),
      { numRuns: 15 },
    )
  })

  it('are marked as assumed, without the environment of the controller that answers', async () => {
    const store = createStore()
    const c1 = await open(store, 'c1', {
      environment: new Environment({ KYTOS_SETTINGS__kytos__of_lldp__polling_time: '33' }),
    })
    await c1.ask('kytos.settings.register', { namespace: NS, schema: SCHEMA })
    await c1.ask('kytos.settings.update', { ...there, data: { polling_time: 7 } })
    expect(await c1.ask('kytos.settings.retrieve', { namespace: NS })).not.toHaveProperty('assumed')
    expect(await c1.ask('kytos.settings.retrieve', { namespace: NS })).toMatchObject({
      data: { polling_time: 33 },
    })
    const { data, assumed, explain } = await c1.ask('kytos.settings.retrieve', { ...there, explain: true })
    expect({ data, assumed }).toEqual({ data: { polling_time: 7 }, assumed: true })
    expect(explain?.['/polling_time']).toMatchObject({
      layer: 'controller',
      value: 7,
      set_by: { name: 'kytos/test' },
      shadowed: [{ layer: 'default', value: 3 }],
    })
  })

  it('are what a change of them answers, and a dry run shows its effect there', async () => {
    const c1 = await open(createStore(), 'c1')
    await c1.ask('kytos.settings.register', { namespace: NS, schema: SCHEMA })
    await c1.ask('kytos.settings.update', { namespace: NS, data: { polling_time: 5 } })
    const change = { ...there, data: { polling_time: 7 } as Json }
    const preview = { changes: [{ path: '/polling_time', old: 5, new: 7, apply: 'live' }], consumers: [] }
    expect(await c1.ask('kytos.settings.update', { ...change, dry_run: true })).toMatchObject({
      data: { polling_time: 7 },
      assumed: true,
      preview,
    })
    const together = await c1.ask('kytos.settings.transaction', {
      operations: [{ namespace: NS, data: { polling_time: 6 } }, change],
      dry_run: true,
    })
    expect(together.settings.map(({ data, preview: seen }) => [data, seen?.changes])).toEqual([
      [{ polling_time: 6 }, [{ path: '/polling_time', old: 5, new: 6, apply: 'live' }]],
      [{ polling_time: 7 }, preview.changes],
    ])
    expect(await c1.ask('kytos.settings.update', change)).toMatchObject({
      data: { polling_time: 7 },
      assumed: true,
    })
    expect(await c1.ask('kytos.settings.delete', there)).toMatchObject({ data: { polling_time: 5 } })
    expect(await c1.ask('kytos.settings.retrieve', { namespace: NS })).toMatchObject({
      data: { polling_time: 5 },
    })
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Settings } from '../../../events/nouns.ts'
import { SettingsError } from '../../../model/errors.ts'
import { makeKey } from '../../../model/key.ts'
import { equalJson, isObject, type Json, type JsonObject, pointerToken } from '../../../model/value.ts'
import { valueAt } from '../../../src/schema/exact-keywords.ts'
import { pruneHistory } from '../../../src/settings/housekeeper.ts'
import { findSetters } from '../../../src/settings/provenance.ts'
import { Environment } from '../../../src/state/environment.ts'
import type { StoredRecord } from '../../../src/state/record.ts'
import { mergeReference } from '../../support/merge-reference.ts'
import { createStore, on, open, openHand } from './stores.ts'

const KEEP_50 = { newest: 50, youngest: Number.POSITIVE_INFINITY }
const NS = 'kytos/of_lldp'
const KEY = makeKey('settings', 'kytos', 'of_lldp')
const ANN = { type: 'napp', name: 'kytos/test' }

/** Every leaf, written independently of the code under test. */
function leaves(value: JsonObject, path = ''): string[] {
  return Object.keys(value).flatMap(key => {
    const member = value[key] as Json
    const at = path + pointerToken(key)
    return isObject(member) && Object.keys(member).length > 0 ? leaves(member, at) : [at]
  })
}

const scalar = fc.constantFrom<Json>(1, 2, 'x', null, true, 2n ** 64n)
const tree: fc.Arbitrary<JsonObject> = fc.letrec<{ value: Json; object: JsonObject }>(tie => ({
  value: fc.oneof({ maxDepth: 3 }, scalar, fc.constant<Json>([1]), tie('object')),
  object: fc.dictionary(fc.constantFrom('a', 'b', 'c/d', 'e~'), tie('value'), { maxKeys: 3 }),
})).object

describe('explain', () => {
  it('names for every leaf the highest layer that has it, and all that it hides', async () => {
    await fc.assert(
      fc.asyncProperty(tree, tree, tree, tree, async (defaults, seed, cluster, own) => {
        const one = await open(createStore())
        await one.ask('kytos.settings.register', { namespace: NS, schema: { default: defaults }, seed })
        await one.ask('kytos.settings.update', { namespace: NS, data: cluster, method: 'PUT' })
        await one.ask('kytos.settings.update', {
          namespace: NS,
          data: own,
          method: 'PUT',
          scope: 'controller',
        })
        const { data, explain = {} } = await one.ask('kytos.settings.retrieve', {
          namespace: NS,
          explain: true,
        })
        expect(equalJson(data, mergeReference([defaults, seed, cluster, own]))).toBe(true)
        expect(Object.keys(explain).sort()).toEqual(leaves(data).sort())
        const layers = [
          ['default', defaults],
          ['seed', seed],
          ['cluster', cluster],
          ['controller', own],
        ] as const
        for (const [pointer, found] of Object.entries(explain)) {
          expect(found.value).toEqual(valueAt(data, pointer))
          const having = layers.filter(([, layer]) => valueAt(layer, pointer) !== undefined).reverse()
          expect(found.layer).toBe(having[0]?.[0])
          const hidden = found.shadowed.filter(one => one.pointer === undefined)
          expect(hidden.map(({ layer, value }) => [layer, value])).toEqual(
            having.slice(1).map(([layer, values]) => [layer, valueAt(values, pointer)]),
          )
          for (const { pointer: above, layer, value } of found.shadowed) {
            if (above === undefined) continue
            expect(pointer.startsWith(`${above}/`)).toBe(true)
            expect(isObject(value)).toBe(false)
            expect(valueAt(layers.find(([name]) => name === layer)?.[1] ?? {}, above)).toEqual(value)
          }
        }
      }),
      { numRuns: 60 },
    )
  })

  it('keeps a value that was set to its default apart from one that is not set', async () => {
    const one = await open(createStore())
    await one.ask('kytos.settings.register', {
      namespace: NS,
      schema: { properties: { a: { default: 1 }, b: { default: 1 } } },
    })
    const { revision } = await one.ask('kytos.settings.update', { namespace: NS, data: { a: 1 } })
    const { explain } = await one.ask('kytos.settings.retrieve', { namespace: NS, explain: true })
    expect(explain).toMatchObject({
      '/a': { layer: 'cluster', value: 1, set_by: ANN, revision, shadowed: [{ layer: 'default', value: 1 }] },
      '/b': { layer: 'default', value: 1, set_by: null, set_at: null, shadowed: [] },
    })
    await one.ask('kytos.settings.register', {
      namespace: NS,
      schema: { properties: { a: { default: 2 }, b: { default: 2 } } },
    })
    expect(await one.ask('kytos.settings.retrieve', { namespace: NS })).toMatchObject({
      data: { a: 1, b: 2 },
    })
  })

  it('knows who set a value that stands, after 200 changes of others and after pruning, and of what is deleted nothing', async () => {
    const store = createStore()
    const one = await open(store)
    const hand = await openHand(store)
    const { revision } = await one.ask('kytos.settings.update', {
      namespace: NS,
      data: { standing: 1, passing: 0 },
      comment: 'the first',
    })
    await one.ask('kytos.settings.update', { namespace: NS, data: { later: 0 } })
    const { revision: second } = await one.ask('kytos.settings.update', { namespace: NS, data: { later: 1 } })
    for (let n = 0; n < 3; n++) {
      for (let i = 1; i <= 70; i++)
        await one.ask('kytos.settings.update', { namespace: NS, data: { passing: 70 * n + i } })
      await pruneHistory(hand, KEY, KEEP_50)
    }
    const retrieve = () => one.ask('kytos.settings.retrieve', { namespace: NS, explain: true })
    const { explain, revision: last } = await retrieve()
    expect(explain).toMatchObject({
      '/standing': { set_by: ANN, revision },
      '/later': { set_by: ANN, revision: second },
      '/passing': { value: 210, set_by: ANN, revision: last },
    })
    expect(explain?.['/standing']?.set_at).toMatch(/^20/)
    expect(await one.ask('kytos.settings.history', { namespace: NS, limit: 1000 })).toHaveLength(53)
    await one.ask('kytos.settings.delete', { namespace: NS })
    const again = await one.ask('kytos.settings.update', { namespace: NS, data: { standing: 1 } })
    expect((await retrieve()).explain).toMatchObject({ '/standing': { revision: again.revision } })
  })

  it('shows that a hand edit set a value, and of a rejected value the one that counts in its place', async () => {
    const store = createStore()
    const one = await open(store)
    const hand = await openHand(store)
    await one.ask('kytos.settings.register', {
      namespace: NS,
      schema: { properties: { a: { type: 'integer' } } },
    })
    const { revision } = await one.ask('kytos.settings.update', { namespace: NS, data: { a: 1 } })
    await hand.commit([{ key: KEY, put: '{"a": 2}' }])
    const explained = async (settings: Partial<Settings> = {}) => {
      const found = await one.ask('kytos.settings.retrieve', { namespace: NS, explain: true, fresh: true })
      expect(found).toMatchObject(settings)
      return found.explain?.['/a']
    }
    await expect
      .poll(() => explained())
      .toMatchObject({ layer: 'cluster', value: 2, set_by: { type: 'file' } })
    await hand.commit([{ key: KEY, put: '{"a": "soon"}' }])
    const rejected = { scope: 'cluster', pointer: '/a', stored: 'soon', rule: 'type' }
    expect(await explained({ data: {}, overrides: { a: 'soon' }, rejected: [rejected] as never })).toBe(
      undefined,
    )
    await one.ask('kytos.settings.update', { namespace: NS, data: { a: 1 } })
    expect((await explained())?.revision).not.toBe(revision)
  })

  it('goes on without authors while the store is away', async () => {
    const store = createStore()
    let away = false
    const one = await open(store, 'controller-1', { backend: () => refusing(store, () => away) })
    await one.ask('kytos.settings.update', { namespace: NS, data: { a: 1 } })
    await one.ask('kytos.settings.update', { namespace: NS, data: { b: 1 } })
    away = true
    const { explain } = await one.ask('kytos.settings.retrieve', { namespace: NS, explain: true })
    expect(explain).toMatchObject({ '/a': { layer: 'cluster', value: 1, set_by: null }, '/b': { value: 1 } })
  })

  it('tells the variable of the environment that hides the rest', async () => {
    const environment = new Environment({ KYTOS_SETTINGS__KYTOS__OF_LLDP__A: '7' })
    const one = await open(createStore(), 'controller-1', { environment })
    await one.ask('kytos.settings.register', { namespace: NS, schema: { properties: { a: { default: 1 } } } })
    const { data, explain } = await one.ask('kytos.settings.retrieve', { namespace: NS, explain: true })
    expect(data).toEqual({ a: 7 })
    expect(explain?.['/a']).toMatchObject({
      layer: 'environment',
      variable: 'KYTOS_SETTINGS__KYTOS__OF_LLDP__A',
      shadowed: [{ layer: 'default' }],
    })
  })
})

describe('who set a value', () => {
  it('is the author of the last change that made it so', async () => {
    const data = fc.option(
      fc.dictionary(
        fc.constantFrom('a', 'b', 'c'),
        fc.oneof(scalar, fc.dictionary(fc.constantFrom('x', 'y'), scalar)),
        { maxKeys: 3 },
      ),
      {
        nil: undefined,
      },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(data, { minLength: 1, maxLength: 8 }), async versions => {
        const records = versions.map((one, i) => ({ version: i + 1, data: one }) as StoredRecord)
        const newest = versions.at(-1) ?? {}
        const setters = await findSetters(newest, leaves(newest), [...records].reverse())
        for (const pointer of leaves(newest))
          expect(setters.get(pointer)?.version).toBe(setterOf(versions, pointer))
      }),
    )
  })

  it('stays known through any number of changes with pruning in between', async () => {
    const patch = fc.dictionary(
      fc.constantFrom('a', 'b', 'c', 'd', 'often'),
      fc.constantFrom<Json>(1, 2, { x: 1 }, { y: 1 }, null),
      {
        minKeys: 1,
        maxKeys: 2,
      },
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(patch, fc.nat(40)), { minLength: 1, maxLength: 6 }),
        async rounds => {
          const store = createStore()
          const one = await open(store)
          const hand = await openHand(store)
          const versions: (JsonObject | undefined)[] = []
          const update = async (change: JsonObject) => {
            const { overrides, version } = await one.ask('kytos.settings.update', {
              namespace: NS,
              data: change,
            })
            versions[version - 1] = overrides
          }
          for (const [change, others] of rounds) {
            await update(change)
            for (let i = 0; i < others * 2; i++) await update({ often: { n: versions.length } })
            await pruneHistory(hand, KEY, KEEP_50)
          }
          const { explain = {} } = await one.ask('kytos.settings.retrieve', { namespace: NS, explain: true })
          const records = await one.ask('kytos.settings.history', { namespace: NS, limit: 1000 })
          for (const [pointer, { revision }] of Object.entries(explain)) {
            expect(records.find(record => record.revision === revision)?.version, pointer).toBe(
              setterOf(versions, pointer),
            )
          }
          expect(records.length).toBeLessThanOrEqual(150)
        },
      ),
      { numRuns: 10 },
    )
  })
})

/** The version that set a place to its value in the last of these. */
function setterOf(versions: readonly (JsonObject | undefined)[], pointer: string): number {
  const was = versions.map(one => valueAt(one ?? {}, pointer))
  return was.findLastIndex((value, i) => !equalJson(value, was.at(-1)) && i < was.length - 1) + 2
}

/** A backend that cannot list while it is unavailable. */
function refusing(store: ReturnType<typeof createStore>, isAway: () => boolean) {
  const backend = on(store)
  const list = backend.list.bind(backend)
  return Object.assign(backend, {
    list: async (...given: Parameters<typeof list>) => {
      if (isAway()) throw new SettingsError('STORE_UNREACHABLE', 'It is away.')
      return list(...given)
    },
  })
}

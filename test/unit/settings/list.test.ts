import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Explanation } from '../../../events/changes.ts'
import type { Summary } from '../../../events/nouns.ts'
import type { Json, JsonObject } from '../../../model/value.ts'
import { Environment } from '../../../src/state/environment.ts'
import { createStore, open } from './stores.ts'

const NS = 'kytos/of_lldp'
const ALL = ['data', 'explain', 'rejected'] as const

/** The layers without the authors. */
const layersOf = (explain: Readonly<Record<string, Explanation>> = {}) =>
  Object.fromEntries(
    Object.entries(explain).map(([pointer, { shadowed, ...top }]) => [
      pointer,
      [top, ...shadowed].map(({ set_by: _, set_at: __, revision: ___, ...layer }) => layer),
    ]),
  )

const scalar = fc.constantFrom<Json>(1, 'x', null, true, 2n ** 64n, [1])
const tree: fc.Arbitrary<JsonObject> = fc.letrec<{ value: Json; object: JsonObject }>(tie => ({
  value: fc.oneof({ maxDepth: 3 }, scalar, tie('object')),
  object: fc.dictionary(fc.constantFrom('a', 'b', 'c/d', 'e~'), tie('value'), { maxKeys: 3 }),
})).object

it('has with include the data, layers and rejected values that retrieve has', async () => {
  await fc.assert(
    fc.asyncProperty(tree, tree, tree, tree, async (defaults, seed, cluster, own) => {
      const environment = new Environment({ KYTOS_SETTINGS__kytos__of_lldp__a: '"env"' })
      const one = await open(createStore(), 'a', { environment })
      await one.ask('kytos.settings.register', { namespace: NS, schema: { default: defaults }, seed })
      const put = { namespace: NS, method: 'PUT' } as const
      await one.ask('kytos.settings.update', { ...put, data: cluster })
      await one.ask('kytos.settings.update', { ...put, data: own, scope: 'controller' })
      const schema = { properties: { b: { maximum: 0, maxProperties: 1 } } }
      await one.ask('kytos.settings.register', { namespace: NS, schema, napp_version: '2' })
      const known = await one.ask('kytos.settings.retrieve', { namespace: NS, explain: true })
      const [summary] = (await one.ask('kytos.settings.list', { include: ALL })) as [Summary]
      expect(summary).toMatchObject({ data: known.data, revision: known.revision })
      expect(layersOf(summary.explain)).toEqual(layersOf(known.explain))
      expect(summary.rejected_members).toEqual(known.rejected)
      await one.close()
    }),
    { numRuns: 60 },
  )
})

it('names the author of a value where one version shows it, and no author where older records decide', async () => {
  const one = await open(createStore())
  await one.ask('kytos.settings.update', { namespace: NS, data: { port: 1 } })
  const explained = async () => {
    const [summary] = (await one.ask('kytos.settings.list', { include: ['explain'] })) as [Summary]
    return summary.explain
  }
  expect(await explained()).toMatchObject({
    '/port': { layer: 'cluster', value: 1, set_by: { type: 'napp' } },
  })
  await one.ask('kytos.settings.update', { namespace: NS, data: { name: 'x' } })
  expect(await explained()).toMatchObject({
    '/port': { layer: 'cluster', value: 1, set_by: null, set_at: null, revision: null },
    '/name': { layer: 'cluster', value: 'x' },
  })
  expect(await one.ask('kytos.settings.list', {})).toMatchObject([{ namespace: NS }])
  await one.close()
})

it('is of one revision, though changes come while its parts take turns', async () => {
  const one = await open(createStore())
  const names = Array.from({ length: 8 }, (_, i) => `kytos/n${i}`)
  const dataOf = (n: number) => Object.fromEntries(Array.from({ length: 900 }, (_, i) => [`k${i}`, n]))
  const operations = (n: number) =>
    names.map(namespace => ({ namespace, method: 'PUT' as const, data: dataOf(n) }))
  await one.ask('kytos.settings.transaction', { operations: operations(0) })
  let changing = true
  const changes = (async () => {
    for (let n = 1; changing && n < 1_000; n++) {
      await one.ask('kytos.settings.transaction', { operations: operations(n) })
      await turn()
    }
  })()
  const seen = new Set<string>()
  for (let i = 0; i < 10; i++) {
    const list = (await one.ask('kytos.settings.list', { include: ALL })) as readonly Summary[]
    const values = list.flatMap(({ data, explain }) => [data?.k0, explain?.['/k899']?.value])
    expect(new Set(values).size).toBe(1)
    expect(new Set(list.map(({ revision }) => revision)).size).toBe(1)
    seen.add(String(values[0]))
  }
  changing = false
  await changes
  expect(seen.size).toBeGreaterThan(1)
  await one.close()
})

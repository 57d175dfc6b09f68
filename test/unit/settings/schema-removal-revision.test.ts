import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isSettingsError } from '../../../model/errors.ts'
import { CLUSTER, controllerScope, overridesKey, parseNamespace } from '../../../model/namespace.ts'
import type { Controller } from '../../support/controller.ts'
import { createStore, open, openHand, readDocument, type Store } from './stores.ts'

const NS = 'kytos/of_lldp'
const NAMESPACE = parseNamespace(NS)
const CLUSTER_KEY = overridesKey(NAMESPACE, CLUSTER)
const IDS = ['a', 'b'] as const
const SCOPES = ['cluster', 'controller:a', 'controller:b', 'controller:c'] as const

const schemaOf = (n: number) => ({ properties: { polling_time: { type: 'integer', default: n } } })
const register = (one: Controller, n: number) =>
  one.ask('kytos.settings.register', { namespace: NS, schema: schemaOf(n), napp_version: `1.${n % 3}` })
const update = (one: Controller, scope: string, polling_time: number) =>
  one.ask('kytos.settings.update', { namespace: NS, scope, data: { polling_time } })
const removeAll = (one: Controller) => one.ask('kytos.settings.remove_schema', { namespace: NS, force: true })

/** The revision that the controller of a scope sees; undefined where there is no such namespace. */
async function revisionOf(one: Controller, scope: string): Promise<bigint | undefined> {
  try {
    const settings = await one.ask('kytos.settings.retrieve', { namespace: NS, scope, fresh: true })
    // 0: the controller that answers knows the namespace by its own overrides, the other one does not.
    return BigInt(settings.revision) || undefined
  } catch (error) {
    if (isSettingsError(error, 'NAMESPACE_NOT_FOUND')) return undefined
    throw error
  }
}

/** Stores schemas of a NApp that no controller runs any more. */
async function store(store: Store, ...numbers: readonly number[]): Promise<void> {
  const old = await open(store, 'old')
  for (const n of numbers) await register(old, n)
  await old.service.close()
}

type Step =
  | { readonly do: 'store'; readonly n: number }
  | { readonly do: 'update' | 'delete'; readonly by: number; readonly scope: number; readonly n: number }
  | { readonly do: 'remove'; readonly by: number; readonly digest: number | undefined }
  | { readonly do: 'restart'; readonly by: number }

const by = fc.nat(IDS.length - 1)
const scope = fc.nat(SCOPES.length - 2)
const n = fc.nat(5)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('store' as const), n }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('update' as const), by, scope, n }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), by, scope, n }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('remove' as const),
      by,
      digest: fc.option(n, { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), by }) },
)

/** Does a step; commands that have nothing to do may be refused. */
async function run(here: Store, controllers: Controller[], one: Step): Promise<void> {
  const at = one.do === 'store' ? undefined : controllers[one.by]
  try {
    if (one.do === 'store') return await store(here, one.n)
    if (!at) throw new RangeError('No such controller.')
    if (one.do === 'restart') {
      await at.service.close()
      controllers[one.by] = await open(here, IDS[one.by])
    } else if (one.do === 'remove') {
      const { stored } = await at.ask('kytos.settings.describe', { namespace: NS })
      const digest = one.digest === undefined ? undefined : stored[one.digest % stored.length]?.digest
      const which = digest === undefined ? {} : { digest }
      await at.ask('kytos.settings.remove_schema', { namespace: NS, force: true, ...which })
    } else {
      const where = SCOPES[one.scope] ?? 'cluster'
      if (one.do === 'update') await update(at, where, one.n)
      else await at.ask('kytos.settings.delete', { namespace: NS, scope: where })
    }
  } catch (error) {
    if (!isSettingsError(error, 'NAMESPACE_NOT_FOUND')) throw error
  }
}

describe('Settings.revision never goes back when schemas are removed', () => {
  it('on any controller, in any scope, after any order of changes and restarts', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), async steps => {
        const here = createStore()
        const controllers = await Promise.all(IDS.map(id => open(here, id)))
        const last = new Map<string, bigint>()
        for (const one of steps) {
          await run(here, controllers, one)
          // One that starts now knows only what a listing shows.
          const fresh = await open(here, 'c')
          for (const where of SCOPES.slice(1)) {
            const answers = await Promise.all([...controllers, fresh].map(each => revisionOf(each, where)))
            // A controller that sees other overrides may know a namespace that others do not.
            const [revision, ...others] = new Set(answers.filter(one => one !== undefined))
            expect(others).toEqual([])
            if (revision === undefined) continue
            expect(revision).toBeGreaterThanOrEqual(last.get(where) ?? 0n)
            last.set(where, revision)
          }
          await fresh.service.close()
        }
        await Promise.all(controllers.map(each => each.service.close()))
      }),
      { numRuns: 25 },
    )
  })

  it('the schema that stays has the revision of the removal, and is in use', async () => {
    const here = createStore()
    await store(here, 0, 1, 2)
    const one = await open(here, 'a')
    const { digest } = await one.ask('kytos.settings.describe', { namespace: NS })
    await one.ask('kytos.settings.remove_schema', { namespace: NS, digest, force: true })
    const { stored, defaults } = await one.ask('kytos.settings.describe', { namespace: NS })
    expect(defaults).toEqual({ polling_time: 1 })
    expect(await revisionOf(one, 'cluster')).toBe(here.revision)
    expect(stored.map(({ revision }) => BigInt(revision)).sort()).toContain(here.revision)
  })

  it('the overrides that stay get one more version with the same text, and the comment of the removal', async () => {
    const here = createStore()
    await store(here, 0)
    const hand = await openHand(here)
    const text = '{ "polling_time":   7 }'
    await hand.commit([{ key: CLUSTER_KEY, put: text }])
    const one = await open(here, 'a')
    await removeAll(one)
    const { text: stored, history } = readDocument(here, CLUSTER_KEY)
    expect(stored).toBe(text)
    expect(history.map(({ version, kind, data }) => ({ version, kind, data }))).toMatchObject([
      { version: 1 },
      { version: 2, kind: 'updated', data: { polling_time: 7 } },
    ])
    expect(history.at(-1)?.comment).toContain('schema')
    expect(await revisionOf(one, 'cluster')).toBe(here.revision)
  })

  it('a text that is no JSON object is kept, byte for byte', async () => {
    const here = createStore()
    await store(here, 0)
    const hand = await openHand(here)
    await hand.commit([{ key: CLUSTER_KEY, put: '{ not JSON' }])
    const one = await open(here, 'a')
    await removeAll(one)
    expect(readDocument(here, CLUSTER_KEY).text).toBe('{ not JSON')
    expect(await revisionOf(one, 'cluster')).toBe(here.revision)
  })

  it('overrides of controllers alone are left as they are: the cluster gets a record of its absence', async () => {
    const here = createStore()
    const one = await open(here, 'a')
    await update(one, 'controller:b', 5)
    await store(here, 0)
    const facts: unknown[] = []
    one.root.on('settings.changed', ({ content }) => void facts.push(content))
    await removeAll(one)
    const { history } = readDocument(here, overridesKey(NAMESPACE, controllerScope('b')))
    expect(history).toHaveLength(1)
    expect(readDocument(here, CLUSTER_KEY)).toMatchObject({ text: undefined, history: [{ kind: 'deleted' }] })
    expect(facts).toMatchObject([{ scope: 'schema', kind: 'deleted', revision: String(here.revision) }])
    await update(one, 'cluster', 6)
    expect((await one.ask('kytos.settings.retrieve', { namespace: NS })).version).toBe(2)
  })

  it('a change that waits for its confirmation keeps the last schema', async () => {
    const here = createStore()
    await store(here, 0)
    const one = await open(here, 'a')
    await one.ask('kytos.settings.update', { namespace: NS, data: { polling_time: 3 }, confirm_within: 60 })
    await expect(removeAll(one)).rejects.toMatchObject({ code: 'PENDING' })
    await one.ask('kytos.settings.confirm', { namespace: NS })
    expect((await removeAll(one)).removed).toHaveLength(1)
  })
})

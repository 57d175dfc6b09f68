import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Settings } from '../../../../events/nouns.ts'
import { isSettingsError } from '../../../../model/errors.ts'
import type { Json } from '../../../../model/value.ts'
import { createStore, open } from '../stores.ts'

const NS = 'kytos/of_lldp'
const OTHER = 'controller:c2'

describe('the revision of a scope', () => {
  it('guards the overrides of another controller: of two changes with one revision, one is accepted', async () => {
    const one = await open(createStore(), 'c1')
    const first = await one.ask('kytos.settings.update', { namespace: NS, scope: OTHER, data: { a: 1 } })
    const change = { namespace: NS, scope: OTHER, method: 'PUT', revision: first.revision } as const
    const second = await one.ask('kytos.settings.update', { ...change, data: { a: 2 } })
    expect(BigInt(second.revision)).toBeGreaterThan(BigInt(first.revision))
    const refused = { code: 'REVISION_MISMATCH', details: { got: first.revision, expected: second.revision } }
    await expect(one.ask('kytos.settings.update', { ...change, data: { a: 3 } })).rejects.toMatchObject(
      refused,
    )
    const patch = [{ op: 'add', path: '/b', value: 1 }]
    await expect(
      one.ask('kytos.settings.update', { ...change, method: 'JSON_PATCH', data: patch }),
    ).rejects.toMatchObject(refused)
    const { revision } = first
    await expect(
      one.ask('kytos.settings.delete', { namespace: NS, scope: OTHER, revision }),
    ).rejects.toMatchObject(refused)
    // The overrides of one controller do not count for another one.
    await one.ask('kytos.settings.create', { namespace: NS, data: {}, scope: 'controller' })
    expect(await one.ask('kytos.settings.retrieve', { namespace: NS })).not.toMatchObject({
      revision: second.revision,
    })
    expect(await one.ask('kytos.settings.retrieve', { namespace: NS, scope: OTHER })).toMatchObject({
      revision: second.revision,
      overrides: { a: 2 },
    })
    expect(
      await one.ask('kytos.settings.delete', { namespace: NS, scope: OTHER, revision: second.revision }),
    ).toMatchObject({ overrides: {} })
  })

  it('is checked for each operation of a transaction by its scope', async () => {
    const one = await open(createStore(), 'c1')
    const cluster = await one.ask('kytos.settings.update', { namespace: NS, data: { a: 1 } })
    const other = await one.ask('kytos.settings.update', { namespace: NS, scope: OTHER, data: { a: 2 } })
    const operations = (ofCluster: string, ofOther: string) => [
      { namespace: NS, data: { b: 1 }, revision: ofCluster },
      { namespace: NS, scope: OTHER, data: { b: 2 }, revision: ofOther },
    ]
    for (const wrong of [
      operations(cluster.revision, cluster.revision),
      operations(other.revision, other.revision),
    ])
      await expect(one.ask('kytos.settings.transaction', { operations: wrong })).rejects.toMatchObject({
        code: 'REVISION_MISMATCH',
      })
    const { settings } = await one.ask('kytos.settings.transaction', {
      operations: operations(cluster.revision, other.revision),
    })
    expect(settings.map(({ revision }) => revision)).toEqual([settings[0]?.revision, settings[0]?.revision])
  })

  it('loses no acknowledged change, whichever controller is asked and whatever happens beside it', async () => {
    const step = fc.record({
      at: fc.constantFrom(0, 1),
      scope: fc.constantFrom('cluster', 'controller:c1', OTHER, 'controller:c3'),
      kind: fc.constantFrom('read', 'put', 'patch', 'delete', 'transaction'),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), async steps => {
        const store = createStore()
        const controllers = [await open(store, 'c1'), await open(store, 'c2')]
        /** The last answer that a client has of a scope, from the controller that it asks. */
        const seen = new Map<string, Settings>()
        /** The number of acknowledged changes of the documents that the controller of a scope sees. */
        const changes = new Map<string, number>()
        const changedFor = (at: number, scope: string): number =>
          (changes.get('cluster') ?? 0) +
          (changes.get(scope === 'cluster' ? `controller:c${at + 1}` : scope) ?? 0)
        const counted = new Map<string, number>()
        /** The changes that were accepted in spite of another one since the answer that they are based on. */
        const lost: number[] = []
        for (const [i, { at, scope, kind }] of steps.entries()) {
          const controller = controllers[at]
          if (!controller) continue
          const place = `${at} ${scope}`
          const known = seen.get(place)
          const common = { namespace: NS, scope, revision: known?.revision ?? '0' }
          const keep = (settings: Settings): void => {
            seen.set(place, settings)
            counted.set(place, changedFor(at, scope))
          }
          const write = (data: Json): Promise<Settings> => {
            if (kind === 'put')
              return controller.ask('kytos.settings.update', { ...common, data, method: 'PUT' })
            if (kind === 'patch') return controller.ask('kytos.settings.update', { ...common, data })
            if (kind === 'delete') return controller.ask('kytos.settings.delete', common)
            return controller
              .ask('kytos.settings.transaction', { operations: [{ ...common, data }] })
              .then(({ settings: [first] }) => first as Settings)
          }
          try {
            if (kind === 'read') {
              keep(await controller.ask('kytos.settings.retrieve', { namespace: NS, scope, fresh: true }))
              continue
            }
            const answer = await write({ a: i })
            if ((counted.get(place) ?? 0) !== changedFor(at, scope)) lost.push(i)
            if (answer.version !== (known?.version ?? 0)) changes.set(scope, (changes.get(scope) ?? 0) + 1)
            keep(answer)
          } catch (error) {
            if (
              !isSettingsError(error, 'REVISION_MISMATCH') &&
              !isSettingsError(error, 'NAMESPACE_NOT_FOUND')
            )
              throw error
          }
        }
        expect(lost).toEqual([])
      }),
      { numRuns: 40 },
    )
  })
})

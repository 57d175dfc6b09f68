import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { makeKey } from '../../../../model/key.ts'
import type { Controller } from '../../../support/controller.ts'
import { createStore, holdable, open, openHand, readDocument } from '../stores.ts'

const NS = 'kytos/of_lldp'
const OTHER = 'kytos/topology'
const KEY = makeKey('settings', 'kytos', 'of_lldp')
const UNKNOWN = { code: 'NAMESPACE_NOT_FOUND' }

type Ending = 'done' | 'NAMESPACE_NOT_FOUND'

const endings = async (commands: readonly Promise<unknown>[]): Promise<readonly Ending[]> =>
  (await Promise.allSettled(commands)).map(({ status, ...rest }) => {
    if (status === 'fulfilled') return 'done'
    const { reason } = rest as PromiseRejectedResult
    if (reason.code !== 'NAMESPACE_NOT_FOUND') throw reason
    return reason.code
  })

const remove = (controller: Controller): Promise<unknown> =>
  controller.ask('kytos.settings.delete', { namespace: NS })

/** Deletes with a transaction, together with a change of another namespace. */
const removeTogether = (controller: Controller): Promise<unknown> =>
  controller.ask('kytos.settings.transaction', {
    operations: [
      { namespace: NS, method: 'DELETE' },
      { namespace: OTHER, method: 'PUT', data: { n: Math.random() } },
    ],
  })

describe('a deletion of overrides', () => {
  it('is done once for each creation, however many are requested at once and at which controllers', async () => {
    const request = fc.record({ at: fc.constantFrom(0, 1, 2), together: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 2, maxLength: 6 }), async requests => {
        const store = createStore()
        const controllers = [await open(store, 'c1'), await open(store, 'c2'), await open(store, 'c3')]
        const at = (i: number): Controller => controllers[i] as Controller
        await at(0).ask('kytos.settings.create', { namespace: NS, data: { a: 1 } })
        const found = await endings(
          requests.map(({ at: i, together }) => (together ? removeTogether(at(i)) : remove(at(i)))),
        )
        expect(found.filter(ending => ending === 'done')).toHaveLength(1)
        expect(readDocument(store, KEY).history.map(({ kind }) => kind)).toEqual(['created', 'deleted'])
      }),
      { numRuns: 25 },
    )
  })

  it('in a transaction is refused where it would be alone, and nothing else of it is done', async () => {
    const store = createStore()
    const one = await open(store, 'c1')
    await expect(removeTogether(one)).rejects.toMatchObject(UNKNOWN)
    await one.ask('kytos.settings.create', { namespace: NS, data: {} })
    await remove(one)
    await expect(removeTogether(one)).rejects.toMatchObject(UNKNOWN)
    expect(readDocument(store, makeKey('settings', 'kytos', 'topology')).text).toBeUndefined()
  })

  it('finds what another controller created and acknowledged while the watch is behind', async () => {
    const store = createStore()
    const line = holdable(store)
    const one = await open(store, 'c1')
    const behind = await open(store, 'c2', { backend: () => line.backend })
    for (const act of [remove, removeTogether]) {
      line.hold()
      await one.ask('kytos.settings.create', { namespace: NS, data: { a: 1 } })
      const found = act(behind)
      await expect.poll(() => readDocument(store, KEY).text, { timeout: 15_000 }).toBeUndefined()
      line.release()
      await found
      await behind.ask('kytos.settings.retrieve', { namespace: OTHER, fresh: true }).catch(() => {})
    }
    line.hold()
    await one.ask('kytos.settings.register', { namespace: 'kytos/new', schema: {} })
    expect(await behind.ask('kytos.settings.history', { namespace: 'kytos/new' })).toEqual([])
    const nothing = behind.ask('kytos.settings.delete', { namespace: 'kytos/new' })
    line.release()
    expect(await nothing).toMatchObject({ overrides: {}, version: 0 })
  })

  it('of nothing is refused when its namespace has gone while the watch is behind', async () => {
    const store = createStore()
    const line = holdable(store)
    const one = await open(store, 'c1')
    const behind = await open(store, 'c2', { backend: () => line.backend })
    await one.ask('kytos.settings.create', { namespace: NS, data: { a: 1 }, scope: 'controller:c2' })
    expect(await behind.ask('kytos.settings.retrieve', { namespace: NS, fresh: true })).toMatchObject({
      data: { a: 1 },
    })
    // Its namespace is known through the overrides of the controller.
    expect(await remove(behind)).toMatchObject({ version: 0, data: { a: 1 } })
    line.hold()
    await one.ask('kytos.settings.delete', { namespace: NS, scope: 'controller:c2' })
    await expect(remove(behind)).rejects.toMatchObject(UNKNOWN)
    line.release()
  })

  it('of a hand edit that is not recorded yet records both', async () => {
    const store = createStore()
    const line = holdable(store)
    const one = await open(store, 'c1', { backend: () => line.backend })
    line.hold()
    await (await openHand(store)).commit([{ key: KEY, put: '{"a": 1}' }])
    const removed = remove(one)
    await expect.poll(() => readDocument(store, KEY).text, { timeout: 15_000 }).toBeUndefined()
    line.release()
    await removed
    expect(readDocument(store, KEY).history.map(({ kind }) => kind)).toEqual(['created', 'deleted'])
  })
})

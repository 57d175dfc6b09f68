import { describe, expect, it } from 'vitest'
import { makeKey } from '../../../../model/key.ts'
import { startPlayer } from '../../watcher/ensemble.ts'
import { World } from '../../watcher/world.ts'
import { createStore, holdable, open } from '../stores.ts'

const NS = 'kytos/of_lldp'

describe('a fresh read', () => {
  it.each(['cluster', 'controller', 'controller:other'])(
    'in the scope %s waits for what the store held when it was asked for',
    async scope => {
      const store = createStore()
      const line = holdable(store)
      const one = await open(store, 'a')
      const behind = await open(store, 'b', { backend: () => line.backend })
      await one.ask('kytos.settings.update', { namespace: NS, data: { a: 1 } })
      await behind.ask('kytos.settings.retrieve', { namespace: NS, fresh: true })
      line.hold()
      const there = scope === 'controller' ? 'controller:b' : scope
      await one.ask('kytos.settings.register', {
        namespace: NS,
        schema: { properties: { b: { default: 1 } } },
      })
      await one.ask('kytos.settings.update', { namespace: NS, data: { a: 2 }, scope: there })
      expect(await behind.ask('kytos.settings.retrieve', { namespace: NS, scope })).not.toMatchObject({
        overrides: { a: 2 },
      })
      let answered = false
      const fresh = behind
        .ask('kytos.settings.retrieve', { namespace: NS, scope, fresh: true })
        .finally(() => {
          answered = true
        })
      await behind.ask('kytos.settings.list', {})
      expect(answered).toBe(false)
      line.release()
      expect(await fresh).toMatchObject({ overrides: { a: 2 }, data: { b: 1 }, schema: true })
    },
  )

  it('does not wait for a schema that was taken away meanwhile', async () => {
    const store = createStore()
    const line = holdable(store)
    const behind = await open(store, 'b', { backend: () => line.backend })
    line.hold()
    const key = makeKey('schemas', 'kytos', 'of_lldp', 'digest')
    store.commit([{ key: makeKey('settings', 'kytos', 'of_lldp'), put: '{"a":1}' }])
    store.commit([{ key, put: '{"schema":{}}' }])
    const fresh = behind.ask('kytos.settings.retrieve', { namespace: NS, fresh: true })
    await behind.ask('kytos.settings.list', {})
    store.commit([{ key, delete: true }])
    line.release()
    // It was there when this was asked for, so either is right.
    expect(await fresh).toMatchObject({ overrides: { a: 1 }, schema: expect.any(Boolean) })
  })

  it.each([1, 2])('never gives what a store that was put back by %i changes no longer has', async back => {
    const world = new World()
    const slow = await startPlayer(world, 'a', { pace: { pauses: [50, 50], confirmation: 50, reconcile: 0 } })
    try {
      for (const a of [1, 2]) await slow.ask('kytos.settings.update', { namespace: NS, data: { a } })
      world.rewind(back)
      const fresh = slow.ask('kytos.settings.retrieve', { namespace: NS, fresh: true })
      if (back === 1) expect(await fresh).toMatchObject({ overrides: { a: 1 } })
      else await expect(fresh).rejects.toMatchObject({ code: 'NAMESPACE_NOT_FOUND' })
    } finally {
      await slow.close()
    }
  })

  it('of what is nowhere says so, with the nearest name', async () => {
    const store = createStore()
    const [one, two] = [await open(store, 'a'), await open(store, 'b')]
    await one.ask('kytos.settings.update', { namespace: NS, data: {} })
    await two.ask('kytos.settings.retrieve', { namespace: NS, fresh: true })
    await expect(
      two.ask('kytos.settings.retrieve', { namespace: 'kytos/of_lldb', fresh: true }),
    ).rejects.toMatchObject({
      code: 'NAMESPACE_NOT_FOUND',
      details: { nearest: NS },
    })
  })
})

describe('a change that another controller has just made already', () => {
  const patch = { namespace: NS, data: { a: 2 } }

  /** A controller that knows all but the patch, which another one has made, until its line is released. */
  async function oneBehind() {
    const store = createStore()
    const line = holdable(store)
    const one = await open(store, 'a')
    const behind = await open(store, 'b', { backend: () => line.backend })
    await one.ask('kytos.settings.update', { namespace: NS, data: { a: 1 } })
    await behind.ask('kytos.settings.retrieve', { namespace: NS, fresh: true })
    line.hold()
    await one.ask('kytos.settings.update', patch)
    return { behind, line }
  }

  it('is answered once it is seen here, too', async () => {
    const { behind, line } = await oneBehind()
    let answered = false
    const same = behind.ask('kytos.settings.update', patch).finally(() => {
      answered = true
    })
    // More turns than it takes to find out that there is nothing to change.
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate)
    expect(answered).toBe(false)
    line.release()
    expect(await same).toEqual(await behind.ask('kytos.settings.retrieve', { namespace: NS }))
    expect(await same).toMatchObject({ version: 2, data: { a: 2 } })
  })

  it('says that it was not seen here when that does not come', async () => {
    const { behind, line } = await oneBehind()
    const answer = await behind.ask('kytos.settings.update', patch)
    line.release()
    expect(answer).toMatchObject({ version: 2, data: { a: 2 }, observed: false })
  })

  it('is not called seen by who still knows the store as it was before it was put back', async () => {
    const world = new World()
    const slow = await startPlayer(world, 'a', {
      pace: { pauses: [200, 200], confirmation: 50, reconcile: 0 },
    })
    try {
      for (const a of [1, 2, 3]) await slow.ask('kytos.settings.update', { namespace: NS, data: { a } })
      const { epoch } = await slow.ask('kytos.settings.retrieve', { namespace: NS })
      world.rewind(1)
      expect(await slow.ask('kytos.settings.update', patch)).toMatchObject({
        version: 2,
        data: { a: 2 },
        epoch,
        observed: false,
      })
    } finally {
      await slow.close()
    }
  })
})

import { afterEach, describe, expect, it } from 'vitest'
import { createMemoryBackend, createMemoryStore } from '../../../backends/memory/index.ts'
import type { CommandContent } from '../../../events/map.ts'
import { makeKey } from '../../../model/key.ts'
import type { Json } from '../../../model/value.ts'
import { type Controller, openController } from '../../support/controller.ts'

/*
 * The faults of storehouse, each as a test named after it, where events show it.
 */

type Store = ReturnType<typeof createMemoryStore>

const opened: Controller[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map(one => one.close()))
})

async function open(store: Store = createMemoryStore(), id = 'controller-1'): Promise<Controller> {
  const one = await openController({ id, backend: () => createMemoryBackend({ report: () => {} }, store) })
  opened.push(one)
  return one
}

const create = (one: Controller, namespace: string, box_id: string, data: Json = {}) =>
  one.ask('kytos.storehouse.create', { namespace, box_id, data })
const list = (one: Controller, namespace: string) => one.ask('kytos.storehouse.list', { namespace })
const read = (one: Controller, namespace: string, box_id: string) =>
  one.ask('kytos.storehouse.retrieve', { namespace, box_id })

describe('not repeated:', () => {
  it('there was no update on etcd', async () => {
    const one = await open()
    await create(one, 'net', 'a', { x: 1, y: { z: 1 } })
    expect(
      await one.ask('kytos.storehouse.update', { namespace: 'net', box_id: 'a', data: { y: { w: null } } }),
    ).toMatchObject({
      data: { x: 1, y: { w: null } },
    })
    expect(
      await one.ask('kytos.storehouse.update', { namespace: 'net', box_id: 'a', data: [1], method: 'PUT' }),
    ).toMatchObject({ data: [1] })
    await expect(
      one.ask('kytos.storehouse.update', { namespace: 'net', box_id: 'none', data: {} }),
    ).rejects.toMatchObject({ code: 'BOX_NOT_FOUND' })
  })

  it('list("net") also listed "netops"', async () => {
    const one = await open()
    await create(one, 'net', 'a')
    await create(one, 'netops', 'b')
    await create(one, 'net.ops', 'c')
    expect([
      await list(one, 'net'),
      await list(one, 'netops'),
      await list(one, 'net.ops'),
      await list(one, 'ne'),
    ]).toEqual([['a'], ['b'], ['c'], []])
  })

  it('a restart failed when one namespace was the beginning of another, or a foreign key stood there', async () => {
    const store = createMemoryStore()
    const one = await open(store)
    await create(one, 'net', 'a')
    await create(one, 'net.ops', 'b')
    store.commit([{ key: makeKey('boxes', 'net'), put: 'foreign' }])
    store.commit([{ key: makeKey('boxes', 'net', 'a', 'deeper'), put: 'foreign' }])
    const two = await open(store, 'controller-2')
    expect([
      await list(two, 'net.ops'),
      (await list(two, 'net')).includes('a'),
      await read(two, 'net', 'a'),
    ]).toMatchObject([['b'], true, { box_id: 'a' }])
  })

  it('an id with dots landed in another namespace', async () => {
    const one = await open()
    await create(one, 'net', 'ops.a', 1)
    await create(one, 'net.ops', 'a', 2)
    expect([await list(one, 'net'), await list(one, 'net.ops')]).toEqual([['ops.a'], ['a']])
    expect(await read(one, 'net', 'ops.a')).toMatchObject({ namespace: 'net', box_id: 'ops.a', data: 1 })
    expect(await read(one, 'net.ops', 'a')).toMatchObject({ data: 2 })
  })

  it('"1" was refused because "10" existed', async () => {
    const one = await open()
    await create(one, 'net', '10', 'ten')
    await create(one, 'net', '1', 'one')
    expect(await list(one, 'net')).toEqual(['10', '1'])
    await expect(create(one, 'net', '1')).rejects.toMatchObject({ code: 'DOCUMENT_EXISTS' })
  })

  it('ids were used as regular expressions', async () => {
    const one = await open()
    await create(one, 'n*', 'abc', 1)
    expect(await read(one, 'n*', 'a.c')).toBe(false)
    expect(await read(one, 'n*', '.*')).toBe(false)
    await create(one, 'n*', '(', 2)
    expect(await one.ask('kytos.storehouse.delete', { namespace: 'n*', box_id: '.*' })).toBe(false)
    expect(await list(one, 'n*')).toEqual(['abc', '('])
    expect(await list(one, 'n')).toEqual([])
  })

  it.each(['', '{"data": {"a"', '[]', '5', '{"created_at": "x"}'])(
    'a box of %j, empty or cut off, stopped the start',
    async text => {
      const store = createMemoryStore()
      await create(await open(store), 'net', 'good', 1)
      store.commit([{ key: makeKey('boxes', 'net', 'bad'), put: text }])
      const two = await open(store, 'controller-2')
      expect(await list(two, 'net')).toEqual(['good', 'bad'])
      expect(await read(two, 'net', 'good')).toMatchObject({ data: 1 })
      await expect(read(two, 'net', 'bad')).rejects.toMatchObject({
        code: 'STORE_DAMAGED',
        message: expect.stringContaining('boxes/net/bad'),
      })
      expect(await one(two)).toBe(true)
      expect(await create(two, 'net', 'bad', 2)).toMatchObject({ data: 2 })
    },
  )

  it('"../" led out of the store', async () => {
    const one = await open()
    for (const name of ['..', '.', '../x', 'a/b', 'a\\b', '/', '']) {
      await expect(create(one, 'net', name)).rejects.toMatchObject({ code: 'BOX_MALFORMED' })
      await expect(create(one, name, 'a')).rejects.toMatchObject({ code: 'BOX_MALFORMED' })
      await expect(read(one, 'net', name)).rejects.toMatchObject({ code: 'BOX_MALFORMED' })
      await expect(list(one, name)).rejects.toMatchObject({ code: 'BOX_MALFORMED' })
    }
  })

  it('an unknown method was a silent success', async () => {
    const one = await open()
    await create(one, 'net', 'a', { x: 1 })
    const content = {
      namespace: 'net',
      box_id: 'a',
      data: { x: 2 },
      method: 'MERGE',
    } as unknown as CommandContent<'kytos.storehouse.update'> // as untyped code says it
    await expect(one.ask('kytos.storehouse.update', content)).rejects.toMatchObject({
      code: 'METHOD_NOT_FOUND',
      message: 'Unknown "method" "MERGE"; allowed are PATCH, PUT.',
    })
    expect(await read(one, 'net', 'a')).toMatchObject({ data: { x: 1 } })
  })

  it.each([{}, [], 0, false, null, '', -0.5, 18446744073709551615n])(
    'the value %s was refused',
    async data => {
      const one = await open()
      expect(await create(one, 'net', 'a', data)).toMatchObject({ data })
      expect(await read(one, 'net', 'a')).toMatchObject({ data })
      expect(
        await one.ask('kytos.storehouse.update', { namespace: 'net', box_id: 'a', data, method: 'PUT' }),
      ).toMatchObject({ data })
    },
  )

  it('there was no revision, so updates were lost', async () => {
    const store = createMemoryStore()
    const [one, two] = [await open(store), await open(store, 'controller-2')]
    const { revision } = await create(one, 'net', 'a', { n: 0 })
    const update = (by: Controller, data: Json) =>
      by.ask('kytos.storehouse.update', { namespace: 'net', box_id: 'a', data, revision })
    const results = await Promise.allSettled([
      update(one, { n: 1 }),
      update(two, { n: 2 }),
      update(one, { n: 3 }),
    ])
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const result of results)
      if (result.status === 'rejected')
        expect(result.reason).toMatchObject({
          code: 'REVISION_MISMATCH',
          status: 412,
          details: { got: revision },
        })
  })

  it.each(['update', 'delete'] as const)(
    'no guard named a store: %s takes one with the epoch',
    async verb => {
      const one = await open()
      const { revision, epoch } = await create(one, 'net', 'a', { n: 0 })
      const change = (guard: unknown) =>
        one.ask(`kytos.storehouse.${verb}`, {
          namespace: 'net',
          box_id: 'a',
          ...(verb === 'update' && { data: { n: 1 } }),
          revision: guard as string,
        } as never)
      for (const guard of [
        `${epoch + 1}.${revision}`,
        `${epoch}.${revision}9`,
        `${'9'.repeat(30)}.${revision}`,
      ])
        await expect(change(guard)).rejects.toMatchObject({
          code: 'REVISION_MISMATCH',
          details: { expected: `${epoch}.${revision}` },
        })
      await change(`${epoch}.${revision}`)
      // Users of storehouse may send any other value.
      if (verb === 'update') for (const guard of ['1.2.3', '.1', '1.', '1.x', 1.2]) await change(guard)
    },
  )

  it('a callback that threw was swallowed', async () => {
    const store = createMemoryStore()
    const one = await open(store)
    const called = new Promise<unknown>(resolve => {
      one.bus.emit('kytos.storehouse.create', {
        namespace: 'net',
        data: {},
        callback: (_event, data) => {
          resolve(data)
          throw new Error('The NApp failed.')
        },
      })
    })
    expect(await called).toMatchObject({ namespace: 'net' })
    expect(await list(one, 'net')).toHaveLength(1)
  })
})

/** Deletes the damaged box. */
const one = (controller: Controller): Promise<boolean> =>
  controller.ask('kytos.storehouse.delete', { namespace: 'net', box_id: 'bad' })

import { afterAll, describe, expect, it } from 'vitest'
import type { KytosEvent } from '../../events/event.ts'
import type { CommandContent } from '../../events/map.ts'
import type { JsonObject } from '../../model/value.ts'
import { endEtcd, type Home, KINDS, openHome } from './storehouse-home.ts'

/*
 * The event contract of storehouse 1.3.2, `kytos.storehouse.*`, on both stores that people run on.
 */

afterAll(endEtcd)

type Command = 'create' | 'retrieve' | 'update' | 'delete' | 'list'
interface Called {
  readonly event: KytosEvent
  readonly data: unknown
  readonly error: unknown
}

/** Emits a command with a callback, as NApps of storehouse do, and returns the arguments of the callback. */
function call<C extends Command>(
  { controller }: Home,
  command: C,
  content: CommandContent<`kytos.storehouse.${C}`>,
): Promise<Called> {
  return new Promise(resolve => {
    const callback = (event: KytosEvent, data: unknown, error: unknown): void =>
      resolve({ event, data, error })
    // The name and its content belong together, which the overloads of emit cannot see through a type
    // parameter.
    controller.bus.emit(`kytos.storehouse.${command}` as string, { ...content, callback })
  })
}

describe.each(KINDS)('the events of storehouse on %s', kind => {
  it('are answered by callback(event, data, error), the event being the one that asked', async () => {
    const home = await openHome(kind)
    const created = await call(home, 'create', { namespace: 'net', data: { a: 1 } })
    expect(created).toMatchObject({
      event: { name: 'kytos.storehouse.create', content: { namespace: 'net', data: { a: 1 } } },
      data: {
        namespace: 'net',
        box_id: expect.stringMatching(/^[0-9a-f]{32}$/),
        data: { a: 1 },
        owner: null,
        created_at: expect.any(String),
      },
      error: null,
    })
  })

  it('create: a Box, under the id that was given or a new one; an id that is there is an error', async () => {
    const home = await openHome(kind)
    expect(await call(home, 'create', { namespace: 'net', box_id: 'a', data: 1 })).toMatchObject({
      data: { box_id: 'a' },
      error: null,
    })
    expect(await call(home, 'create', { namespace: 'net', box_id: 'a', data: 2 })).toMatchObject({
      data: false,
      error: { code: 'DOCUMENT_EXISTS' },
    })
    expect(await call(home, 'retrieve', { namespace: 'net', box_id: 'a' })).toMatchObject({
      data: { data: 1 },
    })
  })

  it('retrieve: the Box, or false without an error', async () => {
    const home = await openHome(kind)
    const { data: created } = await call(home, 'create', { namespace: 'net', box_id: 'a', data: [null] })
    expect((await call(home, 'retrieve', { namespace: 'net', box_id: 'a' })).data).toEqual(created)
    for (const at of [
      { namespace: 'net', box_id: 'b' },
      { namespace: 'other', box_id: 'a' },
    ])
      expect(await call(home, 'retrieve', at)).toMatchObject({ data: false, error: null })
  })

  it('update: PATCH is shallow, keeps null and is the default, PUT replaces; an unknown box is an error', async () => {
    const home = await openHome(kind)
    const update = (more: object) =>
      call(home, 'update', { namespace: 'net', box_id: 'a', data: {}, ...more })
    expect(await update({ data: { x: 1 } })).toMatchObject({ data: false, error: { code: 'BOX_NOT_FOUND' } })
    await call(home, 'create', { namespace: 'net', box_id: 'a', data: { x: 1, y: { z: 1, w: 2 } } })
    expect(await update({ data: { y: { w: null }, v: null } })).toMatchObject({
      data: { data: { x: 1, y: { w: null }, v: null } },
      error: null,
    })
    expect((await update({ data: { x: 2 }, method: 'PATCH' })).data).toMatchObject({
      data: { x: 2, v: null },
    })
    expect((await update({ data: { only: 1 }, method: 'PUT' })).data).toHaveProperty('data', { only: 1 })
  })

  it('delete: whether there was such a box', async () => {
    const home = await openHome(kind)
    await call(home, 'create', { namespace: 'net', box_id: 'a', data: 1 })
    for (const data of [true, false])
      expect(await call(home, 'delete', { namespace: 'net', box_id: 'a' })).toMatchObject({
        data,
        error: null,
      })
  })

  it('list: ids in the order of creation, none for an unknown namespace', async () => {
    const home = await openHome(kind)
    for (const box_id of ['c', 'a', 'b']) await call(home, 'create', { namespace: 'net', box_id, data: {} })
    await call(home, 'update', { namespace: 'net', box_id: 'c', data: {} })
    expect(await call(home, 'list', { namespace: 'net' })).toMatchObject({
      data: ['c', 'a', 'b'],
      error: null,
    })
    await home.leave()
    expect((await call(home, 'list', { namespace: 'net' })).data).toEqual(['c', 'a', 'b'])
    expect(await call(home, 'list', { namespace: 'none' })).toMatchObject({ data: [], error: null })
  })

  it('serve the pattern of their users: list, then the first box or a new one, then PATCH the whole of it', async () => {
    const home = await openHome(kind)
    const namespace = 'kytos.mef_eline.circuits'
    const save = async (circuits: JsonObject) => {
      const [first] = await home.ask('kytos.storehouse.list', { namespace })
      const box_id = first ?? (await home.ask('kytos.storehouse.create', { namespace, data: {} })).box_id
      return home.ask('kytos.storehouse.update', { namespace, box_id, data: circuits })
    }
    await save({ evc1: { id: 'evc1', backup_path: null, uni_a: { tag: null } } })
    await home.leave()
    const box = await save({
      evc1: { id: 'evc1', backup_path: [], uni_a: { tag: null } },
      evc2: { dpid: 18446744073709551615n },
    })
    expect(box.data).toEqual({
      evc1: { id: 'evc1', backup_path: [], uni_a: { tag: null } },
      evc2: { dpid: 18446744073709551615n },
    })
    expect(await home.ask('kytos.storehouse.list', { namespace })).toHaveLength(1)
  })

  it('and their facts: each change once, without data', async () => {
    const home = await openHome(kind)
    await call(home, 'create', { namespace: 'net', box_id: 'a', data: 'secret' })
    await call(home, 'update', { namespace: 'net', box_id: 'a', data: 2, method: 'PUT' })
    await call(home, 'delete', { namespace: 'net', box_id: 'a' })
    const { controller } = home
    await expect
      .poll(() => controller.changes.map(({ content }) => content.kind))
      .toEqual(['created', 'updated', 'deleted'])
    expect(JSON.stringify(controller.changes)).not.toContain('secret')
  })
})

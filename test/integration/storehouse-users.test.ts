import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { KytosEvent } from '../../events/event.ts'
import type { JsonObject } from '../../model/value.ts'
import { openController } from '../support/controller.ts'
import { type Call, PLACES, type UsersBox, type Verb } from './storehouse-callers.ts'
import { openHome } from './storehouse-home.ts'

/*
 * The call patterns of the NApps that used storehouse 1.3.2 (mef_eline, topology, flow_manager, sdx, core
 * auth), with the members that they sent although storehouse ignored them.
 */

describe.each(Object.entries(PLACES))('a user of storehouse %s', (place, openCall) => {
  it.each([
    ['mef_eline', 'kytos.mef_eline.circuits', {}],
    ['flow_manager', 'kytos.flow.persistence', {}],
    ['sdx', 'kytos.sdx.storehouse.version', { version: 0, time_stamp: '', oxp_name: '', oxp_url: '' }],
    ['topology', 'kytos.topology.status', {}],
  ])('%s: list, retrieve with data or create, PATCH of the whole object', async (_name, namespace, fresh) => {
    const home = await openHome('filesystem')
    /** The start of a NApp: the first box of the list, or a new one. */
    const start = async (call: Call): Promise<UsersBox> => {
      const { data: ids } = await call('list', { namespace })
      const [first] = ids as string[]
      const { data, error } =
        first === undefined
          ? await call('create', { namespace, data: fresh, topology_name: 'ampath' })
          : await call('retrieve', { namespace, box_id: first, data: {} })
      expect(error).toBeNull()
      return data as UsersBox
    }
    const call = await openCall(home)
    const box = await start(call)
    expect(box.data).toEqual(fresh)
    const save = async (at: UsersBox, key: string, value: JsonObject, more: object = {}): Promise<void> => {
      // The NApps change the data of the answer, and send all of it.
      at.data[key] = value
      const content = { namespace, box_id: at.box_id, data: at.data, ...more }
      expect(await call('update', content)).toMatchObject({ data: { box_id: at.box_id }, error: null })
    }
    await save(box, 'a', { id: 'a', backup: null })
    await save(box, 'b', { id: 'b' }, { method: 'PATCH', evc: { id: 'b' } })
    const again = await start(call)
    expect(again.data).toEqual({ ...fresh, a: { id: 'a', backup: null }, b: { id: 'b' } })
    await save(again, 'a', { id: 'a', backup: [] })
    await home.leave()
    expect((await start(await openCall(home))).data).toEqual({
      ...fresh,
      a: { id: 'a', backup: [] },
      b: { id: 'b' },
    })
  })

  it('core auth: a box for each user under its name, changed in part, deleted', async () => {
    const call = await openCall(await openHome('filesystem'))
    const namespace = 'kytos.core.auth.users'
    const user = { username: 'ada', email: 'ada@example.org', password: '00' }
    expect(await call('create', { namespace, box_id: 'ada', data: user })).toMatchObject({ error: null })
    expect(
      await call('update', { namespace, box_id: 'ada', data: { email: 'x@example.org' } }),
    ).toMatchObject({ data: { data: { ...user, email: 'x@example.org' } }, error: null })
    expect(await call('retrieve', { namespace, box_id: 'ada' })).toMatchObject({ data: { box_id: 'ada' } })
    expect(await call('list', { namespace })).toMatchObject({ data: ['ada'] })
    for (const data of [true, false])
      expect(await call('delete', { namespace, box_id: 'ada' })).toMatchObject({ data, error: null })
    expect(await call('retrieve', { namespace, box_id: 'ada' })).toMatchObject({ data: false, error: null })
  })

  it('sends any other member: 1.3.2 ignored it, and a revision counts only in its own form', async () => {
    const call = await openCall(await openHome('filesystem'))
    const odd = {
      topology_name: 't',
      scope: 'x',
      comment: 1,
      dry_run: true,
      id: null,
      name: 'n',
      priority: -1,
    }
    const at = { namespace: 'net', box_id: 'a' }
    // A user may set the time of creation, for imports; that of a NApp is ignored.
    const time = place === 'on the bus' ? {} : { created_at: {} }
    const created = await call('create', { ...at, data: {}, ...odd, ...time, owner: 7, revision: 'x' })
    expect(created).toMatchObject({ data: { owner: null, data: {} }, error: null })
    expect(await call('retrieve', { ...at, data: {}, ...odd, revision: 1 })).toEqual(created)
    for (const revision of [null, 1, -1, 1.5, '', 'x', '0x1', ' 1', '1.2.3', '1.', true, [], {}])
      expect(await call('update', { ...at, ...odd, data: { n: 1 }, revision })).toMatchObject({ error: null })
    for (const revision of ['999', '0', '0999', '9'.repeat(60)])
      expect(await call('update', { ...at, data: { n: 2 }, revision })).toMatchObject({
        data: expect.toSatisfy(data => data === false || data === undefined),
        error: { code: 'REVISION_MISMATCH' },
      })
    const { data } = await call('retrieve', at)
    expect(data).toMatchObject({ data: { n: 1 } })
    const { revision } = data as { readonly revision: string }
    expect(await call('update', { ...at, data: { n: 3 }, revision })).toMatchObject({ error: null })
    expect(await call('list', { namespace: 'net', data: {}, ...odd })).toMatchObject({ data: ['a'] })
    expect(await call('delete', { ...at, revision: '999' })).toMatchObject({
      error: { code: 'REVISION_MISMATCH' },
    })
    expect(await call('delete', { ...at, data: {}, ...odd, revision: 999 })).toMatchObject({ data: true })
  })
})

describe('a user of storehouse in this process', () => {
  it('waits for its box with at most 20 pauses of 0.1 s, and finds its own objects in the event', async () => {
    const one = await openController()
    class Circuit {
      readonly id = 'evc1'
      readonly reference = this
    }
    const circuit = new Circuit()
    let box: UsersBox | undefined
    let saved: unknown
    const namespace = 'kytos.mef_eline.circuits'
    const emit = (verb: Verb, content: object): void => {
      one.bus.emit(`kytos.storehouse.${verb}` as string, content)
    }
    const keep = (_event: KytosEvent, data: unknown): void => {
      box = data as UsersBox
    }
    emit('list', {
      namespace,
      callback: ({ content }: KytosEvent, ids: readonly string[]) => {
        // The callbacks read the namespace from the event.
        const { namespace: of } = content as { readonly namespace: string }
        if (ids.length === 0) emit('create', { namespace: of, data: {}, callback: keep })
        else emit('retrieve', { namespace: of, box_id: ids[0], data: {}, callback: keep })
      },
    })
    for (let i = 0; !box && i < 20; i++) await sleep(100)
    if (!box) throw new Error('There is no box after 2 s.')
    emit('update', {
      namespace,
      box_id: box.box_id,
      data: { [circuit.id]: { id: circuit.id } },
      method: 'PATCH',
      evc: circuit,
      callback: ({ content }: KytosEvent) => {
        saved = (content as { readonly evc: unknown }).evc
      },
    })
    await expect.poll(() => saved, { timeout: 15_000 }).toBe(circuit)
    await one.close()
  })
})

describe('a user of storehouse over REST', () => {
  it('creates, replaces members and reads with parameters and headers that 1.3.2 ignored', async () => {
    const { rest } = await openHome('filesystem')
    const { json } = await rest('POST', 'v2/net?topology_name=t', {})
    const { id } = json as { readonly id: string }
    expect(await rest('GET', `v1/net/${id}?data={}&revision=x`, {})).toMatchObject({ status: 200, json: {} })
    expect(await rest('PATCH', `v1/net/${id}?method=PUT&revision=9`, { a: null })).toMatchObject({
      status: 200,
      json: { a: null },
    })
    expect(await rest('GET', 'v1/net?box_id=x', { data: {} })).toMatchObject({ status: 200, json: [id] })
    expect(await rest('DELETE', `v1/net/${id}?revision=x`, { data: {} })).toMatchObject({ status: 200 })
  })
})

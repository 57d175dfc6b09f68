import { afterEach, describe, expect, it } from 'vitest'
import { createMemoryBackend, createMemoryStore } from '../../../backends/memory/index.ts'
import { makeKey } from '../../../model/key.ts'
import { type Controller, type ControllerOptions, openController } from '../../support/controller.ts'

const SCHEMA = {
  type: 'object',
  properties: {
    polling_time: { type: 'integer', minimum: 1, default: 3, 'x-apply': 'live' },
    vlans: { type: 'array', items: { type: 'integer' }, default: [] },
    cookie: { type: 'integer', maximum: 18446744073709551615n },
  },
  additionalProperties: false,
} as const
const NS = 'kytos/of_lldp'

const opened: Controller[] = []
const open = async (options?: ControllerOptions) => {
  const controller = await openController(options)
  opened.push(controller)
  return controller
}
afterEach(async () => {
  await Promise.all(opened.splice(0).map(one => one.close()))
})

describe('settings', () => {
  it('answers an update when the fact is out, with what is effective and what is stored', async () => {
    const one = await open()
    await one.ask('kytos.settings.register', {
      namespace: NS,
      schema: SCHEMA,
      seed: { vlans: [1] },
      napp_version: '1.2',
    })
    const answer = await one.ask('kytos.settings.update', {
      namespace: NS,
      data: { polling_time: 7 },
      comment: 'faster',
    })
    expect(answer).toMatchObject({
      namespace: NS,
      data: { polling_time: 7, vlans: [1] },
      overrides: { polling_time: 7 },
      version: 1,
      state: 'READY',
      schema: true,
    })
    expect(answer.updated_by).toEqual({ type: 'napp', name: 'kytos/test' })
    expect(one.changes.map(({ content }) => content)).toMatchObject([
      {
        namespace: NS,
        scope: 'schema',
        kind: 'created',
        previous: {},
        data: { polling_time: 3, vlans: [1] },
      },
      {
        namespace: NS,
        scope: 'cluster',
        kind: 'created',
        previous: { polling_time: 3, vlans: [1] },
        data: { polling_time: 7, vlans: [1] },
        changes: [{ path: '/polling_time', old: 3, new: 7, apply: 'live' }],
        revision: answer.revision,
        version: 1,
        origin: 'live',
        comment: 'faster',
      },
    ])
  })

  it('keeps integers beyond 2^53 bit by bit and checks their range exactly', async () => {
    const one = await open()
    await one.ask('kytos.settings.register', { namespace: NS, schema: SCHEMA })
    const { data } = await one.ask('kytos.settings.update', {
      namespace: NS,
      data: { cookie: 18446744073709551615n },
    })
    expect(data.cookie).toBe(18446744073709551615n)
    await expect(
      one.ask('kytos.settings.update', { namespace: NS, data: { cookie: 18446744073709551616n } }),
    ).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
      details: {
        errors: [
          {
            pointer: '/cookie',
            rule: 'maximum',
            got: 18446744073709551616n,
            expected: 18446744073709551615n,
          },
        ],
      },
    })
  })

  it('tells all broken rules at once, with the nearest key', async () => {
    const one = await open()
    await one.ask('kytos.settings.register', { namespace: NS, schema: SCHEMA })
    const before = one.changes.length
    await expect(
      one.ask('kytos.settings.update', { namespace: NS, data: { poling_time: 1, vlans: ['x'] } }),
    ).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
      details: {
        errors: expect.arrayContaining([
          expect.objectContaining({ pointer: '/poling_time', nearest: 'polling_time' }),
          expect.objectContaining({ pointer: '/vlans/0', rule: 'type', got: 'x', expected: 'integer' }),
        ]),
      },
    })
    expect(one.changes.length).toBe(before)
  })

  it('commits nothing for a change that leaves the text as it was', async () => {
    const one = await open()
    const first = await one.ask('kytos.settings.update', { namespace: NS, data: { a: 1 } })
    const again = await one.ask('kytos.settings.update', { namespace: NS, data: { a: 1 } })
    expect(again).toMatchObject({ revision: first.revision, version: 1 })
    expect(one.changes).toHaveLength(1)
  })

  it('drops an override with null in a PATCH and stores it with PUT', async () => {
    const one = await open()
    await one.ask('kytos.settings.register', {
      namespace: 'kytos/free',
      schema: { properties: { a: { default: 5 } } },
    })
    await one.ask('kytos.settings.update', { namespace: 'kytos/free', data: { a: 1 } })
    expect(
      (await one.ask('kytos.settings.update', { namespace: 'kytos/free', data: { a: null } })).data,
    ).toEqual({ a: 5 })
    expect(
      (await one.ask('kytos.settings.update', { namespace: 'kytos/free', method: 'PUT', data: { a: null } }))
        .data,
    ).toEqual({ a: null })
  })

  it('applies a JSON Patch to the overrides, whole or not at all', async () => {
    const one = await open()
    await one.ask('kytos.settings.update', { namespace: NS, data: { list: [1, 3], keep: true } })
    const { data } = await one.ask('kytos.settings.update', {
      namespace: NS,
      method: 'JSON_PATCH',
      data: [{ op: 'add', path: '/list/1', value: 2 }],
    })
    expect(data).toEqual({ list: [1, 2, 3], keep: true })
    const failing = [
      { op: 'remove', path: '/keep' },
      { op: 'test', path: '/list/0', value: 9 },
    ]
    await expect(
      one.ask('kytos.settings.update', { namespace: NS, method: 'JSON_PATCH', data: failing }),
    ).rejects.toMatchObject({
      code: 'PATCH_CONFLICT',
    })
    expect((await one.ask('kytos.settings.retrieve', { namespace: NS })).data).toEqual({
      list: [1, 2, 3],
      keep: true,
    })
  })

  it('refuses a revision that is not the newest, and takes the one that is', async () => {
    const one = await open()
    const first = await one.ask('kytos.settings.update', { namespace: NS, data: { a: 1 } })
    const second = await one.ask('kytos.settings.update', {
      namespace: NS,
      data: { a: 2 },
      revision: first.revision,
    })
    await expect(
      one.ask('kytos.settings.update', { namespace: NS, data: { a: 3 }, revision: first.revision }),
    ).rejects.toMatchObject({
      code: 'REVISION_MISMATCH',
      details: { expected: second.revision },
    })
  })

  it('refuses names that are none, twins in another case, and says what is near', async () => {
    const one = await open()
    await one.ask('kytos.settings.update', { namespace: NS, data: { a: 1 } })
    for (const namespace of [
      '..',
      'kytos',
      'kytos/../x',
      'kytos/a\0',
      '__proto__/x',
      'kytos/',
      `kytos/${'x'.repeat(65)}`,
    ]) {
      await expect(one.ask('kytos.settings.update', { namespace, data: {} })).rejects.toMatchObject({
        code: 'NAMESPACE_MALFORMED',
      })
    }
    await expect(
      one.ask('kytos.settings.update', { namespace: 'Kytos/OF_lldp', data: {} }),
    ).rejects.toMatchObject({ code: 'NAMESPACE_CONFLICT' })
    await expect(one.ask('kytos.settings.retrieve', { namespace: 'kytos/of_ldp' })).rejects.toMatchObject({
      code: 'NAMESPACE_NOT_FOUND',
      details: { nearest: NS },
    })
  })

  it('deletes overrides, shows the layers below, and counts versions on', async () => {
    const one = await open()
    await one.ask('kytos.settings.register', { namespace: NS, schema: SCHEMA })
    await one.ask('kytos.settings.create', { namespace: NS, data: { polling_time: 9 } })
    await expect(one.ask('kytos.settings.create', { namespace: NS, data: {} })).rejects.toMatchObject({
      code: 'DOCUMENT_EXISTS',
    })
    expect(await one.ask('kytos.settings.delete', { namespace: NS })).toMatchObject({
      data: { polling_time: 3 },
      overrides: {},
      version: 2,
    })
    expect(
      await one.ask('kytos.settings.create', { namespace: NS, data: { polling_time: 4 } }),
    ).toMatchObject({ version: 3 })
    expect(
      (await one.ask('kytos.settings.history', { namespace: NS })).map(({ version, kind }) => [
        version,
        kind,
      ]),
    ).toEqual([
      [3, 'created'],
      [2, 'deleted'],
      [1, 'created'],
    ])
  })

  it('keeps a member named __proto__', async () => {
    const one = await open()
    const data = JSON.parse('{"__proto__": {"a": 1}}')
    const answer = await one.ask('kytos.settings.update', { namespace: NS, data })
    expect(Object.keys(answer.data)).toEqual(['__proto__'])
    expect(Object.keys((await one.ask('kytos.settings.retrieve', { namespace: NS })).overrides)).toEqual([
      '__proto__',
    ])
  })

  it('loses none of many PATCHes of different keys from three controllers', async () => {
    const store = createMemoryStore()
    const controllers = await Promise.all(
      ['a', 'b', 'c'].map(id =>
        open({ id, backend: () => createMemoryBackend({ report: () => {} }, store) }),
      ),
    )
    const patches = controllers.flatMap((controller, i) =>
      Array.from({ length: 40 }, (_, k) =>
        controller.ask('kytos.settings.update', { namespace: NS, data: { [`k${i}_${k}`]: k } }),
      ),
    )
    const versions = (await Promise.all(patches)).map(answer => answer.version)
    expect(new Set(versions).size).toBe(120)
    for (const controller of controllers) {
      const { data } = await controller.ask('kytos.settings.retrieve', { namespace: NS, fresh: true })
      expect(Object.keys(data)).toHaveLength(120)
      expect(controller.changes.map(({ content }) => ('version' in content ? content.version : 0))).toEqual(
        Array.from({ length: 120 }, (_, i) => i + 1),
      )
    }
  })

  it('records an edit by hand, announces it once, and takes it as the base of the next change', async () => {
    const store = createMemoryStore()
    const hand = createMemoryBackend({ report: () => {} }, store)
    await hand.open()
    const one = await open({ backend: () => createMemoryBackend({ report: () => {} }, store) })
    await one.ask('kytos.settings.update', { namespace: NS, data: { a: 1 } })
    await hand.commit([{ key: makeKey('settings', 'kytos', 'of_lldp'), put: '{"a": 1, "b": 2}' }])
    const { data, version } = await one.ask('kytos.settings.update', { namespace: NS, data: { c: 3 } })
    expect({ data, version }).toEqual({ data: { a: 1, b: 2, c: 3 }, version: 3 })
    expect(
      (await one.ask('kytos.settings.history', { namespace: NS })).map(({ version, actor }) => [
        version,
        actor.type,
      ]),
    ).toEqual([
      [3, 'napp'],
      [2, 'file'],
      [1, 'napp'],
    ])
    expect(
      one.changes.map(({ content }) => ('version' in content ? [content.version, content.actor?.type] : [])),
    ).toEqual([
      [1, 'napp'],
      [2, 'file'],
      [3, 'napp'],
    ])
    await hand.close()
  })

  it('leaves out the stored values that break the schema, here and on another controller', async () => {
    const store = createMemoryStore()
    const hand = createMemoryBackend({ report: () => {} }, store)
    await hand.open()
    const one = await open({ backend: () => createMemoryBackend({ report: () => {} }, store) })
    await one.ask('kytos.settings.register', { namespace: NS, schema: SCHEMA })
    await one.ask('kytos.settings.update', { namespace: NS, data: { polling_time: 5 } })
    await hand.commit([
      { key: makeKey('settings', 'kytos', 'of_lldp'), put: '{"polling_time": "soon", "vlans": [7]}' },
    ])
    await expect.poll(() => one.facts.filter(({ name }) => name === 'settings.rejected').length).toBe(1)
    const left = {
      data: { polling_time: 3, vlans: [7] },
      rejected: [{ pointer: '/polling_time', counts: 3 }],
    }
    expect(await one.ask('kytos.settings.retrieve', { namespace: NS })).toMatchObject(left)
    const two = await open({ id: 'two', backend: () => createMemoryBackend({ report: () => {} }, store) })
    expect(await two.ask('kytos.settings.retrieve', { namespace: NS })).toMatchObject(left)
    await hand.close()
  })
})

describe('boxes', () => {
  it('answers as storehouse did: shallow PATCH with nulls, order of creation, falsy data, absent is false', async () => {
    const one = await open()
    const namespace = 'kytos.mef_eline.circuits'
    for (const [box_id, data] of [
      ['b', { x: { y: 1 } }],
      ['a', 0],
      ['10', false],
      ['1', null],
    ] as const) {
      await one.ask('kytos.storehouse.create', { namespace, box_id, data })
    }
    expect(await one.ask('kytos.storehouse.list', { namespace })).toEqual(['b', 'a', '10', '1'])
    const { data } = await one.ask('kytos.storehouse.update', {
      namespace,
      box_id: 'b',
      data: { x: { z: null }, w: null },
    })
    expect(data).toEqual({ x: { z: null }, w: null })
    expect(await one.ask('kytos.storehouse.retrieve', { namespace, box_id: 'none' })).toBe(false)
    expect(await one.ask('kytos.storehouse.delete', { namespace, box_id: 'a' })).toBe(true)
    expect(await one.ask('kytos.storehouse.delete', { namespace, box_id: 'a' })).toBe(false)
    expect(await one.ask('kytos.storehouse.list', { namespace: 'kytos.mef' })).toEqual([])
    await expect
      .poll(() =>
        one.changes.map(({ content }) => ('box_id' in content ? `${content.kind} ${content.box_id}` : '')),
      )
      .toEqual(['created b', 'created a', 'created 10', 'created 1', 'updated b', 'deleted a'])
  })
})

import { describe, expect, it } from 'vitest'
import type { CommandContent } from '../../../../events/map.ts'
import { parseJson } from '../../../../model/json.ts'
import { makeKey } from '../../../../model/key.ts'
import type { Json } from '../../../../model/value.ts'
import { startPlayer } from '../../watcher/ensemble.ts'
import { World } from '../../watcher/world.ts'
import { createStore, fingerprint, holdable, open, openHand, readDocument } from '../stores.ts'

const NS = 'kytos/of_lldp'
const KEY = makeKey('settings', 'kytos', 'of_lldp')
const update = (data: Json, more: object = {}): CommandContent<'kytos.settings.update'> => ({
  namespace: NS,
  data,
  ...more,
})

describe('a revision as a guard', () => {
  it.each([1, 2])(
    'is not fulfilled by a store that was put back by %i changes, also before that is noticed',
    async back => {
      const world = new World()
      const slow = await startPlayer(world, 'a', {
        pace: { pauses: [50, 50], confirmation: 50, reconcile: 0 },
      })
      try {
        await slow.ask('kytos.settings.update', update({ a: 1 }))
        const { revision } = await slow.ask('kytos.settings.update', update({ a: 2 }))
        world.rewind(back)
        const guarded = slow.ask('kytos.settings.update', update({ a: 3 }, { revision }))
        await expect(guarded).rejects.toMatchObject({
          code: expect.stringMatching(/REVISION_MISMATCH|STORE_STALE/),
        })
        expect(parseJson(world.store.get(KEY)?.text ?? '{}')).toEqual(back === 1 ? { a: 1 } : {})
      } finally {
        await slow.close()
      }
    },
  )

  it('holds for what this controller sees: cluster, own overrides and schema, and for nothing else', async () => {
    const store = createStore()
    const one = await open(store, 'a')
    const two = await open(store, 'b')
    const { revision: first } = await one.ask('kytos.settings.update', update({ a: 1 }, { revision: '0' }))
    const own = await one.ask(
      'kytos.settings.update',
      update({ a: 2 }, { scope: 'controller', revision: first }),
    )
    expect(BigInt(own.revision)).toBeGreaterThan(BigInt(first))
    await expect(
      one.ask('kytos.settings.update', update({ a: 3 }, { revision: first })),
    ).rejects.toMatchObject({
      code: 'REVISION_MISMATCH',
      details: { got: first, expected: own.revision },
    })
    // The other controller does not see what is the first one's own.
    expect(await two.ask('kytos.settings.retrieve', { namespace: NS, fresh: true })).toMatchObject({
      revision: first,
      data: { a: 1 },
    })
    const schema = await one.ask('kytos.settings.register', {
      namespace: NS,
      schema: { properties: { b: { default: 5 } } },
    })
    await expect(
      one.ask('kytos.settings.delete', { namespace: NS, revision: own.revision }),
    ).rejects.toMatchObject({ code: 'REVISION_MISMATCH' })
    expect(
      await one.ask('kytos.settings.delete', { namespace: NS, revision: schema.revision }),
    ).toMatchObject({
      overrides: {},
      data: { a: 2, b: 5 },
    })
  })

  it('is that of the newest commit on a controller whose watch is behind', async () => {
    const store = createStore()
    const one = await open(store, 'a')
    const { revision } = await one.ask('kytos.settings.update', update({ a: 1 }))
    const line = holdable(store)
    const behind = await open(store, 'b', { backend: () => line.backend })
    line.hold()
    const second = await one.ask('kytos.settings.update', update({ a: 2 }))
    expect((await behind.ask('kytos.settings.retrieve', { namespace: NS })).revision).toBe(revision)
    const stale = behind.ask('kytos.settings.update', update({ a: 9 }, { revision }))
    const fine = behind.ask('kytos.settings.update', update({ b: 9 }, { revision: second.revision }))
    await expect(stale).rejects.toMatchObject({ code: 'REVISION_MISMATCH' })
    line.release()
    expect(await fine).toMatchObject({ overrides: { a: 2, b: 9 }, version: 3 })
  })

  it('is looked at in the store for the document that is not written too', async () => {
    const store = createStore()
    const line = holdable(store)
    const one = await open(store, 'a')
    const behind = await open(store, 'b', { backend: () => line.backend })
    const { revision } = await behind.ask('kytos.settings.update', update({ a: 1 }))
    line.hold()
    await one.ask('kytos.settings.update', update({ a: 2 }, { scope: 'controller:b' }))
    await expect(behind.ask('kytos.settings.update', update({ a: 3 }, { revision }))).rejects.toMatchObject({
      code: 'REVISION_MISMATCH',
    })
    line.release()
    expect(readDocument(store, KEY).text).toBe('{"a":1}')
  })

  it('lets one of many through', async () => {
    const store = createStore()
    const controllers = await Promise.all(['a', 'b', 'c'].map(id => open(store, id)))
    const results = await Promise.allSettled(
      controllers.flatMap((one, i) =>
        Array.from({ length: 5 }, (_, k) =>
          one.ask('kytos.settings.update', update({ [`k${i}${k}`]: 1 }, { revision: '0' })),
        ),
      ),
    )
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'REVISION_MISMATCH' })
    expect(readDocument(store, KEY).history).toHaveLength(1)
  })
})

describe('a namespace', () => {
  it('has no twin in another case, also when both are asked for at the same time, in any scope and by a schema', async () => {
    const store = createStore()
    const one = await open(store)
    const results = await Promise.allSettled([
      one.ask('kytos.settings.update', { namespace: 'kytos/Topology', data: { a: 1 } }),
      one.ask('kytos.settings.create', { namespace: 'kytos/topology', data: { a: 1 } }),
      one.ask('kytos.settings.update', { namespace: 'KYTOS/topology', data: { a: 1 }, scope: 'controller' }),
      one.ask('kytos.settings.register', { namespace: 'kytos/TOPOLOGY', schema: {} }),
      one.ask('kytos.settings.update', { namespace: 'kytos/Topology', data: { b: 1 } }),
    ])
    const names = new Set(
      results.flatMap(result => (result.status === 'fulfilled' ? [result.value.namespace] : [])),
    )
    expect(names.size).toBe(1)
    for (const result of results)
      if (result.status === 'rejected')
        expect(result.reason).toMatchObject({
          code: 'NAMESPACE_CONFLICT',
          details: { nearest: [...names][0] },
        })
    expect((await one.ask('kytos.settings.list', {})).map(({ namespace }) => namespace)).toEqual([...names])
  })

  it('whose twin was made by another hand stays usable', async () => {
    const store = createStore()
    const one = await open(store)
    await one.ask('kytos.settings.update', update({ a: 1 }))
    store.commit([{ key: makeKey('settings', 'kytos', 'OF_LLDP'), put: '{}' }])
    expect(await one.ask('kytos.settings.update', update({ b: 1 }))).toMatchObject({
      overrides: { a: 1, b: 1 },
    })
  })

  it('may be freed by deletion and taken in another case', async () => {
    const one = await open(createStore())
    await one.ask('kytos.settings.update', update({ a: 1 }))
    await one.ask('kytos.settings.delete', { namespace: NS })
    expect(await one.ask('kytos.settings.create', { namespace: 'kytos/OF_LLDP', data: {} })).toMatchObject({
      version: 1,
    })
  })

  it('that only another controller has overrides for is known in that scope only, and has a revision there', async () => {
    const one = await open(createStore())
    const written = await one.ask('kytos.settings.update', update({ a: 1 }, { scope: 'controller:other' }))
    expect(written).toMatchObject({ overrides: { a: 1 }, version: 1 })
    expect(BigInt(written.revision)).toBeGreaterThan(0n)
    expect(
      await one.ask('kytos.settings.retrieve', { namespace: NS, scope: 'controller:other', fresh: true }),
    ).toMatchObject({ overrides: { a: 1 }, revision: written.revision })
    await expect(one.ask('kytos.settings.retrieve', { namespace: NS })).rejects.toMatchObject({
      code: 'NAMESPACE_NOT_FOUND',
    })
    expect(
      await one.ask('kytos.settings.delete', { namespace: NS, scope: 'controller:other' }),
    ).toMatchObject({ overrides: {}, version: 2 })
  })
})

describe('strict mode', () => {
  it('takes overrides only where there is a schema, and lets old ones be deleted', async () => {
    const store = createStore()
    await (await open(store, 'a')).ask('kytos.settings.update', update({ a: 1 }))
    const strict = await open(store, 'b', { strict: true })
    const before = fingerprint(store)
    await expect(strict.ask('kytos.settings.update', update({ a: 2 }))).rejects.toMatchObject({
      code: 'SCHEMA_REQUIRED',
      status: 422,
    })
    await expect(
      strict.ask('kytos.settings.create', { namespace: 'kytos/new', data: {} }),
    ).rejects.toMatchObject({ code: 'SCHEMA_REQUIRED' })
    expect(fingerprint(store)).toBe(before)
    expect(await strict.ask('kytos.settings.delete', { namespace: NS })).toMatchObject({ overrides: {} })
    await strict.ask('kytos.settings.register', { namespace: NS, schema: {} })
    expect(await strict.ask('kytos.settings.update', update({ a: 3 }))).toMatchObject({ data: { a: 3 } })
  })
})

describe('what is too much', () => {
  it('is refused with nothing written: 256 KiB and a byte, a patch that multiplies itself, values that nest too deep', async () => {
    const store = createStore()
    const one = await open(store)
    await one.ask('kytos.settings.update', update({ a: { a: 1 } }))
    const before = fingerprint(store)
    await expect(
      one.ask('kytos.settings.update', update({ big: 'x'.repeat(256 * 1024) })),
    ).rejects.toMatchObject({
      code: 'DOCUMENT_TOO_LARGE',
      status: 413,
    })
    const doubling = Array.from({ length: 40 }, (_, i) => ({ op: 'copy', from: '', path: `/a/c${i}` }))
    await expect(
      one.ask('kytos.settings.update', update(doubling, { method: 'JSON_PATCH' })),
    ).rejects.toMatchObject({
      status: expect.toSatisfy((status: number) => status === 413 || status === 400),
    })
    const deeper = Array.from({ length: 120 }, (_, i) => ({
      op: 'add',
      path: `/a${'/a'.repeat(i + 1)}`,
      value: { a: 1 },
    }))
    await expect(
      one.ask('kytos.settings.update', update(deeper, { method: 'JSON_PATCH' })),
    ).rejects.toMatchObject({ code: 'JSON_MALFORMED' })
    let nested: Json = 1
    for (let i = 0; i < 101; i++) nested = { a: nested }
    await expect(one.ask('kytos.settings.update', update(nested))).rejects.toMatchObject({
      code: 'JSON_MALFORMED',
    })
    expect(fingerprint(store)).toBe(before)
    for (let i = 101; i > 100; i--) nested = (nested as { a: Json }).a
    expect(await one.ask('kytos.settings.update', update(nested, { method: 'PUT' }))).toMatchObject({
      version: 2,
    })
    expect(await (await open(store, 'again')).ask('kytos.settings.history', { namespace: NS })).toMatchObject(
      [{ version: 2, data: nested }, {}],
    )
  })
})

describe('what a higher layer hides', () => {
  it('is told by pointer: the same place, a place below a scalar, not its neighbours', async () => {
    const one = await open(createStore())
    await one.ask('kytos.settings.update', update({ a: 1, deep: { b: 1 }, gone: 5 }, { scope: 'controller' }))
    expect(
      await one.ask('kytos.settings.update', update({ a: 2, deep: { b: 2, c: 2 }, free: 1, gone: { x: 1 } })),
    ).toMatchObject({
      data: { a: 1, deep: { b: 1, c: 2 }, free: 1, gone: 5 },
      shadowed: ['/a', '/deep/b', '/gone/x'],
    })
    expect(await one.ask('kytos.settings.update', update({ free: 2 }))).not.toHaveProperty('shadowed')
  })
})

describe('an explicit null of a higher layer', () => {
  it('hides what is set below it', async () => {
    const one = await open(createStore())
    await one.ask('kytos.settings.update', update({ a: null }, { scope: 'controller', method: 'PUT' }))
    expect(await one.ask('kytos.settings.update', update({ a: { b: 1 } }))).toMatchObject({
      data: { a: null },
      shadowed: ['/a/b'],
    })
  })
})

describe('a patch of an edit by hand', () => {
  it('that is no JSON keeps what counts in its place, and puts it back', async () => {
    const store = createStore()
    const one = await open(store)
    const hand = await openHand(store)
    await one.ask('kytos.settings.update', update({ polling_time: 5 }))
    await hand.commit([{ key: KEY, put: '{"polling_time": 6,' }])
    expect(await one.ask('kytos.settings.retrieve', { namespace: NS, fresh: true })).toMatchObject({
      data: { polling_time: 5 },
      version: 2,
    })
    expect(await one.ask('kytos.settings.update', update({ vlans: [1] }))).toMatchObject({
      overrides: { polling_time: 5, vlans: [1] },
      version: 3,
    })
    expect(readDocument(store, KEY).history.map(({ version, kind, data }) => [version, kind, data])).toEqual([
      [1, 'created', { polling_time: 5 }],
      [2, 'updated', null],
      [3, 'updated', { polling_time: 5, vlans: [1] }],
    ])
  })

  it('that breaks the schema is rejected, and does not refuse an unrelated change', async () => {
    const store = createStore()
    const one = await open(store)
    const hand = await openHand(store)
    await one.ask('kytos.settings.register', {
      namespace: NS,
      schema: { properties: { polling_time: { type: 'integer', default: 3 } } },
    })
    await hand.commit([{ key: KEY, put: '{"polling_time": "soon"}' }])
    expect(await one.ask('kytos.settings.update', update({ vlans: [1] }))).toMatchObject({
      data: { polling_time: 3, vlans: [1] },
      overrides: { polling_time: 'soon', vlans: [1] },
      rejected: [{ pointer: '/polling_time', stored: 'soon', counts: 3 }],
      version: 2,
    })
    await expect(one.ask('kytos.settings.update', update({ polling_time: 'later' }))).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
      details: { errors: [{ pointer: '/polling_time' }] },
    })
    const mended = await one.ask('kytos.settings.update', update({ polling_time: 4 }))
    expect(mended).toMatchObject({ data: { polling_time: 4, vlans: [1] }, version: 3 })
    expect(mended.rejected).toBe(undefined)
  })

  it('that removed the document starts from nothing and counts on', async () => {
    const store = createStore()
    const one = await open(store)
    const hand = await openHand(store)
    await one.ask('kytos.settings.update', update({ a: 1 }))
    await hand.commit([{ key: KEY, delete: true }])
    expect(await one.ask('kytos.settings.update', update({ b: 1 }))).toMatchObject({
      overrides: { b: 1 },
      version: 3,
    })
    expect(readDocument(store, KEY).history.map(({ kind }) => kind)).toEqual([
      'created',
      'deleted',
      'created',
    ])
    expect(one.changes.map(({ content }) => content.kind)).toEqual(['created', 'deleted', 'created'])
  })
})

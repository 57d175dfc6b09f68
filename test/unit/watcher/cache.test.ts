import { describe, expect, it } from 'vitest'
import type { Operation } from '../../../backends/backend.ts'
import { SettingsError } from '../../../model/errors.ts'
import { historyKey, makeKey } from '../../../model/key.ts'
import {
  CLUSTER,
  controllerScope,
  overridesKey,
  parseNamespace,
  schemaKey,
} from '../../../model/namespace.ts'
import { Cache } from '../../../src/watcher/cache.ts'
import type { Step } from '../../../src/watcher/step.ts'
import { createShelf, listed, schema, stored, written } from './shelf.ts'

const NS = parseNamespace('kytos/a')
const KEY = overridesKey(NS, CLUSTER)
const OWN = overridesKey(NS, controllerScope('one'))
const number = (rest = {}) => ({ a: { type: 'integer', ...rest } })

describe('the schema in use', () => {
  const old = schema(number({ default: 1 }), '1.9.2')
  const recent = schema(number({ default: 2 }), '1.10.0')
  const nameless = schema(number({ default: 3 }))

  it('is the stored one of the highest NApp version, the newest of several', async () => {
    const { cache, change } = await createShelf()
    for (const document of [recent, old, nameless])
      await change(stored(schemaKey(NS, document.digest), document))
    expect(cache.schema(NS)?.digest).toBe(recent.digest)
    const twin = schema(number({ default: 4 }), '1.10.0')
    await change(stored(schemaKey(NS, twin.digest), twin))
    expect(cache.effective(NS)).toEqual({ a: 4 })
  })

  it('is the one that this process registered, from the revision that brings it', async () => {
    const { cache, change } = await createShelf()
    await change(stored(schemaKey(NS, recent.digest), recent))
    await cache.register(NS, old)
    expect(cache.effective(NS)).toEqual({ a: 2 })
    expect(await change(stored(schemaKey(NS, old.digest), old))).toMatchObject([
      { type: 'schema', before: { a: 2 }, after: { a: 1 } },
    ])
    await change(stored(schemaKey(NS, nameless.digest), nameless))
    expect(cache.effective(NS)).toEqual({ a: 1 })
  })

  it('counts at once when the store is away, and stays when the store loses it', async () => {
    const { cache, change } = await createShelf()
    await cache.register(NS, old, true)
    expect(cache.effective(NS)).toEqual({ a: 1 })
    expect(cache.hasStoredSchema(NS, old.digest)).toBe(false)
    expect(await change(stored(schemaKey(NS, old.digest), old))).toMatchObject([
      { existed: false, before: {}, after: { a: 1 } },
    ])
    await change({ key: schemaKey(NS, old.digest), delete: true })
    expect(cache.effective(NS)).toEqual({ a: 1 })
  })

  it('stays what it was when one that is registered never gets into the store', async () => {
    const { cache, change } = await createShelf()
    await cache.register(NS, old)
    await change(stored(schemaKey(NS, old.digest), old))
    await cache.register(NS, recent)
    expect(cache.schema(NS)?.digest).toBe(old.digest)
  })

  it('is none that cannot be read, also in the place of one that could', async () => {
    const { cache, change } = await createShelf()
    const key = schemaKey(NS, old.digest)
    await change(stored(key, old))
    expect(await change({ key, put: '{"schema": 5}' })).toMatchObject([
      { type: 'schema', existed: true, gone: false, before: { a: 1 }, after: {} },
    ])
    expect(cache.schema(NS)).toBeUndefined()
    expect(cache.takeUnreadable()).toEqual([[key, expect.stringContaining('stored schema')]])
    expect(cache.takeUnreadable()).toEqual([])
  })

  it('changes what the next fact has as before, when a registration was not a commit', async () => {
    const { cache, change } = await createShelf()
    await change(stored(schemaKey(NS, recent.digest), recent))
    await change(stored(schemaKey(NS, old.digest), old))
    await cache.register(NS, old)
    expect(cache.effective(NS)).toEqual({ a: 1 })
    expect(await change({ key: KEY, put: '{"b":1}' })).toMatchObject([
      { before: { a: 2 }, after: { a: 1, b: 1 } },
    ])
  })
})

const listsOf = (steps: readonly Step[]) =>
  steps.flatMap(step => ('rejected' in step && step.rejected ? [step.rejected] : []))

describe('overrides that do not validate', () => {
  const limited = schema(number({ default: 1, maximum: 9 }))
  const key = schemaKey(NS, limited.digest)

  it('lose the members to blame, and stay stored', async () => {
    const { cache, change } = await createShelf()
    for (const [i, a] of [3, 4, 50, 60].entries()) await change(...written(KEY, i + 1, { a }))
    const steps = await change(stored(key, limited))
    expect(steps).toMatchObject([
      {
        before: { a: 60 },
        after: { a: 1 },
        rejected: { rejected: [{ scope: 'cluster', pointer: '/a', stored: 60, counts: 1, rule: 'maximum' }] },
      },
    ])
    expect(cache.document(NS, CLUSTER)).toMatchObject({
      data: { a: 60 },
      inForce: {},
      fallback: undefined,
    })
  })

  it('give way to the layers below when no version is an object, or the history is foreign', async () => {
    const { cache, change } = await createShelf()
    await change(stored(key, limited))
    await change({ key: historyKey(KEY, 5), put: '[]' })
    await change({ key: KEY, put: '{"a": 99}' })
    expect(cache.effective(NS)).toEqual({ a: 1 })
    await change({ key: KEY, put: 'not JSON' })
    expect(cache.effective(NS)).toEqual({ a: 1 })
    await change({ key: KEY, put: '{"a": 2}' })
    expect(cache.effective(NS)).toEqual({ a: 2 })
  })

  it('are announced when they become so, and not again while they stay so', async () => {
    const { change } = await createShelf()
    await change(stored(key, limited))
    expect(listsOf(await change(...written(KEY, 1, { a: 99 })))).toHaveLength(1)
    expect(listsOf(await change(...written(OWN, 1, { b: 1 })))).toHaveLength(0)
    expect(listsOf(await change({ key: KEY, put: '{"a": 98}' }))).toHaveLength(1)
    expect(listsOf(await change({ key: KEY, put: '{"a": 9}' }))).toEqual([{ rejected: [] }])
  })

  it('are looked at once a revision is whole: what stands between two of its keys was never there', async () => {
    const { change, cache } = await createShelf()
    const sum = schema({ a: { type: 'integer' }, b: { type: 'integer' } })
    const exclusive = { ...sum.schema, not: { required: ['a', 'b'] } }
    const document = schema({})
    await change({
      key: schemaKey(NS, document.digest),
      put: `{"schema": ${JSON.stringify(exclusive)}, "seed": {}, "napp_version": null}`,
    })
    await change({ key: KEY, put: '{"a": 1}' })
    // The controller's own comes first in byte order, and `a` is still there then.
    const steps = await change({ key: KEY, put: '{}' }, { key: OWN, put: '{"b": 1}' })
    expect(listsOf(steps)).toEqual([])
    expect(cache.effective(NS)).toEqual({ b: 1 })
  })

  it('of the controller are held to what counts of the cluster', async () => {
    const { cache, change } = await createShelf()
    await change(stored(key, limited))
    await change(...written(KEY, 1, { a: 2 }))
    await change(...written(OWN, 1, { a: 99 }))
    expect(cache.effective(NS)).toEqual({ a: 2 })
    await change(...written(overridesKey(NS, controllerScope('two')), 1, { a: 'not looked at here' }))
    expect(cache.effective(NS)).toEqual({ a: 2 })
  })
})

describe('a revision', () => {
  it('is in the cache whole or not at all: when the history cannot be read it comes again', async () => {
    const { store, cache } = await createShelf()
    let away = true
    const watched = new Cache('one', async () => {
      expect(watched.revision).toBe(1n)
      expect(watched.effective(NS)).toEqual({ a: 1 })
      expect([...watched.index.keys()]).toHaveLength(1)
      if (away) throw new SettingsError('STORE_UNREACHABLE', 'away')
      return []
    })
    const limited = schema(number({ default: 1, maximum: 9 }))
    store.commit([stored(schemaKey(NS, limited.digest), limited)])
    store.commit([
      { key: KEY, put: '{"a":' },
      { key: makeKey('boxes', 'net', '1'), put: '{"data":1}' },
    ])
    await watched.apply(store.after(0n) ?? expect.fail('no batch'))
    const second = store.after(1n) ?? expect.fail('no batch')
    await expect(watched.apply(second)).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
    expect(watched.boxes('net')).toEqual([])
    expect(watched.document(NS, CLUSTER)).toBeUndefined()
    away = false
    expect(await watched.apply(second)).toMatchObject([
      { type: 'box', n: 1, existed: false },
      { type: 'settings', n: 2, existed: false, before: { a: 1 }, after: { a: 1 } },
    ])
    expect(watched.boxes('net')).toHaveLength(1)
    expect(cache.revision).toBe(0n)
  })

  it('waits for a registration that is under way, and the other way round; both see what the other left', async () => {
    const { store, cache } = await createShelf()
    const first = schema(number({ default: 1 }))
    store.commit([stored(schemaKey(NS, first.digest), first)])
    store.commit([{ key: KEY, put: '{"b": 1}' }])
    const done: string[] = []
    await Promise.all([
      cache.apply(store.after(0n) ?? expect.fail()).then(() => done.push('schema')),
      cache.register(NS, schema(number({ default: 7 })), true).then(() => done.push('registered')),
      cache
        .apply(store.after(1n) ?? expect.fail())
        .then(steps =>
          done.push(JSON.stringify(steps.map(step => 'after' in step && [step.before, step.after]))),
        ),
    ])
    expect(done).toEqual(['schema', 'registered', '[[{"a":1},{"a":7,"b":1}]]'])
  })

  it('counts every key of its five kinds in n, also those that mean nothing, and no other', async () => {
    const { change } = await createShelf()
    const puts = [
      makeKey('boxes', 'net', '1'),
      makeKey('boxes', 'odd'),
      makeKey('controllers', 'x'),
      OWN,
      makeKey('pending', 'x'),
      makeKey('schemas', 'kytos', 'a', 'd'),
      makeKey('settings', 'x', 'y', 'z'),
      KEY,
    ]
    const others = [
      makeKey('history', 'settings', 'kytos', 'a', '000000000009'),
      makeKey('meta', 'other'),
      makeKey('presence', 'one'),
      makeKey('tokens', 't'),
      makeKey('armed', 'x'),
    ]
    const steps = await change(...[...puts, ...others].map(key => ({ key, put: '{}' })))
    expect(steps.map(step => [step.type, step.n])).toEqual([
      ['box', 1],
      ['settings', 3],
      ['schema', 6],
      ['settings', 7],
    ])
  })
})

describe('the revision of a namespace', () => {
  it('is that of the last commit that touched its overrides here or a schema of it, deletions included', async () => {
    const { cache, change, store } = await createShelf()
    const revisionAfter = async (...operations: readonly Operation[]) => {
      await change(...operations)
      return cache.namespaceRevision(NS)
    }
    expect(cache.namespaceRevision(NS)).toBe(0n)
    expect(await revisionAfter(...written(KEY, 1, { a: 1 }))).toBe(1n)
    expect(await revisionAfter(...written(overridesKey(NS, controllerScope('two')), 1, { a: 1 }))).toBe(1n)
    expect(await revisionAfter(...written(OWN, 1, { a: 1 }))).toBe(3n)
    expect(await revisionAfter(stored(schemaKey(NS, 'd'), schema({})))).toBe(4n)
    expect(await revisionAfter(...written(KEY, 2, undefined))).toBe(5n)
    expect(await revisionAfter({ key: OWN, delete: true })).toBe(6n)
    const restarted = new Cache('one', async () => [])
    await restarted.apply(listed(store), { epoch: 1 })
    expect(restarted.namespaceRevision(NS)).toBe(5n)
  })

  it('is the same for one who saw a deletion and for one who found it in a listing', async () => {
    const seen = await createShelf()
    await seen.change(...written(KEY, 1, { a: 1 }))
    const late = new Cache('two', async () => [])
    await late.apply(listed(seen.store), { epoch: 1 })
    await seen.change(...written(KEY, 2, undefined))
    await seen.change({ key: makeKey('boxes', 'x', 'y'), put: '1' })
    const records = listed(seen.store).changes
    await late.apply({ revision: 3n, changes: [...records, { type: 'delete', key: KEY, revision: 3n }] })
    expect(late.namespaceRevision(NS)).toBe(seen.cache.namespaceRevision(NS))
  })
})

describe('a new epoch', () => {
  it('forgets the records of the store before, and what was deleted there', async () => {
    const { cache, change } = await createShelf()
    await change(...written(KEY, 1, { a: 1 }))
    await change(...written(KEY, 2, { a: 2 }))
    await change(...written(OWN, 1, { a: 1 }))
    await change(...written(OWN, 2, undefined))
    await cache.apply({ revision: 2n, changes: [] }, { epoch: 5 })
    expect(cache).toMatchObject({ epoch: 5, revision: 2n })
    expect([...cache.documents()]).toMatchObject([{ key: KEY, record: undefined }])
  })
})

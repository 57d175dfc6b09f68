import { describe, expect, it } from 'vitest'
import { createMemoryBackend, createMemoryStore } from '../../../backends/memory/index.ts'
import type { MemoryStore } from '../../../backends/memory/store.ts'
import { historyKey, makeKey } from '../../../model/key.ts'
import { CLUSTER, parseNamespace } from '../../../model/namespace.ts'
import { Cache } from '../../../src/watcher/cache.ts'
import { surveyStore } from '../../../src/watcher/survey.ts'
import { createShelf, listed, type Shelf, schema, stored, written } from './shelf.ts'

const SETTINGS = makeKey('settings', 'kytos', 'a')
const SCHEMA = makeKey('schemas', 'kytos', 'a', 'digest')
const BOX = makeKey('boxes', 'net', '1')

async function survey(store: MemoryStore, cache: Cache) {
  const backend = createMemoryBackend(undefined, store)
  await backend.open()
  return surveyStore(backend, cache)
}

/** What the survey would announce, by key. */
const differences = async (shelf: Shelf, store = shelf.store) => {
  const { batch, rewound } = await survey(store, shelf.cache)
  const changed = batch.changes.flatMap(change =>
    change.type === 'put'
      ? change.entry.key.startsWith('history/')
        ? []
        : [change.entry.key]
      : [`-${change.key}`],
  )
  return { changed, rewound }
}

async function full(): Promise<Shelf> {
  const shelf = await createShelf()
  await shelf.change({ key: BOX, put: '{"data":1}' })
  await shelf.change(stored(SCHEMA, schema({ a: { type: 'integer', default: 1 } })))
  await shelf.change(...written(SETTINGS, 1, { a: 5 }))
  return shelf
}

describe('a survey of the store', () => {
  it('finds nothing in a store that is as it was', async () => {
    expect(await differences(await full())).toEqual({ changed: [], rewound: false })
  })

  it('finds what came, changed and went while nobody looked, and takes that for the same store', async () => {
    const shelf = await full()
    shelf.store.commit(written(SETTINGS, 2, { a: 6 }))
    shelf.store.commit([{ key: BOX, delete: true }])
    shelf.store.commit([{ key: makeKey('boxes', 'net', '2'), put: '{"data":2}' }])
    shelf.store.forget()
    expect(await differences(shelf)).toEqual({
      changed: [`-${BOX}`, 'boxes/net/2', SETTINGS],
      rewound: false,
    })
  })

  it('orders what it found by key, and brings the newest record of every document', async () => {
    const shelf = await createShelf()
    for (const name of ['b', 'a'])
      for (const version of [1, 2])
        shelf.store.commit(written(makeKey('settings', 'kytos', name), version, { version }))
    const { batch } = await survey(shelf.store, shelf.cache)
    expect(batch.changes.map(change => (change.type === 'put' ? change.entry.key : change.key))).toEqual([
      historyKey(makeKey('settings', 'kytos', 'a'), 2),
      historyKey(makeKey('settings', 'kytos', 'b'), 2),
      'settings/kytos/a',
      'settings/kytos/b',
    ])
  })

  it('names what changed last, all of it, a record as its witness', async () => {
    const shelf = await full()
    const { trail } = await survey(shelf.store, shelf.cache)
    expect(trail?.last.witness?.key).toBe(historyKey(SETTINGS, 1))
    expect([...(trail?.last.puts.keys() ?? [])]).toEqual([historyKey(SETTINGS, 1), SETTINGS])
    shelf.store.commit([{ key: BOX, put: '{"data":2}' }])
    const later = (await survey(shelf.store, shelf.cache)).trail
    expect([later?.last.witness?.key, later?.base.witness?.key]).toEqual([BOX, historyKey(SETTINGS, 1)])
  })
})

describe('a store is known to be rewound', () => {
  it('when it is behind what was seen', async () => {
    const shelf = await full()
    expect(await differences(shelf, createMemoryStore())).toEqual({
      changed: [`-${BOX}`, `-${SCHEMA}`, `-${SETTINGS}`],
      rewound: true,
    })
  })

  it('when it has something older than the cache that the cache does not know', async () => {
    const shelf = await full()
    const other = createMemoryStore()
    other.commit([{ key: BOX, put: '{"data":1}' }])
    other.commit([{ key: makeKey('boxes', 'net', 'never-seen'), put: '{"data":1}' }])
    for (let i = 0; i < 9; i++) other.commit([{ key: makeKey('boxes', 'net', 'x'), put: `{"data":${i}}` }])
    expect((await differences(shelf, other)).rewound).toBe(true)
  })

  it('when the same key at the same revision holds another text, be it that of a box', async () => {
    const shelf = await createShelf()
    await shelf.change({ key: BOX, put: '{"data":"a text that is too long to stand for itself"}' })
    const other = createMemoryStore()
    other.commit([{ key: BOX, put: '{"data":"a text that is as long and says another thing"}' }])
    expect(await differences(shelf, other)).toEqual({ changed: [BOX], rewound: true })
  })

  it('when a document has an older newest record than was seen, another one of the same number, or none', async () => {
    const overtaken = (...versions: readonly (readonly [number, string])[]) => {
      const other = createMemoryStore()
      for (const [version, writeId] of versions) other.commit(written(SETTINGS, version, { a: 1 }, writeId))
      for (let i = 0; i < 9; i++) other.commit([{ key: makeKey('presence', 'x'), put: `${i}` }])
      other.commit([{ key: SETTINGS, put: '{"a":9}' }])
      return other
    }
    const shelf = await createShelf()
    await shelf.change(...written(SETTINGS, 1, { a: 1 }, 'first'))
    await shelf.change(...written(SETTINGS, 2, { a: 2 }, 'second'))
    expect((await differences(shelf, overtaken([1, 'first'], [2, 'second'], [3, 'third']))).rewound).toBe(
      false,
    )
    expect((await differences(shelf, overtaken([1, 'first'], [2, 'second']))).rewound).toBe(false)
    expect((await differences(shelf, overtaken([1, 'first'], [2, 'other']))).rewound).toBe(true)
    expect((await differences(shelf, overtaken([1, 'first']))).rewound).toBe(true)
    expect((await differences(shelf, overtaken())).rewound).toBe(true)
  })
})

describe('a store is not called rewound', () => {
  /** The cache of a process that begins with what the one before knew. */
  async function restarted(shelf: Shelf): Promise<Cache> {
    const cache = new Cache('one', async () => [])
    const changes = [...shelf.cache.entries()]
      .map(entry => ({ type: 'put', entry }) as const)
      .sort((a, b) => (a.entry.key < b.entry.key ? -1 : 1))
    await cache.apply({ revision: shelf.cache.revision, changes }, { epoch: 1 })
    return cache
  }

  it('for a box after a restart, whose text nobody kept', async () => {
    const shelf = await full()
    await shelf.change({ key: BOX, put: '{"data":"a text that is too long to stand for itself"}' })
    expect(await survey(shelf.store, await restarted(shelf))).toMatchObject({
      rewound: false,
      batch: { changes: [{}] },
    })
  })

  it('for keys that mean nothing to us, before and after a restart', async () => {
    const shelf = await full()
    await shelf.change({
      key: makeKey('settings', 'too', 'deep', 'down'),
      put: 'anything at all, as long as it is longer than its mark',
    })
    await shelf.change({ key: makeKey('settings', '-bad-', 'name'), put: '{}' })
    await shelf.change({ key: makeKey('controllers', 'x'), put: '{}' })
    await shelf.change({ key: makeKey('schemas', 'short'), put: '{}' })
    expect(await differences(shelf)).toEqual({ changed: [], rewound: false })
    expect((await survey(shelf.store, await restarted(shelf))).rewound).toBe(false)
  })

  it('for a schema that cannot be read, before and after a restart', async () => {
    const shelf = await full()
    await shelf.change({
      key: SCHEMA,
      put: '{"schema": {"type": "no such type"}, "seed": {}, "napp_version": null}',
    })
    expect(await differences(shelf)).toEqual({ changed: [], rewound: false })
    expect((await survey(shelf.store, await restarted(shelf))).rewound).toBe(false)
  })

  it('for a record that another hand put above ours', async () => {
    const shelf = await full()
    shelf.store.commit([{ key: historyKey(SETTINGS, 999), put: '"not a record"' }])
    expect((await differences(shelf)).rewound).toBe(false)
  })

  it('for a document that was deleted, which only its record tells of', async () => {
    const shelf = await full()
    await shelf.change(...written(SETTINGS, 2, undefined))
    expect(shelf.cache.document(parseNamespace('kytos/a'), CLUSTER)?.entry).toBeUndefined()
    expect((await survey(shelf.store, await restarted(shelf))).rewound).toBe(false)
  })

  it('for an edit by hand that was recorded later than it was made', async () => {
    const shelf = await full()
    await shelf.change({ key: SETTINGS, put: '{"a": 9}' })
    shelf.store.commit([written(SETTINGS, 2, { a: 9 })[1] as never])
    expect(await differences(shelf)).toEqual({ changed: [], rewound: false })
    const cache = new Cache('two', async () => [])
    await cache.apply(listed(shelf.store), { epoch: 1 })
    expect((await survey(shelf.store, cache)).rewound).toBe(false)
  })
})

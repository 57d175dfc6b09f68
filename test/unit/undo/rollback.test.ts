import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CommandContent } from '../../../events/map.ts'
import { historyKey, makeKey } from '../../../model/key.ts'
import type { Json, JsonObject } from '../../../model/value.ts'
import { pruneHistory } from '../../../src/settings/housekeeper.ts'
import type { Controller } from '../../support/controller.ts'
import { createStore, fingerprint, on, open, openHand, readDocument, type Store } from '../settings/stores.ts'

const A = 'kytos/a'
const B = 'kytos/b'
const KEY_A = makeKey('settings', 'kytos', 'a')
const KEY_B = makeKey('settings', 'kytos', 'b')
const put = (one: Controller, namespace: string, data: JsonObject, more: object = {}) =>
  one.ask('kytos.settings.update', { namespace, data, method: 'PUT', ...more })
const rollback = (one: Controller, version: number, more: object = {}) =>
  one.ask('kytos.settings.rollback', { namespace: A, version, ...more })
const together = (one: Controller, content: CommandContent<'kytos.settings.rollback_transaction'>) =>
  one.ask('kytos.settings.rollback_transaction', content)
const writeIdOf = (store: Store, key = KEY_A) => String(readDocument(store, key).history.at(-1)?.write_id)
const both = (one: Controller, n: number) =>
  one.ask('kytos.settings.transaction', {
    operations: [A, B].map(namespace => ({ namespace, method: 'PUT', data: { n } })),
  })

/** A backend that commits a change of another program before the first commits of this one. */
function interrupted(store: Store, changes: readonly (() => void)[]) {
  const backend = on(store)
  const commit = backend.commit.bind(backend)
  const left = [...changes]
  Object.assign(backend, {
    commit: (operations: Parameters<typeof commit>[0]) => {
      // Only commits of a rollback of A count.
      if (operations.some(one => one.key === KEY_A)) left.shift()?.()
      return commit(operations)
    },
  })
  return backend
}

describe('a rollback', () => {
  it('is a new version with the overrides of the earlier one, its author and its reason, announced once on each controller', async () => {
    const store = createStore()
    const [one, two] = [await open(store), await open(store, 'controller-2')]
    for (const n of [1, 2, 3]) await put(one, A, { n, only: { [`at${n}`]: true } })
    const settings = await rollback(one, 2, { comment: 'links flapped' })
    expect(settings).toMatchObject({ overrides: { n: 2, only: { at2: true } }, version: 4 })
    expect(readDocument(store, KEY_A).history.at(-1)).toMatchObject({
      ...{ version: 4, kind: 'updated', comment: 'rollback to version 2: links flapped' },
      actor: { type: 'napp', name: 'kytos/test' },
    })
    await expect.poll(() => two.changes.length, { timeout: 20_000 }).toBe(4)
    for (const { changes } of [one, two])
      expect(changes.slice(3).map(({ content }) => content)).toMatchObject([
        { namespace: A, version: 4, comment: 'rollback to version 2: links flapped' },
      ])
  })

  it('deletes for version 0 and for a deletion, and brings a deleted document back', async () => {
    const store = createStore()
    const one = await open(store)
    await put(one, A, { n: 1 })
    await one.ask('kytos.settings.delete', { namespace: A })
    await put(one, A, { n: 3 })
    for (const version of [2, 0]) {
      await put(one, A, { n: 3 })
      expect(await rollback(one, version)).toMatchObject({ overrides: {} })
      expect(store.get(KEY_A)).toBeUndefined()
    }
    expect(await rollback(one, 3)).toMatchObject({ overrides: { n: 3 } })
    expect(readDocument(store, KEY_A).history.at(-1)).toMatchObject({ kind: 'created' })
  })

  it('of some keys restores these alone, and refuses one that is in neither', async () => {
    const store = createStore()
    const one = await open(store)
    await put(one, A, { a: 1, b: { c: 1, d: 1 }, gone: 1 })
    await put(one, A, { a: 2, b: { c: 2, d: 2, e: 2 }, added: 2 })
    const before = fingerprint(store)
    await expect(rollback(one, 1, { keys: ['/a', '/nowhere'] })).rejects.toMatchObject({
      code: 'SETTING_NOT_FOUND',
    })
    expect(fingerprint(store)).toBe(before)
    expect(await rollback(one, 1, { keys: ['/b/c', '/b/e', '/gone', '/added'] })).toMatchObject({
      overrides: { a: 2, b: { c: 1, d: 2 }, gone: 1 },
    })
    expect(await rollback(one, 0, { keys: ['/a', '/b', '/gone'] })).toMatchObject({ overrides: {} })
    expect(store.get(KEY_A)).toBeUndefined()
  })

  it('names a version that does not exist yet, and one that is no longer kept, and writes nothing', async () => {
    const store = createStore()
    const one = await open(store)
    for (let n = 1; n <= 60; n++) await put(one, A, { n })
    const hand = await openHand(store)
    await pruneHistory(hand, KEY_A, { newest: 50, youngest: Number.POSITIVE_INFINITY })
    const before = fingerprint(store)
    for (const [version, code, status] of [
      [61, 'VERSION_NOT_FOUND', 404],
      [5, 'VERSION_PRUNED', 410],
    ] as const)
      await expect(rollback(one, version)).rejects.toMatchObject({ code, status, details: { version } })
    await expect(one.ask('kytos.settings.rollback', { namespace: B, version: 1 })).rejects.toMatchObject({
      code: 'VERSION_NOT_FOUND',
    })
    expect(fingerprint(store)).toBe(before)
    expect(await rollback(one, 11)).toMatchObject({ overrides: { n: 11 }, version: 61 })
  })

  it('of a version that no longer validates is refused with its reasons; a value that stands may stay', async () => {
    const store = createStore()
    const one = await open(store)
    await put(one, A, { rate: 'slow', depth: 'deep' })
    await put(one, A, { rate: 1, depth: 'deep' })
    await one.ask('kytos.settings.register', {
      namespace: A,
      schema: { properties: { rate: { type: 'integer' }, depth: { type: 'integer' }, more: {} } },
    })
    await put(one, A, { rate: 2, depth: 'deep' })
    const before = fingerprint(store)
    for (const dry_run of [false, true])
      await expect(rollback(one, 1, { dry_run })).rejects.toMatchObject({
        code: 'SETTINGS_INVALID',
        details: { errors: [{ pointer: '/rate' }] },
      })
    expect(fingerprint(store)).toBe(before)
    // The rejected value of "depth" is no change.
    expect(await rollback(one, 2)).toMatchObject({ overrides: { rate: 1, depth: 'deep' } })
  })

  it('obeys a guard, a veto and a dry run', async () => {
    const store = createStore()
    const one = await open(store)
    const { revision } = await put(one, A, { n: 1 })
    await put(one, A, { n: 2 })
    const before = fingerprint(store)
    await expect(rollback(one, 1, { revision })).rejects.toMatchObject({ code: 'REVISION_MISMATCH' })
    expect(await rollback(one, 1, { dry_run: true })).toMatchObject({ overrides: { n: 1 } })
    expect(fingerprint(store)).toBe(before)
    one.bus.consume(A, { changing: () => 'not now' })
    await expect(rollback(one, 1)).rejects.toMatchObject({ code: 'CHANGE_VETOED' })
    expect(fingerprint(store)).toBe(before)
  })

  it('reads the history again when a change comes in between, and stands on top of it', async () => {
    const store = createStore()
    const other = await open(store, 'other')
    await put(other, A, { n: 1 })
    const pending: Promise<unknown>[] = []
    const hand = await openHand(store)
    const changes = [
      () => void hand.commit([{ key: KEY_A, put: '{"n": "by hand"}' }]),
      () => void pending.push(put(other, A, { n: 'by command' })),
    ]
    const one = await open(store, 'one', { backend: () => interrupted(store, changes) })
    const settings = await rollback(one, 1)
    await Promise.all(pending)
    const { history } = readDocument(store, KEY_A)
    const mine = history.findIndex(({ comment }) => comment === 'rollback to version 1')
    expect(settings).toMatchObject({ overrides: { n: 1 } })
    expect(history[mine]).toMatchObject({ data: { n: 1 } })
    expect(history.map(({ version }) => version)).toEqual(history.map((_, i) => i + 1))
    expect(history.slice(0, mine)).toContainEqual(expect.objectContaining({ data: { n: 'by hand' } }))
  })

  it('with a guard is refused when a change comes in between', async () => {
    const store = createStore()
    const hand = await openHand(store)
    const one = await open(store, 'one', {
      backend: () =>
        interrupted(store, [
          () => {},
          () => {},
          () => void hand.commit([{ key: KEY_A, put: '{"n": "by hand"}' }]),
        ]),
    })
    await put(one, A, { n: 1 })
    const { revision } = await put(one, A, { n: 2 })
    await expect(rollback(one, 1, { revision })).rejects.toMatchObject({ code: 'REVISION_MISMATCH' })
    expect(store.get(KEY_A)?.text).toBe('{"n": "by hand"}')
  })

  it('to any version makes the overrides equal to it, and again changes nothing, whatever was done before', async () => {
    const value = fc.constantFrom<Json>(1, 'x', null, true, 2n ** 64n, [1, 2], [], {}, { deep: { x: 1 } })
    const data = fc.dictionary(fc.constantFrom('a', 'b', 'c~/d', '__proto__'), value, { maxKeys: 3 })
    const step = fc.oneof(
      fc.record({ do: fc.constant('put' as const), data }),
      fc.record({ do: fc.constant('hand' as const), data }),
      fc.record({ do: fc.constant('delete' as const) }),
      fc.record({ do: fc.constant('rollback' as const), of: fc.nat(99) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), fc.nat(99), async (steps, of) => {
        const store = createStore()
        const [one, hand] = [await open(store), await openHand(store)]
        const newest = () => readDocument(store, KEY_A).history.length
        for (const step of steps) {
          if (step.do === 'put') await put(one, A, step.data as JsonObject)
          else if (step.do === 'delete')
            await one.ask('kytos.settings.delete', { namespace: A }).catch(() => {})
          else if (step.do === 'rollback') await rollback(one, step.of % (newest() + 1)).catch(() => {})
          else {
            const text = JSON.stringify(step.data, (_, one) => (typeof one === 'bigint' ? 64 : one))
            await hand.commit([{ key: KEY_A, put: text }])
            // Recorded by the next change, or by itself.
            await put(one, B, {})
            await expect.poll(() => newest() > 0, { timeout: 20_000 }).toBe(true)
          }
        }
        if (newest() === 0) return
        const version = 1 + (of % newest())
        const records = await one.ask('kytos.settings.history', { namespace: A, limit: 1_000 })
        const wanted = records.find(one => one.version === version)?.data ?? {}
        const first = await rollback(one, version)
        expect(first.overrides).toEqual(wanted)
        // A namespace without overrides is not known.
        const { overrides = {} } = await one
          .ask('kytos.settings.retrieve', { namespace: A, fresh: true })
          .catch(() => ({ overrides: {} }))
        expect(overrides).toEqual(wanted)
        const before = fingerprint(store)
        expect(await rollback(one, version)).toMatchObject({
          revision: first.revision,
          version: first.version,
        })
        expect(fingerprint(store)).toBe(before)
      }),
      { numRuns: 60 },
    )
  }, 60_000)
})

describe('the rollback of a transaction', () => {
  it('returns all its documents in one commit, and deletes what it created', async () => {
    const store = createStore()
    const one = await open(store)
    await put(one, B, { n: 0 })
    await both(one, 1)
    const id = writeIdOf(store)
    const { revision } = store
    const { settings } = await together(one, { write_id: id, comment: 'why' })
    expect(store.revision).toBe(revision + 1n)
    expect(settings.map(({ namespace, overrides }) => [namespace, overrides])).toEqual([
      [A, {}],
      [B, { n: 0 }],
    ])
    expect(readDocument(store, KEY_B).history.at(-1)).toMatchObject({
      comment: `rollback of the transaction ${id}: why`,
    })
    const before = fingerprint(store)
    await together(one, { write_id: id })
    expect(fingerprint(store)).toBe(before)
  })

  it('with a document that was changed since is refused with the changes; "force" undoes them, too', async () => {
    const store = createStore()
    const one = await open(store)
    await both(one, 0)
    await both(one, 1)
    const id = writeIdOf(store)
    await put(one, B, { n: 'later' })
    const before = fingerprint(store)
    for (const dry_run of [false, true])
      await expect(together(one, { write_id: id, dry_run })).rejects.toMatchObject({
        code: 'REVISION_MISMATCH',
        message: expect.stringContaining('"kytos/b" by version 3 (napp kytos/test'),
        details: { changed: [{ namespace: B, scope: 'cluster', changes: [{ version: 3 }] }] },
      })
    expect(fingerprint(store)).toBe(before)
    const { settings } = await together(one, { write_id: id, force: true })
    expect(settings).toMatchObject([{ overrides: { n: 0 } }, { overrides: { n: 0 } }])
  })

  it('does not mind a change since that already took a document back', async () => {
    const store = createStore()
    const one = await open(store)
    await both(one, 0)
    await both(one, 1)
    const id = writeIdOf(store)
    await put(one, B, { n: 0 })
    const { settings } = await together(one, { write_id: id })
    expect(settings).toMatchObject([{ overrides: { n: 0 } }, { overrides: { n: 0 } }])
    expect(readDocument(store, KEY_B).history).toHaveLength(3)
  })

  it('is refused when a record of it is no longer kept, when one is not found, and when a document no longer fits', async () => {
    const store = createStore()
    const one = await open(store)
    const hand = await openHand(store)
    await both(one, 0)
    const first = writeIdOf(store)
    await both(one, 1)
    const second = writeIdOf(store)
    await one.ask('kytos.settings.register', {
      namespace: B,
      schema: { properties: { n: { type: 'integer', minimum: 1 } } },
    })
    const before = readDocument(store, KEY_A)
    await expect(together(one, { write_id: second })).rejects.toMatchObject({ code: 'SETTINGS_INVALID' })
    await expect(together(one, { write_id: 'none' })).rejects.toMatchObject({ code: 'VERSION_NOT_FOUND' })
    await hand.commit([{ key: historyKey(KEY_B, 1), delete: true }])
    for (const [write_id, remaining] of [
      [first, '"kytos/a" (cluster)'],
      [second, 'Version 1 of "kytos/b"'],
    ] as const)
      await expect(together(one, { write_id })).rejects.toMatchObject({
        ...{ code: 'VERSION_PRUNED', status: 410 },
        message: expect.stringContaining(remaining),
      })
    expect(readDocument(store, KEY_A)).toEqual(before)
  })

  it('to named versions is guarded by each', async () => {
    const store = createStore()
    const one = await open(store)
    await both(one, 0)
    await both(one, 1)
    const documents = [A, B].map(namespace => ({ namespace, version: 1, if_version: 2 }))
    await put(one, B, { n: 'later' })
    await expect(together(one, { documents })).rejects.toMatchObject({ code: 'REVISION_MISMATCH' })
    expect(readDocument(store, KEY_A).history).toHaveLength(2)
    const [first = { namespace: A, version: 1 }] = documents
    await expect(together(one, { documents: [first, first] })).rejects.toMatchObject({
      code: 'CONTENT_MALFORMED',
    })
    expect(await together(one, { documents: [first] })).toMatchObject({
      settings: [{ namespace: A, overrides: { n: 0 } }],
    })
  })

  it('undoes all or nothing while other changes of its documents come in between', async () => {
    const store = createStore()
    const other = await open(store, 'other')
    const hand = await openHand(store)
    await both(other, 0)
    await both(other, 1)
    const id = writeIdOf(store)
    const change = () => void hand.commit([{ key: KEY_B, put: '{"n": "by hand"}' }])
    const one = await open(store, 'one', { backend: () => interrupted(store, [change]) })
    await expect(together(one, { write_id: id })).rejects.toMatchObject({ code: 'REVISION_MISMATCH' })
    expect(store.get(KEY_A)?.text).toBe('{"n":1}')
    expect(store.get(KEY_B)?.text).toBe('{"n": "by hand"}')
  })
})

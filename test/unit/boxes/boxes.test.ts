import fc from 'fast-check'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Operation } from '../../../backends/backend.ts'
import { createMemoryBackend, createMemoryStore } from '../../../backends/memory/index.ts'
import { SettingsError } from '../../../model/errors.ts'
import { parseJson, printJson } from '../../../model/json.ts'
import { EVERYTHING, encodeSegment, makeKey } from '../../../model/key.ts'
import { isObject, type Json } from '../../../model/value.ts'
import { boxKey } from '../../../src/boxes/box.ts'
import { type Controller, openController } from '../../support/controller.ts'
import { arbitraryJson } from '../model/arbitrary-json.ts'

type Store = ReturnType<typeof createMemoryStore>

const opened: Controller[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map(one => one.close()))
})

async function open(
  store: Store = createMemoryStore(),
  id = 'controller-1',
  backend = createMemoryBackend({ report: () => {} }, store),
): Promise<Controller> {
  const one = await openController({ id, backend: () => backend })
  opened.push(one)
  return one
}

describe('a box', () => {
  it('gives back any JSON value bit by bit, and is announced once, without its data, on every controller', async () => {
    const store = createMemoryStore()
    const [one, two] = [await open(store), await open(store, 'controller-2')]
    await fc.assert(
      fc.asyncProperty(arbitraryJson(), async data => {
        const { box_id, revision } = await one.ask('kytos.storehouse.create', { namespace: 'any', data })
        const found = await two.ask('kytos.storehouse.retrieve', { namespace: 'any', box_id })
        expect(printJson(found ? found.data : undefined)).toBe(printJson(data))
        expect(found).toMatchObject({
          revision,
          owner: null,
          created_at: expect.stringMatching(/^\d{4}-.*Z$/),
        })
      }),
      { numRuns: 100 },
    )
    await expect.poll(() => two.changes.length).toBe(100)
    expect(two.changes.map(({ content }) => content)).toEqual(one.changes.map(({ content }) => content))
    expect(Object.keys(one.changes[0]?.content ?? {}).sort()).toEqual([
      'actor',
      'box_id',
      'cursor',
      'kind',
      'namespace',
      'origin',
      'revision',
    ])
  })

  it('has a name that is any text without control characters and slashes, up to 180 bytes once encoded, and nothing else', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary', maxLength: 70 }),
          fc.constantFrom(
            'a'.repeat(180),
            'a'.repeat(181),
            'ü'.repeat(30),
            'ü'.repeat(31),
            '..',
            '.',
            '...',
            ' ',
            'CON',
            '__proto__',
            'a\u0085b',
            '\ud800',
          ),
        ),
        name => {
          const allowed =
            name !== '' &&
            name !== '.' &&
            name !== '..' &&
            !/[\u0000-\u001f\u007f-\u009f/\\]/.test(name) &&
            name.isWellFormed() &&
            encodeSegment(name).length <= 180
          let key: unknown
          try {
            key = boxKey('net', name)
          } catch (error) {
            expect(error).toMatchObject({ code: 'BOX_MALFORMED', status: 400 })
          }
          expect(key !== undefined).toBe(allowed)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('loses no update under contention: everybody changes one number, by the revision that was read', async () => {
    const store = createMemoryStore()
    const controllers = await Promise.all(['a', 'b', 'c'].map(id => open(store, id)))
    await controllers[0]?.ask('kytos.storehouse.create', { namespace: 'net', box_id: 'n', data: { n: 0 } })
    const increment = async (one: Controller): Promise<void> => {
      for (;;) {
        const box = await one.ask('kytos.storehouse.retrieve', { namespace: 'net', box_id: 'n' })
        if (!box || !isObject(box.data)) throw new Error('The box is gone.')
        const outcome = await one
          .ask('kytos.storehouse.update', {
            namespace: 'net',
            box_id: 'n',
            data: { n: Number(box.data.n) + 1 },
            revision: box.revision,
          })
          .catch(error => error)
        if (!(outcome instanceof Error)) return
        expect(outcome).toMatchObject({ code: 'REVISION_MISMATCH' })
      }
    }
    await Promise.all(controllers.flatMap(one => Array.from({ length: 10 }, () => increment(one))))
    expect(
      await controllers[1]?.ask('kytos.storehouse.retrieve', { namespace: 'net', box_id: 'n' }),
    ).toMatchObject({ data: { n: 30 } })
  })

  it('keeps the members that many PATCHes of several controllers set, and lets one of many creates and deletes win', async () => {
    const store = createMemoryStore()
    const controllers = await Promise.all(['a', 'b', 'c'].map(id => open(store, id)))
    const created = await Promise.allSettled(
      controllers.map(one => one.ask('kytos.storehouse.create', { namespace: 'net', box_id: 'n', data: {} })),
    )
    expect(created.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected'])
    await Promise.all(
      controllers.flatMap((one, i) =>
        Array.from({ length: 10 }, (_, k) =>
          one.ask('kytos.storehouse.update', {
            namespace: 'net',
            box_id: 'n',
            data: { [`${i}-${k}`]: null },
          }),
        ),
      ),
    )
    const box = await controllers[0]?.ask('kytos.storehouse.retrieve', { namespace: 'net', box_id: 'n' })
    expect(Object.keys(box && isObject(box.data) ? box.data : {})).toHaveLength(30)
    const deleted = await Promise.all(
      controllers.map(one => one.ask('kytos.storehouse.delete', { namespace: 'net', box_id: 'n' })),
    )
    expect(deleted.sort()).toEqual([false, false, true])
  })

  it('stands in the list in the order of creation, also after updates, and anew after deletion', async () => {
    const store = createMemoryStore()
    const one = await open(store)
    for (const box_id of ['c', 'a', 'b'])
      await one.ask('kytos.storehouse.create', { namespace: 'net', box_id, data: {} })
    await one.ask('kytos.storehouse.update', { namespace: 'net', box_id: 'c', data: { x: 1 } })
    await one.ask('kytos.storehouse.delete', { namespace: 'net', box_id: 'a' })
    await one.ask('kytos.storehouse.create', { namespace: 'net', box_id: 'a', data: {} })
    expect(await one.ask('kytos.storehouse.list', { namespace: 'net' })).toEqual(['c', 'b', 'a'])
    expect(
      await (await open(store, 'controller-2')).ask('kytos.storehouse.list', { namespace: 'net' }),
    ).toEqual(['c', 'b', 'a'])
  })

  it('keeps who made it and when through updates, and says who wrote it last', async () => {
    const one = await open()
    const { created_at } = await one.ask('kytos.storehouse.create', {
      namespace: 'net',
      box_id: 'a',
      data: {},
      owner: 'kytos/mef_eline',
    })
    expect(
      await one.ask('kytos.storehouse.update', { namespace: 'net', box_id: 'a', data: {} }),
    ).toMatchObject({
      created_at,
      owner: 'kytos/mef_eline',
    })
    expect(one.changes.map(({ content }) => [content.kind, content.actor])).toEqual([
      ['created', { type: 'napp', name: 'kytos/test' }],
      ['updated', { type: 'napp', name: 'kytos/test' }],
    ])
    await expect(
      one.ask('kytos.storehouse.update', { namespace: 'net', box_id: 'a', data: [1] }),
    ).rejects.toMatchObject({
      code: 'CONTENT_MALFORMED',
    })
  })

  it('that is there is never called contended, however long the store takes to say so', async () => {
    const backend = createMemoryBackend({ report: () => {} }, createMemoryStore())
    const commit = backend.commit.bind(backend)
    const now = performance.now.bind(performance)
    let later = 0
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + later)
    onTestFinished(() => clock.mockRestore())
    const one = await open(undefined, 'controller-1', backend)
    const create = (): Promise<unknown> =>
      one.ask('kytos.storehouse.create', { namespace: 'net', box_id: 'a', data: 1 })
    await create()
    Object.assign(backend, {
      commit: (operations: readonly Operation[]) => {
        later += 10_000
        return commit(operations)
      },
    })
    await expect(create()).rejects.toMatchObject({ code: 'DOCUMENT_EXISTS' })
  })

  it('is refused when its data is too large or nests too deep, and nothing is written', async () => {
    const store = createMemoryStore()
    const backend = Object.assign(createMemoryBackend({ report: () => {} }, store), {
      supports: { sharing: true, durability: false, handEdits: false, entryBytes: (1024 + 64) * 1024 },
    })
    const one = await open(store, 'controller-1', backend)
    const text = (bytes: number): string => 'x'.repeat(bytes - 2)
    const before = store.list(EVERYTHING).length
    await expect(
      one.ask('kytos.storehouse.create', { namespace: 'net', box_id: 'a', data: text(1024 * 1024 + 1) }),
    ).rejects.toMatchObject({
      code: 'DOCUMENT_TOO_LARGE',
      status: 413,
      details: { got: 1024 * 1024 + 1, limit: 1024 * 1024 },
    })
    let nested: Json = 1
    for (let i = 0; i < 101; i++) nested = [nested]
    await expect(
      one.ask('kytos.storehouse.create', { namespace: 'net', box_id: 'a', data: nested }),
    ).rejects.toMatchObject({
      code: 'JSON_MALFORMED',
    })
    expect(store.list(EVERYTHING)).toHaveLength(before)
    expect(
      await one.ask('kytos.storehouse.create', { namespace: 'net', box_id: 'a', data: text(1024 * 1024) }),
    ).toMatchObject({ box_id: 'a' })
    expect(
      await one.ask('kytos.storehouse.create', {
        namespace: 'net',
        box_id: 'b',
        data: (nested as readonly Json[])[0] as Json,
      }),
    ).toMatchObject({
      box_id: 'b',
    })
    expect(await one.ask('kytos.storehouse.retrieve', { namespace: 'net', box_id: 'b' })).toMatchObject({
      data: (nested as readonly Json[])[0],
    })
  })

  it.each(['before', 'after'] as const)(
    'whose answer is lost (%s the commit) is told with the write_id that the stored box then has',
    async when => {
      const store = createMemoryStore()
      const backend = createMemoryBackend({ report: () => {} }, store)
      const commit = backend.commit.bind(backend)
      const one = await open(
        store,
        'controller-1',
        Object.assign(backend, {
          commit: async (operations: readonly Operation[]) => {
            if (!operations.some(({ key }) => key.startsWith('boxes/'))) return commit(operations)
            if (when === 'after') await commit(operations)
            throw new SettingsError('OUTCOME_UNKNOWN', 'The line was cut.')
          },
        }),
      )
      const error = await one
        .ask('kytos.storehouse.create', { namespace: 'net', box_id: 'a', data: 1 })
        .catch(thrown => thrown)
      expect(error).toMatchObject({
        code: 'OUTCOME_UNKNOWN',
        status: 504,
        details: { write_id: expect.any(String) },
      })
      const stored = parseJson(store.get(makeKey('boxes', 'net', 'a'))?.text ?? 'null')
      const written = isObject(stored) && isObject(stored.written) ? stored.written.write_id : undefined
      expect(written).toBe(when === 'after' ? error.details.write_id : undefined)
    },
  )
})

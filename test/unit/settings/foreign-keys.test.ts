import { afterEach, describe, expect, it } from 'vitest'
import type { Backend } from '../../../backends/backend.ts'
import { createMemoryBackend, createMemoryStore } from '../../../backends/memory/index.ts'
import { historyKey, type Key, parseKey } from '../../../model/key.ts'
import { adoptEdit } from '../../../src/settings/write/adoption.ts'
import { type Controller, openController } from '../../support/controller.ts'

const FOO = keyOf('settings/kytos/foo')
/** Keys below each kind that another program may put, and that are no documents. */
const FOREIGN = [
  'history/settings/kytos/foo/NOTE',
  'history/settings/kytos/foo/zz/000000000099',
  'history/settings/kytos/foo/999999999999',
  'history/NOTE',
  'settings/NOTE',
  'settings/kytos/foo/NOTE',
  'settings/-/x',
  'controllers/one/NOTE',
  'schemas/kytos/NOTE',
  'schemas/kytos/foo/NOTE/x',
  'boxes/NOTE',
  'boxes/a/b/NOTE',
  'tokens/a/NOTE',
  'meta/NOTE',
  'meta/store/NOTE',
  'presence/NOTE',
] as const

const controllers: Controller[] = []
afterEach(async () => {
  await Promise.all(controllers.splice(0).map(one => one.close()))
})

function keyOf(text: string): Key {
  return parseKey(text) ?? expect.fail(`${text} is no key`)
}

/** A controller on a store in memory, and the number of reads that it has made. */
async function open(store = createMemoryStore()) {
  const calls = { reads: 0 }
  const counted = (backend: Backend): Backend => {
    const { get, list } = backend
    return Object.assign(backend, {
      get: (...given: Parameters<typeof get>) => {
        calls.reads++
        return get.apply(backend, given)
      },
      list: (...given: Parameters<typeof list>) => {
        calls.reads++
        return list.apply(backend, given)
      },
    })
  }
  const controller = await openController({ backend: () => counted(createMemoryBackend(undefined, store)) })
  controllers.push(controller)
  return { store, controller, calls }
}

const told = ({ log }: Controller, key: string) =>
  log.lines.filter(line => line.startsWith(`warn Ignored the key "${key}"`))

describe('A key of another program', () => {
  it.each(FOREIGN)('at %s neither stops changes nor costs reads, and is reported once', async text => {
    const { store, controller, calls } = await open()
    store.commit([{ key: keyOf(text), put: 'x' }])
    await expect.poll(() => controller.service.health().revision, { timeout: 15_000 }).toBe(store.revision)
    for (const n of [1, 2]) {
      store.commit([{ key: FOO, put: `{"hand": ${n}}` }])
      const answer = await controller.ask('kytos.settings.update', { namespace: 'kytos/foo', data: { n } })
      expect(answer).toMatchObject({ version: 2 * n, overrides: { hand: n, n } })
    }
    store.commit([{ key: keyOf(text), put: 'y' }])
    const { version } = await controller.ask('kytos.settings.update', {
      namespace: 'kytos/foo',
      data: { n: 3 },
    })
    expect(version).toBe(5)
    const records = await controller.ask('kytos.settings.history', { namespace: 'kytos/foo' })
    expect(records.map(record => record.version)).toEqual([5, 4, 3, 2, 1])
    const isVersion = text === 'history/settings/kytos/foo/999999999999'
    expect(told(controller, text)).toHaveLength(isVersion ? 0 : 1)
    expect(calls.reads).toBeLessThan(100)

    // A controller that starts later finds it in its listing.
    const later = await open(store)
    expect(told(later.controller, text)).toHaveLength(isVersion ? 0 : 1)
    expect(
      await later.controller.ask('kytos.settings.retrieve', { namespace: 'kytos/foo', fresh: true }),
    ).toMatchObject({ version: 5, overrides: { hand: 2, n: 3 } })
  })

  it('does not hide the records behind it, however many there are', async () => {
    const { store, controller } = await open()
    for (let n = 1; n <= 30; n++)
      await controller.ask('kytos.settings.update', { namespace: 'kytos/foo', data: { n } })
    for (let n = 0; n < 300; n++)
      store.commit([{ key: keyOf(`history/settings/kytos/foo/NOTE${n}`), put: 'x' }])
    const records = await controller.ask('kytos.settings.history', { namespace: 'kytos/foo', limit: 25 })
    expect(records.map(record => record.version)).toEqual(Array.from({ length: 25 }, (_, n) => 30 - n))
    expect(controller.log.lines.filter(line => line.includes('Ignored the key')).length).toBeLessThanOrEqual(
      100,
    )
  })
})

describe('The record of a manual edit', () => {
  it('is not retried without end when every attempt loses', async () => {
    const store = createMemoryStore()
    const backend = createMemoryBackend(undefined, store)
    await backend.open()
    store.commit([{ key: FOO, put: '{}' }])
    let attempts = 0
    const { commit } = backend
    Object.assign(backend, {
      commit: async (...given: Parameters<typeof commit>) => {
        attempts++
        // The document changes before every attempt.
        store.commit([{ key: FOO, put: `{"n": ${attempts}}` }])
        return commit.apply(backend, given)
      },
    })
    const edit = { key: FOO, data: {}, text: '{}', gone: false, revision: 1n }
    const deadline = performance.now() + 200
    await expect(
      adoptEdit(edit, { backend, controller: 'one', meta: undefined, deadline }),
    ).rejects.toMatchObject({
      code: 'CONTENTION',
      message: expect.stringContaining(`"${historyKey(FOO, 1)}"`),
    })
    expect(attempts).toBeLessThan(200)
  })
})

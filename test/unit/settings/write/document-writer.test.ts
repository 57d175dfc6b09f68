import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Backend, Operation } from '../../../../backends/backend.ts'
import { SettingsError } from '../../../../model/errors.ts'
import { parseJson, printJson } from '../../../../model/json.ts'
import { type Key, makeKey } from '../../../../model/key.ts'
import type { JsonObject } from '../../../../model/value.ts'
import type { UnrecordedEdit } from '../../../../src/settings/write/adoption.ts'
import { type Base, readBase } from '../../../../src/state/document-reader.ts'
import { createStore, on, readDocument, type Store } from '../stores.ts'
import {
  changing,
  editOf,
  KEY,
  NOTHING,
  opened,
  set,
  type TestChange,
  write,
  writeAll,
  writerOn,
} from '../writers.ts'

/** A backend on the store that waits before every answer. */
function slowed(store: Store, wait: () => Promise<unknown>): Backend {
  const backend = on(store)
  const { get, list, commit } = {
    get: backend.get.bind(backend),
    list: backend.list.bind(backend),
    commit: backend.commit.bind(backend),
  }
  return Object.assign(backend, {
    get: (key: Key) => wait().then(() => get(key)),
    list: (...given: Parameters<Backend['list']>) => wait().then(() => list(...given)),
    commit: async (operations: readonly Operation[]) => {
      await wait()
      const outcome = await commit(operations)
      await wait()
      return outcome
    },
  })
}

/** Expects versions without a gap, and the document of the last record. */
function expectSound(store: Store, key = KEY): void {
  const { text, history } = readDocument(store, key)
  expect(history.map(record => record.version)).toEqual(history.map((_, i) => i + 1))
  expect(history.map(record => record.kind)).toEqual(
    history.map((record, i) =>
      record.data === null ? 'deleted' : i === 0 || history[i - 1]?.data === null ? 'created' : 'updated',
    ),
  )
  expect(text === undefined ? 'null' : printJson(parseJson(text))).toBe(
    printJson(history.at(-1)?.data ?? null),
  )
}

describe('changes of one document', () => {
  it('keep every acknowledged change and every edit by hand, in any order of events on any number of controllers', async () => {
    const step = fc.record({
      by: fc.nat(3),
      kind: fc.constantFrom('patch', 'patch', 'patch', 'hand', 'adopt', 'stale'),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(step, { minLength: 2, maxLength: 12 }),
        async (scheduler, steps) => {
          const store = createStore()
          const wait = (): Promise<unknown> => scheduler.schedule(Promise.resolve())
          let seen: Base = NOTHING
          const writers = await Promise.all([0, 1, 2, 3].map(() => writerOn(slowed(store, wait), () => seen)))
          const reader = on(store)
          await reader.open()
          const wanted: string[] = []
          const edits: UnrecordedEdit[] = []
          // As watchers do: each sees every edit, in order.
          const adoptAll = async (writer = writers[0]): Promise<void> => {
            for (const edit of edits) await writer?.adopt(edit)
          }
          const work = steps.map(async ({ by, kind }, i) => {
            await wait()
            const name = `k${i}`
            if (kind === 'hand') {
              // An editor that reads, adds its member and saves, all in one moment.
              const text = store.get(KEY)?.text ?? '{}'
              store.commit([
                { key: KEY, put: `${text.slice(0, -1)}${text === '{}' ? '' : ','} "${name}": ${i}}` },
              ])
              edits.push(editOf(store))
            } else if (kind === 'adopt') await adoptAll(writers[by])
            else if (kind === 'stale') seen = await readBase(reader, KEY)
            else await write(writers[by], set({ [name]: i }))
            if (kind === 'patch' || kind === 'hand') wanted.push(name)
          })
          await scheduler.waitFor(Promise.all(work))
          await scheduler.waitFor(adoptAll(writers[0]))
          const { text, history } = readDocument(store, KEY)
          expect(Object.keys(JSON.parse(text ?? '{}')).sort()).toEqual(wanted.sort())
          expectSound(store)
          const byUser = steps.filter(({ kind }) => kind === 'patch').length
          expect(history.filter(record => (record.actor as JsonObject).type === 'user')).toHaveLength(byUser)
        },
      ),
      { numRuns: 60 },
    )
  }, 60_000)

  it('are each in the history once, whatever edits by hand make and remove the document meanwhile', async () => {
    const step = fc.record({
      by: fc.nat(2),
      kind: fc.constantFrom('patch', 'patch', 'make', 'remove', 'adopt', 'adopt', 'stale'),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(step, { minLength: 3, maxLength: 14 }),
        async (scheduler, steps) => {
          const store = createStore()
          const wait = (): Promise<unknown> => scheduler.schedule(Promise.resolve())
          let seen: Base = NOTHING
          const writers = await Promise.all([0, 1, 2].map(() => writerOn(slowed(store, wait), () => seen)))
          const reader = await opened(store)
          const acknowledged: string[] = []
          const edits: UnrecordedEdit[] = []
          const work = steps.map(async ({ by, kind }, i) => {
            await wait()
            if (kind === 'make' || kind === 'remove') {
              store.commit([
                kind === 'make' ? { key: KEY, put: `{"hand":${i}}` } : { key: KEY, delete: true },
              ])
              const edit = editOf(store)
              edits.push(edit.gone ? { ...edit, revision: store.revision } : edit)
            } else if (kind === 'adopt') {
              for (const edit of edits) await writers[by]?.adopt(edit)
            } else if (kind === 'stale') seen = await readBase(reader, KEY)
            else
              acknowledged.push((await write(writers[by], set({ [`k${i}`]: i }))).record?.writeId ?? 'none')
          })
          await scheduler.waitFor(Promise.all(work))
          const { history } = readDocument(store, KEY)
          expect(history.map(record => record.version)).toEqual(history.map((_, i) => i + 1))
          const ids = history.flatMap(record =>
            (record.actor as JsonObject).type === 'user' ? [record.write_id] : [],
          )
          expect(ids.sort()).toEqual(acknowledged.sort())
        },
      ),
      { numRuns: 300 },
    )
  }, 60_000)

  it('of different documents do not wait for one another', async () => {
    const store = createStore()
    const other = makeKey('settings', 'kytos', 'topology')
    let release = (): void => {}
    const held = new Promise<void>(resolve => {
      release = resolve
    })
    const backend = on(store)
    const commit = backend.commit.bind(backend)
    const writer = await writerOn(
      Object.assign(backend, {
        commit: async (operations: readonly Operation[]) => {
          if (operations.some(({ key }) => key === KEY)) await held
          return commit(operations)
        },
      }),
    )
    const first = write(writer, set({ a: 1 }))
    expect(await write(writer, set({ b: 2 }, other))).toMatchObject({ committed: true })
    release()
    expect(await first).toMatchObject({ committed: true, data: { a: 1 } })
  })

  it('number a deletion and what comes after it', async () => {
    const store = createStore()
    const writer = await writerOn(on(store))
    await write(writer, set({ a: 1 }))
    await write(
      writer,
      changing(() => undefined),
    )
    expect(
      await write(
        writer,
        changing(() => undefined),
      ),
    ).toMatchObject({ committed: false })
    await write(writer, set({ b: 1 }))
    expect(readDocument(store, KEY).history.map(({ version, kind }) => [version, kind])).toEqual([
      [1, 'created'],
      [2, 'deleted'],
      [3, 'created'],
    ])
    expectSound(store)
  })

  it('commit nothing when they leave the text as it was, also when only the layout of an edit by hand differs', async () => {
    const store = createStore()
    store.commit([{ key: KEY, put: '{ "a" : 1.0 }' }])
    const writer = await writerOn(on(store))
    await writer.adopt(editOf(store))
    const { revision } = store
    expect(await write(writer, set({ a: 1 }))).toMatchObject({ committed: false, revision: 1n })
    expect(store.revision).toBe(revision)
  })

  it('are not refused because of what a controller knows no longer', async () => {
    const store = createStore()
    const one = await writerOn(on(store))
    const backend = on(store)
    await backend.open()
    await write(one, set({ a: 1 }))
    const old = await readBase(backend, KEY)
    await write(
      one,
      changing(() => undefined),
    )
    const two = await writerOn(on(store), () => old)
    const create = changing(({ entry }) => {
      if (entry) throw new SettingsError('DOCUMENT_EXISTS', 'It is there.')
      return { b: 1 }
    })
    expect(await write(two, create)).toMatchObject({ committed: true, data: { b: 1 } })
    await expect(write(two, create)).rejects.toMatchObject({ code: 'DOCUMENT_EXISTS' })
    expectSound(store)
  })

  it('are made again from what the store holds when another was faster, and as often as a condition does not hold', async () => {
    const store = createStore()
    const writer = await writerOn(on(store))
    const bases: unknown[] = []
    const rival = changing(({ data }) => {
      bases.push(data)
      if (bases.length === 1) store.commit([{ key: KEY, put: '{"rival":1}' }])
      return { ...data, a: 1 }
    })
    await write(writer, { ...rival, fresh: true })
    expect(bases).toEqual([undefined, { rival: 1 }])
    expect(readDocument(store, KEY).text).toBe('{"rival":1,"a":1}')
    let looks = 0
    const other = makeKey('settings', 'a', 'b')
    const guards = () => {
      if (++looks === 3) store.commit([{ key: other, put: '{}' }])
      return [
        {
          key: other,
          check: true,
          expected: looks < 3 ? 7n : (store.get(other)?.modRevision ?? 0n),
        } as const,
      ]
    }
    await write(writer, { ...set({ b: 1 }), guards })
    expect(looks).toBe(3)
  })

  it('of several documents are one commit, or none', async () => {
    const store = createStore()
    const [one, two] = [await writerOn(on(store)), await writerOn(on(store))]
    const other = makeKey('settings', 'kytos', 'topology')
    const both = (n: number): TestChange => ({
      keys: n % 2 ? [KEY, other] : [other, KEY],
      make: ({ data }) => ({ ...data, [`k${n}`]: n }),
    })
    await Promise.all(Array.from({ length: 30 }, (_, n) => writeAll(n % 3 ? one : two, both(n))))
    const [first, second] = [readDocument(store, KEY), readDocument(store, other)]
    expect(Object.keys(JSON.parse(first.text ?? '{}')).length).toBe(30)
    expect(first.history.map(record => record.write_id)).toEqual(
      second.history.map(record => record.write_id),
    )
    expectSound(store)
    expectSound(store, other)
  })

  it('from a controller that has few of them are not kept waiting by one that has many', async () => {
    const store = createStore()
    const [busy, other] = [await writerOn(on(store)), await writerOn(on(store), () => NOTHING)]
    let done = false
    let n = 0
    const many = Promise.all(
      Array.from({ length: 8 }, async () => {
        while (!done) {
          await write(busy, set({ [`k${n++ % 100}`]: n }))
          // A store in memory would never let timers run.
          await new Promise(setImmediate)
        }
      }),
    )
    const waits: number[] = []
    for (let i = 0; i < 20; i++) {
      const began = performance.now()
      await write(other, set({ [`other${i}`]: 1 }))
      waits.push(performance.now() - began)
    }
    done = true
    await many
    expect(n).toBeGreaterThan(20)
    expect(Math.max(...waits)).toBeLessThan(1_000)
    expectSound(store)
  })
})

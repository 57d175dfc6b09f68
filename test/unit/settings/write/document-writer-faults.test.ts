import { describe, expect, it } from 'vitest'
import type { Backend, Operation } from '../../../../backends/backend.ts'
import { SettingsError } from '../../../../model/errors.ts'
import { type Key, makeKey } from '../../../../model/key.ts'
import type { JsonObject } from '../../../../model/value.ts'
import { readBase } from '../../../../src/state/document-reader.ts'
import { createStore, on, readDocument, type Store } from '../stores.ts'
import { editOf, KEY, opened, set, write, writerOn } from '../writers.ts'

/** A backend that loses the answers to commits: after them, or with the commits themselves. */
function deaf(
  store: Store,
  isLost: (operations: readonly Operation[]) => 'before' | 'after' | undefined,
): Backend {
  const backend = on(store)
  const commit = backend.commit.bind(backend)
  return Object.assign(backend, {
    commit: async (operations: readonly Operation[]) => {
      const lost = isLost(operations)
      if (lost !== 'before') await commit(operations)
      if (lost) throw new SettingsError('OUTCOME_UNKNOWN', 'The line was cut.')
      return commit(operations)
    },
  })
}

describe('a limit of 256 KiB', () => {
  const sized = (bytes: number): JsonObject => ({ a: 'x'.repeat(bytes - 8) })

  it('holds to the byte, and nothing is written above it', async () => {
    const store = createStore()
    const writer = await writerOn(on(store))
    expect(await write(writer, set(sized(256 * 1024)))).toMatchObject({ committed: true })
    expect(Buffer.byteLength(readDocument(store, KEY).text ?? '')).toBe(256 * 1024)
    const { revision } = store
    await expect(write(writer, set(sized(256 * 1024 + 1)))).rejects.toMatchObject({
      code: 'DOCUMENT_TOO_LARGE',
      details: { got: 262145, limit: 262144 },
    })
    await expect(write(writer, set({ a: 'ü'.repeat(128 * 1024) }))).rejects.toMatchObject({
      code: 'DOCUMENT_TOO_LARGE',
    })
    expect(store.revision).toBe(revision)
  })
})

describe('an answer that is lost', () => {
  const isChange = (operations: readonly Operation[]): boolean =>
    operations.some(operation => operation.key === KEY && 'put' in operation)

  it.each(['before', 'after'] as const)(
    '(%s the commit) is told with the write_id, which is in the history if the change was made',
    async when => {
      const store = createStore()
      const writer = await writerOn(deaf(store, operations => (isChange(operations) ? when : undefined)))
      const error = await write(writer, set({ a: 1 })).catch(thrown => thrown)
      expect(error).toMatchObject({
        code: 'OUTCOME_UNKNOWN',
        details: { write_id: expect.any(String) },
        message: expect.stringContaining('write_id'),
      })
      expect(readDocument(store, KEY).history.map(({ write_id }) => write_id)).toEqual(
        when === 'after' ? [error.details.write_id] : [],
      )
    },
  )

  it.each(['before', 'after'] as const)(
    '(%s) to the adoption of an edit by hand says that the change itself was not made',
    async when => {
      const store = createStore()
      store.commit([{ key: KEY, put: '{"hand":1}' }])
      const backend = deaf(store, operations => (isChange(operations) ? undefined : when))
      await backend.open()
      const base = await readBase(backend, KEY)
      const writer = await writerOn(backend, () => base)
      await expect(write(writer, set({ a: 1 }))).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
      expect(readDocument(store, KEY).text).toBe('{"hand":1}')
    },
  )

  it('to a change of nothing is no unknown outcome', async () => {
    const store = createStore()
    const writer = await writerOn(on(store))
    await write(writer, set({ a: 1 }))
    const base = await readBase(await opened(store), KEY)
    const other = await writerOn(
      deaf(store, () => 'after'),
      () => base,
    )
    await expect(write(other, set({ a: 1 }))).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
  })
})

describe('a store that was put back', () => {
  it('takes no change made on top of a version that it never had, though the document has the same revision there', async () => {
    const before = createStore()
    const known = await writerOn(on(before))
    for (const a of [1, 2, 3]) await write(known, set({ a }))
    const base = await readBase(await opened(before), KEY)

    const after = createStore()
    await write(await writerOn(on(after)), set({ other: 1 }))
    while (after.revision < before.revision - 1n)
      after.commit([{ key: makeKey('meta', 'others'), put: String(after.revision) }])
    await write(await writerOn(on(after)), set({ other: 2 }))
    expect(after.get(KEY)?.modRevision).toBe(base.entry?.modRevision)

    const late = await writerOn(on(after), () => base)
    await write(late, set({ a: 4 }))
    const { text, history } = readDocument(after, KEY)
    expect(text).toBe('{"other":2,"a":4}')
    expect(history.map(({ version }) => version)).toEqual([1, 2, 3])
  })
})

describe('an edit by hand', () => {
  it('is not seen in a change whose record came between the two reads', async () => {
    const store = createStore()
    const [other, reader] = [await writerOn(on(store)), await opened(store)]
    const get = reader.get.bind(reader)
    Object.assign(reader, {
      get: (key: Key) => write(other, set({ a: store.revision.toString() })).then(() => get(key)),
    })
    for (const version of [1, 2])
      expect(await readBase(reader, KEY)).toMatchObject({ recorded: true, record: { version } })
  })

  it.each(['is gone', 'is older', 'has changed otherwise'])(
    'of a former store is not recorded in one that was put back, where its document %s',
    async how => {
      const [before, after] = [createStore(), createStore()]
      if (how === 'is older')
        for (const store of [before, after]) store.commit([{ key: KEY, put: '{"a":1}' }])
      for (let n = 0; n < 5; n++) before.commit([{ key: makeKey('meta', 'others'), put: String(n) }])
      before.commit([{ key: KEY, put: '{"a":2}' }])
      if (how === 'has changed otherwise') await write(await writerOn(on(after)), set({ b: 1 }))
      const kept = readDocument(after, KEY).history
      await (await writerOn(on(after))).adopt(editOf(before))
      expect(readDocument(after, KEY).history).toEqual(kept)
    },
  )
})

describe('a record that is not ours', () => {
  it('takes its version, and the next change has the one after it', async () => {
    const store = createStore()
    const writer = await writerOn(on(store))
    await write(writer, set({ a: 1 }))
    store.commit([
      { key: makeKey('history', 'settings', 'kytos', 'of_lldp', '000000000002'), put: 'garbage' },
    ])
    const other = await writerOn(on(store))
    expect(await write(other, set({ b: 2 }))).toMatchObject({ committed: true, data: { a: 1, b: 2 } })
  })
})

import { expect, test } from 'vitest'
import type { Operation } from '../../../backends/backend.ts'
import { createMemoryBackend, createMemoryStore } from '../../../backends/memory/index.ts'
import { SettingsError } from '../../../model/errors.ts'
import { EVERYTHING, makeKey } from '../../../model/key.ts'
import { readHeader } from '../../../src/secrets/compact-jwe.ts'
import { createKeySet, currentKey, type KeySet, withNewKey } from '../../../src/secrets/key-set.ts'
import { memoryKeySource } from '../../../src/secrets/key-source.ts'
import { openController } from '../../support/controller.ts'

/* Keys that are rotated: all of the store is sealed with the newest, and nothing else is different. */

const NAMESPACE = 'kytos/test'
const KEY = makeKey('settings', 'kytos', 'test')
const SCHEMA = {
  type: 'object',
  properties: { n: { type: 'number' }, password: { type: 'string', 'x-sensitive': true } },
}
const WAIT = { timeout: 20_000, interval: 50 }

/** A store with five versions of a document, sealed with one key, and a pending confirmation. */
async function seal(set: KeySet) {
  const store = createMemoryStore()
  /** A controller whose store refuses commits of history after that many. */
  const open = (keys: KeySet, records = Number.POSITIVE_INFINITY) =>
    openController({
      backend: () => {
        const backend = createMemoryBackend(undefined, store)
        const commit = backend.commit.bind(backend)
        let left = records
        return Object.assign(backend, {
          commit: (operations: readonly Operation[]) => {
            if (!operations.some(({ key }) => key.startsWith('history/')) || left-- > 0)
              return commit(operations)
            throw new SettingsError('STORE_UNREACHABLE', 'The store is away.')
          },
        })
      },
      keys: memoryKeySource(keys),
    })
  const first = await open(set)
  await first.ask('kytos.settings.register', { namespace: NAMESPACE, schema: SCHEMA })
  for (let n = 1; n <= 5; n++)
    await first.ask('kytos.settings.update', {
      namespace: NAMESPACE,
      data: { n, password: `secret-${n % 2}` },
      ...(n === 5 && { confirm_within: 3_600 }),
    })
  const before = await first.ask('kytos.settings.retrieve', { namespace: NAMESPACE })
  const history = await first.ask('kytos.settings.history', { namespace: NAMESPACE })
  await first.close()
  const backend = createMemoryBackend(undefined, store)
  await backend.open()
  /** The texts of the store, and the ids of the keys in them. */
  const read = async () => {
    const texts = new Map<string, string>()
    for await (const page of (await backend.list(EVERYTHING)).pages)
      for (const { key, text } of page) texts.set(key, text)
    const sealed = [...texts.values()].flatMap(text => text.match(/[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+/g) ?? [])
    return { texts, kids: new Set(sealed.map(text => readHeader(text)?.kid)), count: sealed.length }
  }
  return { open, backend, read, before, history }
}

test('documents and history are sealed with the newest key, and versions, guards and pending stay', async () => {
  const old = createKeySet()
  const { open, read, before, history } = await seal(old)
  const keys = withNewKey(old)
  const controller = await open(keys)
  try {
    await expect.poll(async () => [...(await read()).kids], WAIT).toEqual([currentKey(keys).kid])
    expect((await read()).count).toBe(6)
    const after = await controller.ask('kytos.settings.retrieve', { namespace: NAMESPACE })
    const { observed: _, epoch: __, ...same } = before
    expect(after).toMatchObject({ ...same, pending: { write_id: before.pending?.write_id } })
    const records = await controller.ask('kytos.settings.history', { namespace: NAMESPACE })
    expect(records.map(({ resealed, ...record }) => [typeof resealed, record])).toEqual(
      history.map(({ resealed: _resealed, ...record }) => ['string', record]),
    )
    const facts = controller.changes.flatMap(({ content }) => ('changes' in content ? [content] : []))
    expect(facts.flatMap(({ changes }) => changes)).toEqual([])
    expect(facts.filter(({ kind }) => kind !== 'resealed')).toEqual([])
    await controller.ask('kytos.settings.confirm', { namespace: NAMESPACE })
    const changed = await controller.ask('kytos.settings.update', {
      namespace: NAMESPACE,
      data: { n: 6 },
      revision: before.revision,
    })
    expect(changed.version).toBe(6)
  } finally {
    await controller.close()
  }
})

test('a rotation that ends half-way is finished by the next start, and writes nothing twice', async () => {
  const old = createKeySet()
  const { open, backend, read } = await seal(old)
  const keys = withNewKey(old)
  const before = (await read()).texts
  const first = await open(keys, 3)
  await expect.poll(async () => (await read()).kids.size, { ...WAIT, interval: 1 }).toBeGreaterThan(1)
  await first.close()
  const second = await open(keys)
  await expect.poll(async () => [...(await read()).kids], WAIT).toEqual([currentKey(keys).kid])
  await second.close()
  const { texts } = await read()
  expect([...texts.keys()]).toEqual([...before.keys()])
  const { revision } = await backend.list(EVERYTHING)
  const third = await open(keys)
  await third.ask('kytos.settings.reseal', { namespace: NAMESPACE })
  await third.close()
  expect((await backend.list(EVERYTHING)).revision).toBe(revision)
  expect((await backend.get(KEY))?.text).toBe(texts.get(KEY))
})

test('a value that another controller sealed with the older key is sealed again', async () => {
  const old = createKeySet()
  const { open, backend, read } = await seal(old)
  const stale = (await backend.get(KEY))?.text ?? ''
  const keys = withNewKey(old)
  const controller = await open(keys)
  try {
    await expect.poll(async () => [...(await read()).kids], WAIT).toEqual([currentKey(keys).kid])
    await backend.commit([{ key: KEY, put: stale }])
    await expect.poll(async () => (await read()).kids.size, WAIT).toBe(1)
    expect((await controller.ask('kytos.settings.retrieve', { namespace: NAMESPACE })).data).toEqual({
      n: 5,
      password: 'secret-1',
    })
  } finally {
    await controller.close()
  }
})

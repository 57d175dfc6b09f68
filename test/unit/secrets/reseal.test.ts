import { expect, test } from 'vitest'
import { createMemoryBackend, createMemoryStore } from '../../../backends/memory/index.ts'
import { EVERYTHING, makeKey } from '../../../model/key.ts'
import { createKeySet, withNewKey } from '../../../src/secrets/key-set.ts'
import { memoryKeySource } from '../../../src/secrets/key-source.ts'
import { type Controller, openController } from '../../support/controller.ts'

const CANARY = 'canary-77ab'
const NAMESPACE = 'kytos/test'
const KEY = makeKey('settings', 'kytos', 'test')
const PLAIN_SCHEMA = { type: 'object', properties: { password: { type: 'string' }, n: { type: 'number' } } }
const SCHEMA = {
  type: 'object',
  properties: { password: { type: 'string', 'x-sensitive': true }, n: { type: 'number' } },
}
const WAIT = { timeout: 20_000, interval: 50 }

async function openLook(store: ReturnType<typeof createMemoryStore>) {
  const backend = createMemoryBackend(undefined, store)
  await backend.open()
  return {
    backend,
    async texts(): Promise<string> {
      const texts: string[] = []
      for await (const page of (await backend.list(EVERYTHING)).pages)
        for (const { key, text } of page) texts.push(`${key} ${text}`)
      return texts.join('\n')
    },
  }
}

const retrieve = (controller: Controller) =>
  controller.ask('kytos.settings.retrieve', { namespace: NAMESPACE })

test('a secret typed with another program is sealed, and its edit stays in the history', async () => {
  const store = createMemoryStore()
  const controller = await openController({ backend: () => createMemoryBackend(undefined, store) })
  const { backend, texts } = await openLook(store)
  try {
    await controller.ask('kytos.settings.register', { namespace: NAMESPACE, schema: SCHEMA })
    await controller.ask('kytos.settings.update', { namespace: NAMESPACE, data: { n: 1 } })
    await backend.commit([{ key: KEY, put: JSON.stringify({ n: 2, password: CANARY }) }])
    await expect.poll(async () => (await retrieve(controller)).data, WAIT).toEqual({ n: 2, password: CANARY })
    await expect.poll(texts, WAIT).not.toContain(CANARY)
    const { version, revision, updated_by } = await retrieve(controller)
    expect({ version, updated_by }).toMatchObject({ version: 2, updated_by: { type: 'file' } })
    expect((await retrieve(controller)).data).toEqual({ n: 2, password: CANARY })
    // The revision is that of the edit, so a guard of before the sealing still holds.
    await expect
      .poll(() => controller.changes.map(({ content }) => 'kind' in content && content.kind), WAIT)
      .toContain('resealed')
    const next = await controller.ask('kytos.settings.update', {
      namespace: NAMESPACE,
      data: { n: 3 },
      revision,
    })
    expect(next.version).toBe(3)
    expect(JSON.stringify([controller.facts, controller.log.lines])).not.toContain(CANARY)
  } finally {
    await controller.close()
  }
})

test('a schema that makes a value secret seals what is stored, with its history', async () => {
  const store = createMemoryStore()
  const controller = await openController({ backend: () => createMemoryBackend(undefined, store) })
  const { texts } = await openLook(store)
  try {
    await controller.ask('kytos.settings.register', { namespace: NAMESPACE, schema: PLAIN_SCHEMA })
    for (const n of [1, 2, 3])
      await controller.ask('kytos.settings.update', {
        namespace: NAMESPACE,
        data: { n, password: `${CANARY}-${n}` },
      })
    expect(await texts()).toContain(CANARY)
    const before = controller.facts.length
    await controller.ask('kytos.settings.register', {
      namespace: NAMESPACE,
      schema: SCHEMA,
      napp_version: '2',
    })
    await expect.poll(texts, WAIT).not.toContain(CANARY)
    expect((await retrieve(controller)).data).toEqual({ n: 3, password: `${CANARY}-3` })
    const history = await controller.ask('kytos.settings.history', { namespace: NAMESPACE })
    expect(history.map(({ version, data }) => [version, data?.n])).toEqual([
      [3, 3],
      [2, 2],
      [1, 1],
    ])
    expect(JSON.stringify([controller.facts.slice(before), history])).not.toContain(CANARY)
  } finally {
    await controller.close()
  }
})

test('a store of an older release keeps its secrets, and has them sealed after its first start', async () => {
  const store = createMemoryStore()
  const keys = memoryKeySource()
  const { backend, texts } = await openLook(store)
  await backend.commit([
    {
      key: makeKey('schemas', 'kytos', 'test', 'a'.repeat(64)),
      put: JSON.stringify({ schema: SCHEMA, seed: {} }),
    },
    { key: KEY, put: JSON.stringify({ password: CANARY }) },
  ])
  const controller = await openController({ backend: () => createMemoryBackend(undefined, store), keys })
  try {
    expect((await retrieve(controller)).data).toEqual({ password: CANARY })
    await expect.poll(texts, WAIT).not.toContain(CANARY)
    expect((await retrieve(controller)).data).toEqual({ password: CANARY })
    expect(JSON.stringify([controller.facts, controller.log.lines])).not.toContain(CANARY)
  } finally {
    await controller.close()
  }
  const again = await openController({ backend: () => createMemoryBackend(undefined, store), keys })
  expect((await retrieve(again)).data).toEqual({ password: CANARY })
  await again.close()
})

test('a newer key seals what an older one sealed, and no guard fails for it', async () => {
  const store = createMemoryStore()
  const old = createKeySet()
  const open = (set: typeof old) =>
    openController({ backend: () => createMemoryBackend(undefined, store), keys: memoryKeySource(set) })
  const first = await open(old)
  await first.ask('kytos.settings.register', { namespace: NAMESPACE, schema: SCHEMA })
  const { revision } = await first.ask('kytos.settings.update', {
    namespace: NAMESPACE,
    data: { password: CANARY },
  })
  await first.close()
  const { backend } = await openLook(store)
  const before = (await backend.get(KEY))?.text
  const rotated = await open(withNewKey(old))
  try {
    await expect.poll(async () => (await backend.get(KEY))?.text, WAIT).not.toBe(before)
    await expect
      .poll(() => rotated.changes.map(({ content }) => 'kind' in content && content.kind), WAIT)
      .toContain('resealed')
    expect(await retrieve(rotated)).toMatchObject({ revision, version: 1, data: { password: CANARY } })
    const changed = await rotated.ask('kytos.settings.update', {
      namespace: NAMESPACE,
      data: { n: 1 },
      revision,
    })
    expect(changed.version).toBe(2)
  } finally {
    await rotated.close()
  }
})

test('a sealed text that was changed, or moved to another place, is rejected and reported', async () => {
  const store = createMemoryStore()
  const controller = await openController({ backend: () => createMemoryBackend(undefined, store) })
  const { backend } = await openLook(store)
  try {
    await controller.ask('kytos.settings.register', { namespace: NAMESPACE, schema: SCHEMA })
    await controller.ask('kytos.settings.update', { namespace: NAMESPACE, data: { password: CANARY } })
    const text = (await backend.get(KEY))?.text ?? ''
    const sealed = JSON.parse(text).password.$sealed as string
    const damaged = `${sealed.slice(0, -8)}${sealed.endsWith('AAAAAAAA') ? 'BBBBBBBB' : 'AAAAAAAA'}`
    for (const bad of [damaged, sealed.slice(0, -3), 'no.jwe']) {
      await backend.commit([{ key: KEY, put: JSON.stringify({ password: { $sealed: bad }, n: 5 }) }])
      await expect
        .poll(async () => (await retrieve(controller)).rejected, WAIT)
        .toMatchObject([{ pointer: '/password', rule: 'sealed' }])
      expect((await retrieve(controller)).data).toEqual({ n: 5 })
      await backend.commit([{ key: KEY, put: text }])
      await expect.poll(async () => (await retrieve(controller)).data, WAIT).toEqual({ password: CANARY })
    }
  } finally {
    await controller.close()
  }
})

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createFilesystemBackend } from '../../../backends/filesystem/index.ts'
import { createMemoryBackend, createMemoryStore } from '../../../backends/memory/index.ts'
import { EVERYTHING } from '../../../model/key.ts'
import type { JsonObject } from '../../../model/value.ts'
import { openSettings } from '../../../src/client/open-settings.ts'
import { memoryKeySource } from '../../../src/secrets/key-source.ts'
import { type Controller, openController } from '../../support/controller.ts'

const CANARY = 'canary-5f1d0c9a'
const SCHEMA = {
  type: 'object',
  properties: {
    user: { type: 'string', default: 'admin' },
    note: { type: 'string' },
    password: { type: 'string', 'x-sensitive': true, minLength: 3 },
    peers: {
      type: 'array',
      items: { $ref: '#/$defs/peer' },
    },
  },
  $defs: {
    peer: {
      type: 'object',
      properties: { name: { type: 'string' }, key: { type: 'string', 'x-sensitive': true } },
    },
  },
} as const
const NAMESPACE = 'kytos/test'

async function withSecrets(
  work: (controller: Controller, store: ReturnType<typeof createMemoryStore>) => Promise<void>,
): Promise<void> {
  const store = createMemoryStore()
  const controller = await openController({ backend: () => createMemoryBackend(undefined, store) })
  try {
    await controller.ask('kytos.settings.register', { namespace: NAMESPACE, schema: SCHEMA })
    await work(controller, store)
  } finally {
    await controller.close()
  }
}

async function textsOf(store: ReturnType<typeof createMemoryStore>): Promise<string> {
  const backend = createMemoryBackend(undefined, store)
  await backend.open()
  const texts: string[] = []
  for await (const page of (await backend.list(EVERYTHING)).pages)
    for (const { key, text } of page) texts.push(`${key} ${text}`)
  return texts.join('\n')
}

const set = (controller: Controller, data: JsonObject, method: 'PATCH' | 'PUT' = 'PATCH') =>
  controller.ask('kytos.settings.update', { namespace: NAMESPACE, data, method })

test('a secret is in no answer, fact, history or stored text', async () => {
  await withSecrets(async (controller, store) => {
    const heard: unknown[] = []
    controller.root.on(/.*/, event => void heard.push(event))
    const answer = await set(controller, { password: CANARY, peers: [{ name: 'a', key: `${CANARY}-a` }] })
    expect(answer.overrides).toMatchObject({ password: { $sealed: expect.stringMatching(/^[\w-]{22}$/) } })
    const other = controller.root.view({ type: 'napp', name: 'kytos/other' })
    const shown = [
      answer,
      await controller.ask('kytos.settings.list', { include: ['data', 'explain', 'rejected'] }),
      await controller.ask('kytos.settings.history', { namespace: NAMESPACE }),
      await new Promise(resolve =>
        other.emit('kytos.settings.retrieve', {
          namespace: NAMESPACE,
          explain: true,
          callback: (_, data) => resolve(data),
        }),
      ),
    ]
    await expect.poll(() => controller.changes.length).toBeGreaterThan(1)
    expect(JSON.stringify([shown, heard, controller.facts, controller.log.lines])).not.toContain(CANARY)
    expect(await textsOf(store)).not.toContain(CANARY)
    expect(await textsOf(store)).toContain('$sealed')
  })
})

test('the NApp that owns the namespace has its secrets in plain text', async () => {
  await withSecrets(async controller => {
    const owner = { id: NAMESPACE, bus: controller.bus, log: controller.log }
    const settings = await openSettings<{ password?: string; peers?: { key: string }[] }>(owner)
    const seen: unknown[] = []
    settings.on('password', now => void seen.push(now))
    await set(controller, { password: CANARY })
    await expect.poll(() => settings.values.password).toBe(CANARY)
    expect(seen).toEqual([CANARY])
    const retrieved = await controller.ask('kytos.settings.retrieve', { namespace: NAMESPACE })
    expect(retrieved.data).toMatchObject({ password: CANARY, user: 'admin' })
    settings.close()
  })
})

test('a tag stands for the secret of its place, also after an item before it is deleted', async () => {
  await withSecrets(async controller => {
    const { overrides } = await set(controller, {
      password: CANARY,
      peers: [
        { name: 'a', key: 'first' },
        { name: 'b', key: 'second' },
      ],
    })
    const [, second] = overrides.peers as JsonObject[]
    await set(controller, { ...overrides, peers: [second as JsonObject], note: 'kept' }, 'PUT')
    const { data } = await controller.ask('kytos.settings.retrieve', { namespace: NAMESPACE })
    expect(data).toMatchObject({ password: CANARY, note: 'kept', peers: [{ name: 'b', key: 'second' }] })
  })
})

test('a tag of another place, or an unknown one, refuses the change', async () => {
  await withSecrets(async controller => {
    const { overrides } = await set(controller, { password: CANARY })
    const tag = overrides.password as JsonObject
    await expect(set(controller, { peers: [{ name: 'a', key: tag }] })).rejects.toMatchObject({
      code: 'SECRET_NOT_FOUND',
    })
    await expect(set(controller, { note: tag })).rejects.toMatchObject({ code: 'SECRET_MISPLACED' })
    await expect(set(controller, { password: { $sealed: 'A'.repeat(22) } })).rejects.toMatchObject({
      code: 'SECRET_NOT_FOUND',
    })
    const copy = [{ op: 'copy', from: '/password', path: '/note' }]
    await expect(
      controller.ask('kytos.settings.update', { namespace: NAMESPACE, data: copy, method: 'JSON_PATCH' }),
    ).rejects.toMatchObject({ code: 'SECRET_MISPLACED' })
  })
})

test('an invalid secret is refused without being quoted', async () => {
  await withSecrets(async controller => {
    const refused = await set(controller, { password: 'ca' }).catch(error => error)
    expect(refused).toMatchObject({ code: 'SETTINGS_INVALID' })
    expect(refused.message + JSON.stringify(refused.details)).not.toContain('"ca"')
    await set(controller, { password: 'cat' })
  })
})

test('the same secret set again is a change', async () => {
  await withSecrets(async controller => {
    const first = await set(controller, { password: CANARY })
    const again = await set(controller, { password: CANARY })
    expect(again.version).toBe(first.version + 1)
    expect(again.overrides).toEqual(first.overrides)
    const kept = await set(controller, again.overrides, 'PUT')
    expect(kept.version).toBe(again.version)
  })
})

test('a controller without the key passes secrets through, and refuses to change one', async () => {
  const store = createMemoryStore()
  const backend = () => createMemoryBackend(undefined, store)
  const one = await openController({ backend, id: 'one' })
  const two = await openController({ backend, id: 'two' })
  try {
    await one.ask('kytos.settings.register', { namespace: NAMESPACE, schema: SCHEMA })
    const { overrides } = await set(one, { password: CANARY })
    await expect
      .poll(async () => (await two.ask('kytos.settings.retrieve', { namespace: NAMESPACE })).overrides)
      .toEqual({})
    await expect(set(two, { password: 'other' })).rejects.toMatchObject({ code: 'KEY_MISSING' })
    const changed = await set(two, { note: 'by two' })
    expect(changed.overrides).toEqual({ ...overrides, note: 'by two' })
    await expect
      .poll(async () => (await one.ask('kytos.settings.retrieve', { namespace: NAMESPACE })).data)
      .toMatchObject({ password: CANARY, note: 'by two' })
  } finally {
    await Promise.all([one.close(), two.close()])
  }
})

test('a secret typed into a readable file is sealed before it enters the journal', async () => {
  const path = await mkdtemp(join(tmpdir(), 'kytos-secrets-'))
  const keys = memoryKeySource()
  const controller = await openController({
    backend: (report, seal) => createFilesystemBackend({ path }, { report, ...(seal && { seal }) }),
    keys,
  })
  try {
    await controller.ask('kytos.settings.register', { namespace: NAMESPACE, schema: SCHEMA })
    await set(controller, { user: 'first' })
    const file = join(path, 'settings/kytos/test.json')
    const { writeFile } = await import('node:fs/promises')
    await expect.poll(() => readFile(file, 'utf8').catch(() => ''), { timeout: 20_000 }).toContain('first')
    await writeFile(file, JSON.stringify({ user: 'second', password: CANARY }))
    await expect
      .poll(async () => (await controller.ask('kytos.settings.retrieve', { namespace: NAMESPACE })).data, {
        timeout: 20_000,
      })
      .toMatchObject({ password: CANARY, user: 'second' })
    await expect.poll(() => readFile(file, 'utf8'), { timeout: 20_000 }).toContain('$sealed')
  } finally {
    await controller.close()
  }
  const names = await readdir(path, { recursive: true, withFileTypes: true })
  for (const entry of names)
    if (entry.isFile())
      expect(await readFile(join(entry.parentPath, entry.name), 'latin1')).not.toContain(CANARY)
  await rm(path, { recursive: true, force: true })
})

import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { createFilesystemBackend } from '../../../backends/filesystem/index.ts'
import { createMemoryBackend, createMemoryStore } from '../../../backends/memory/index.ts'
import { SettingsError } from '../../../model/errors.ts'
import { Guesses, MAX_GUESSES_PER_MINUTE } from '../../../src/secrets/guesses.ts'
import { createKeySet, printKeySet } from '../../../src/secrets/key-set.ts'
import { KEYS_VARIABLE, keySource, memoryKeySource } from '../../../src/secrets/key-source.ts'
import { Environment } from '../../../src/state/environment.ts'
import { SnapshotFile } from '../../../src/watcher/snapshot.ts'
import { type ControllerOptions, keepLog, openController } from '../../support/controller.ts'

const CANARY = 'canary-0d1e'
const NAMESPACE = 'kytos/test'
const SCHEMA = {
  type: 'object',
  properties: { password: { type: 'string', 'x-sensitive': true }, n: { type: 'number' } },
}
const WAIT = { timeout: 20_000, interval: 50 }

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'kytos-keys-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

async function open(options: ControllerOptions) {
  const controller = await openController(options)
  onTestFinished(() => controller.close())
  return controller
}

it('keys are made once, for their owner alone, and are the same after a restart', async () => {
  const store = createMemoryStore()
  const file = join(await folder(), 'deep/keys.json')
  const backend = () => createMemoryBackend(undefined, store)
  const first = await openController({ backend, keys: keySource(file, {}) })
  await first.ask('kytos.settings.register', { namespace: NAMESPACE, schema: SCHEMA })
  await first.ask('kytos.settings.update', { namespace: NAMESPACE, data: { password: CANARY } })
  await first.close()
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect(first.log.lines.join('\n')).toContain(file)
  const text = await readFile(file, 'utf8')
  const second = await open({ backend, keys: keySource(file, {}) })
  const { data } = await second.ask('kytos.settings.retrieve', { namespace: NAMESPACE })
  expect(data).toEqual({ password: CANARY })
  expect(await readFile(file, 'utf8')).toBe(text)
})

it('a file of keys that others may read is refused, with the command that repairs it', async () => {
  const file = join(await folder(), 'keys.json')
  await writeFile(file, printKeySet(createKeySet()))
  await chmod(file, 0o640)
  await expect(keySource(file, {}).load()).rejects.toMatchObject({
    code: 'CONFIG_UNTRUSTED',
    message: expect.stringContaining(`chmod 600 ${file}`),
  })
})

it('keys in the environment take the place of the file, and are never written', async () => {
  const file = join(await folder(), 'keys.json')
  const source = keySource(file, { [KEYS_VARIABLE]: printKeySet(createKeySet()) })
  expect((await source.load())?.sealing).toHaveLength(1)
  await expect(source.create(createKeySet())).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
})

it('a store with secrets gets no other keys when its own are lost', async () => {
  const store = createMemoryStore()
  const backend = () => createMemoryBackend(undefined, store)
  const first = await openController({ backend })
  await first.ask('kytos.settings.register', { namespace: NAMESPACE, schema: SCHEMA })
  await first.ask('kytos.settings.update', { namespace: NAMESPACE, data: { password: CANARY } })
  await first.close()
  const blind = await open({ backend, keys: memoryKeySource() })
  await expect(
    blind.ask('kytos.settings.update', { namespace: NAMESPACE, data: { password: 'new' } }),
  ).rejects.toMatchObject({ code: 'KEY_MISSING' })
  const { data } = await blind.ask('kytos.settings.update', { namespace: NAMESPACE, data: { n: 1 } })
  expect(data).toMatchObject({ n: 1, password: { $sealed: expect.any(String) } })
  expect((await blind.ask('kytos.settings.retrieve', { namespace: NAMESPACE })).data).toEqual({ n: 1 })
})

it('a controller that starts without its store has the secrets, and its snapshot shows none', async () => {
  const store = createMemoryStore()
  const file = join(await folder(), 'snapshot.json')
  const keys = memoryKeySource()
  const snapshot = () => new SnapshotFile(file, 'memory', keepLog())
  const first = await openController({
    backend: () => createMemoryBackend(undefined, store),
    keys,
    snapshot: snapshot(),
  })
  await first.ask('kytos.settings.register', { namespace: NAMESPACE, schema: SCHEMA })
  await first.ask('kytos.settings.update', { namespace: NAMESPACE, data: { password: CANARY } })
  await first.close()
  expect(await readFile(file, 'utf8')).not.toContain(CANARY)
  const away = async (): Promise<never> => {
    throw new SettingsError('STORE_UNREACHABLE', 'away')
  }
  const { name, supports } = createMemoryBackend(undefined, store)
  const second = await open({
    backend: () => ({
      name,
      supports,
      open: away,
      get: away,
      list: away,
      commit: away,
      timeToLive: away,
      restoreFiles: away,
      // biome-ignore lint/correctness/useYield: the store cannot be watched
      async *watch() {
        await away()
      },
      fileProblems: () => [],
      close: async () => {},
    }),
    keys,
    snapshot: snapshot(),
  })
  const { data, state } = await second.ask('kytos.settings.retrieve', { namespace: NAMESPACE })
  expect({ data, state }).toEqual({ data: { password: CANARY }, state: 'STALE' })
})

it('a secret of the environment is shown as a tag, and its NApp has it', async () => {
  const environment = new Environment({ KYTOS_SETTINGS__kytos__test__password: CANARY })
  const controller = await open({ environment })
  const answer = await controller.ask('kytos.settings.register', { namespace: NAMESPACE, schema: SCHEMA })
  const explained = await new Promise(resolve =>
    controller.root.view({ type: 'user', name: 'reader' }).emit('kytos.settings.retrieve', {
      namespace: NAMESPACE,
      explain: true,
      callback: (_, data) => resolve(data),
    }),
  )
  expect(JSON.stringify([answer, explained, controller.facts, controller.log.lines])).not.toContain(CANARY)
  expect((await controller.ask('kytos.settings.retrieve', { namespace: NAMESPACE })).data).toEqual({
    password: CANARY,
  })
})

it('a broken file is kept aside sealed, where it may have a secret', async () => {
  const path = await folder()
  const controller = await open({
    backend: (report, seal) => createFilesystemBackend({ path }, { report, ...(seal && { seal }) }),
  })
  await controller.ask('kytos.settings.register', { namespace: NAMESPACE, schema: SCHEMA })
  await controller.ask('kytos.settings.update', { namespace: NAMESPACE, data: { n: 1 } })
  const file = join(path, 'settings/kytos/test.json')
  await expect.poll(() => readFile(file, 'utf8').catch(() => ''), WAIT).toContain('"n"')
  await writeFile(file, `{"password": "${CANARY}", }`)
  await expect.poll(() => controller.log.lines.join('\n'), WAIT).toContain('was rejected')
  await controller.ask('kytos.settings.update', { namespace: NAMESPACE, data: { n: 2 } })
  await expect.poll(() => readFile(`${file}.rejected`, 'utf8').catch(() => ''), WAIT).toContain('$sealed')
  expect(await readFile(`${file}.rejected`, 'utf8')).not.toContain(CANARY)
  expect(JSON.stringify([controller.facts, controller.log.lines])).not.toContain(CANARY)
})

it('secrets are set as often as logins fail, and more often by the owner of the service', () => {
  let now = 0
  const guesses = new Guesses(() => now)
  const reader = { type: 'user', name: 'a', by: { token: 'a' } } as const
  for (let i = 0; i < MAX_GUESSES_PER_MINUTE; i++) guesses.count(reader)
  expect(() => guesses.count(reader)).toThrow(/Too many secrets set by a/)
  guesses.count({ ...reader, by: { token: 'b' } })
  for (let i = 0; i < 100; i++) guesses.count({ type: 'user', name: 'local-admin', by: 'local' })
  now = 60_001
  guesses.count(reader)
})

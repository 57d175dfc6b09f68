import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createEtcdBackend } from '../../../backends/etcd/index.ts'
import { createFilesystemBackend } from '../../../backends/filesystem/index.ts'
import type { JsonObject } from '../../../model/value.ts'
import { createKeySet } from '../../../src/secrets/key-set.ts'
import { memoryKeySource } from '../../../src/secrets/key-source.ts'
import { Secrets } from '../../../src/secrets/secrets.ts'
import { type Controller, type ControllerOptions, openController } from '../../support/controller.ts'
import { type EtcdServer, startEtcd } from '../../support/etcd.ts'

/*
 * Sealed values that another program changed, cut, moved, or sealed with its own key: they are refused and
 * reported, and all else continues.
 */

const NAMESPACE = 'kytos/test'
const SECRET = { type: 'string', 'x-sensitive': true }
const SCHEMA = {
  type: 'object',
  properties: { n: { type: 'number' }, password: SECRET, other: SECRET },
}
const WAIT = { timeout: 30_000, interval: 100 }
const KEYS = createKeySet()

/** One kind of store, and how a person reads and writes the overrides of a scope in it. */
interface Store {
  readonly backend: NonNullable<ControllerOptions['backend']>
  read(path: string): Promise<string>
  write(path: string, text: string): Promise<void>
}

let folder = ''
let etcd: EtcdServer
let controller: Controller | undefined
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kytos-tampered-'))
  etcd = await startEtcd()
})
afterEach(() => controller?.close())
afterAll(async () => {
  await etcd.stop()
  await rm(folder, { recursive: true, force: true })
})

const STORES: Readonly<Record<string, () => Store>> = {
  filesystem: () => ({
    backend: (report, seal) => createFilesystemBackend({ path: folder }, { report, ...(seal && { seal }) }),
    read: path => readFile(join(folder, `${path}.json`), 'utf8').catch(() => '{}'),
    write: (path, text) => writeFile(join(folder, `${path}.json`), text),
  }),
  etcd: () => ({
    backend: report =>
      createEtcdBackend({ endpoints: etcd.endpoints, prefix: '/kytos', timeout: 10 }, { report }),
    read: async path => (await etcd.client.get(`/kytos/${path}`).string()) ?? '{}',
    write: async (path, text) => void (await etcd.client.put(`/kytos/${path}`).value(text)),
  }),
}
const PATH = 'settings/kytos/test'

/** The stored form of settings, sealed for a namespace. */
function sealed(data: JsonObject, { keys = KEYS, namespace = NAMESPACE } = {}): JsonObject {
  const secrets = new Secrets()
  secrets.keys = keys
  secrets.learn(namespace, 'test', SCHEMA)
  return secrets.store(namespace, data)
}

const textOf = (value: unknown): string => (value as { readonly $sealed: string }).$sealed

function badValues(): Readonly<Record<string, string>> {
  const good = textOf(sealed({ password: 'fresh' }).password)
  const at = good.lastIndexOf('.') - 5
  const [header = '', ...rest] = good.split('.')
  const renamed = JSON.stringify({
    ...JSON.parse(Buffer.from(header, 'base64url').toString()),
    tag: 'A'.repeat(22),
  })
  return {
    tampered: `${good.slice(0, at)}${good[at] === 'A' ? 'B' : 'A'}${good.slice(at + 1)}`,
    'with another tag': [Buffer.from(renamed).toString('base64url'), ...rest].join('.'),
    truncated: good.slice(0, -4),
    'cut to its header': header,
    'of another namespace': textOf(sealed({ password: 'fresh' }, { namespace: 'kytos/else' }).password),
    'of another place': textOf(sealed({ other: 'fresh' }).other),
  }
}

describe.each(Object.keys(STORES))('a store of %s', name => {
  it('refuses and reports sealed values that are damaged or of another place, and continues', async () => {
    const store = (STORES[name] as () => Store)()
    controller = await openController({ backend: store.backend, keys: memoryKeySource(KEYS) })
    const { ask } = controller
    const retrieve = () => ask('kytos.settings.retrieve', { namespace: NAMESPACE })
    await ask('kytos.settings.register', { namespace: NAMESPACE, schema: SCHEMA })
    await ask('kytos.settings.update', { namespace: NAMESPACE, data: { n: 0, other: 'kept' } })
    let n = 0
    for (const [kind, $sealed] of Object.entries(badValues())) {
      await expect.poll(() => store.read(PATH), WAIT).toMatch(new RegExp(`"n": ?${n}\\b`))
      const text = JSON.parse(await store.read(PATH))
      n++
      await store.write(PATH, JSON.stringify({ ...text, n, password: { $sealed } }))
      await expect
        .poll(async () => (await retrieve()).data, { ...WAIT, message: kind })
        .toEqual({ n, other: 'kept' })
      const { rejected } = await retrieve()
      expect(rejected, kind).toMatchObject([{ pointer: '/password', rule: 'sealed' }])
      const at = ++n
      await ask('kytos.settings.update', { namespace: NAMESPACE, data: { n: at } })
      expect((await retrieve()).data, kind).toEqual({ n: at, other: 'kept' })
      // What cannot be used is kept, so that an operator can repair it.
      await expect.poll(() => store.read(PATH), WAIT).toContain($sealed)
    }
    expect(controller.facts.filter(fact => fact.name === 'settings.rejected').length).toBeGreaterThan(0)
    expect(controller.log.lines.join('\n')).toContain('/password')
  })

  it('leaves out a value of a foreign key, says so, keeps it, and accepts a new one', async () => {
    const store = (STORES[name] as () => Store)()
    controller = await openController({ backend: store.backend, keys: memoryKeySource(KEYS) })
    const { ask, log } = controller
    const retrieve = () => ask('kytos.settings.retrieve', { namespace: NAMESPACE })
    await ask('kytos.settings.register', { namespace: NAMESPACE, schema: SCHEMA })
    await ask('kytos.settings.update', { namespace: NAMESPACE, data: { n: 0, other: 'kept' }, method: 'PUT' })
    await expect.poll(() => store.read(PATH), WAIT).toMatch(/"n": ?0\b/)
    const foreign = sealed({ password: 'foreign' }, { keys: createKeySet() })
    const text = JSON.parse(await store.read(PATH))
    await store.write(PATH, JSON.stringify({ ...text, ...foreign, n: 1 }))
    await expect.poll(async () => (await retrieve()).data, WAIT).toEqual({ n: 1, other: 'kept' })
    await expect.poll(() => log.lines.join('\n'), WAIT).toContain('secrets whose key is not in')
    await ask('kytos.settings.update', { namespace: NAMESPACE, data: { n: 2 } })
    await expect.poll(() => store.read(PATH), WAIT).toMatch(/"n": ?2\b/)
    expect(await store.read(PATH)).toContain(textOf(foreign.password))
    await ask('kytos.settings.update', { namespace: NAMESPACE, data: { password: 'new' } })
    expect((await retrieve()).data).toEqual({ n: 2, other: 'kept', password: 'new' })
    expect(log.lines.join('\n')).not.toMatch(/foreign"|fresh|"kept/)
  })
})

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createEtcdBackend } from '../../backends/etcd/index.ts'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import type { Facts } from '../../events/map.ts'
import { historyKey, type Key, makeKey } from '../../model/key.ts'
import { type Controller, openController } from '../support/controller.ts'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'

/*
 * What people write past the service: each store takes the same of it, and keeps what it rejects byte by byte.
 */

const SOON = { timeout: 30_000, interval: 50 }
const PREFIX = '/kytos'
const LIMIT = 256 * 1024

/** A real store that is edited past its controller. */
interface Edited {
  readonly controller: Controller
  /** Writes bytes to a document as a person does. */
  edit(key: Key, bytes: Buffer): Promise<void>
  /** The bytes of a rejected edit after a later change of its document; `version` is that of the edit. */
  kept(key: Key, version: number): Promise<Buffer>
  close(): Promise<void>
}

const names = (text: string) => Buffer.from(text)
const EDITS: Readonly<Record<string, { readonly bytes: Buffer; readonly counts: boolean }>> = {
  bom: { bytes: names('\ufeff{"n": 6}'), counts: true },
  spaces: { bytes: names(`{"n": 6${' '.repeat(LIMIT)}}`), counts: true },
  unicode: { bytes: names('{"n": 6, "caf\u00e9": "\u{1f600}\ufffd\\udce9"}'), counts: true },
  latin1: { bytes: Buffer.from('{"n": 6, "name": "caf\u00e9"}', 'latin1'), counts: false },
  utf16: { bytes: Buffer.from('\ufeff{"n": 6}', 'utf16le'), counts: false },
  surrogate: {
    bytes: Buffer.concat([names('{"n": 6, "a": "'), Buffer.of(0xed, 0xb3, 0xa9), names('"}')]),
    counts: false,
  },
  twice: { bytes: names('{"n": 6, "n": 6}'), counts: false },
  inside: { bytes: names('{"n": 6, "a": {"b": 1, "b": 1}}'), counts: false },
  large: { bytes: names(`{"n":6,"a":"${'x'.repeat(LIMIT)}"}`), counts: false },
  deep: { bytes: names(`{"n":6,"a":${'['.repeat(100)}${']'.repeat(100)}}`), counts: false },
  digits: { bytes: names(`{"n":6,"a":${'9'.repeat(4_301)}}`), counts: false },
  array: { bytes: names('[6]'), counts: false },
}

async function onEtcd(server: EtcdServer, { strict = false, prefix = PREFIX } = {}): Promise<Edited> {
  const options = { endpoints: server.endpoints, prefix, timeout: 5 }
  const { client } = server
  return {
    controller: await openController({ strict, backend: report => createEtcdBackend(options, { report }) }),
    async edit(key, bytes) {
      await client.put(`${prefix}/${key}`).value(bytes)
    },
    async kept(key, version) {
      const record = await client.get(`${prefix}/${historyKey(key, version)}`).string()
      return Buffer.from(JSON.parse(record ?? '{}').raw, 'base64')
    },
    close: async () => {},
  }
}

async function onFiles({ strict = false } = {}): Promise<Edited> {
  const path = await mkdtemp(join(tmpdir(), 'kytos-same-edits-'))
  const fileOf = (key: Key) => `${join(path, ...key.split('/'))}.json`
  return {
    controller: await openController({
      strict,
      backend: report => createFilesystemBackend({ path }, { report }),
    }),
    async edit(key, bytes) {
      await mkdir(dirname(fileOf(key)), { recursive: true })
      await writeFile(fileOf(key), bytes)
    },
    kept: key => readFile(`${fileOf(key)}.rejected`),
    close: () => rm(path, { recursive: true, force: true }),
  }
}

describe.each(['etcd', 'filesystem'] as const)('An edit past the service, on %s', kind => {
  let server: EtcdServer | undefined
  let store: Edited
  beforeAll(async () => {
    server = kind === 'etcd' ? await startEtcd() : undefined
    store = server ? await onEtcd(server) : await onFiles()
  })
  afterAll(async () => {
    await store.controller.close()
    await store.close()
    await server?.stop()
  })
  const rejections = (key: Key) =>
    store.controller.facts.filter(({ name, content }) => {
      const { source } = content as Facts['settings.rejected']
      return name === 'settings.rejected' && source.includes(key)
    })

  it.each(Object.entries(EDITS))('of settings: %s', async (name, { bytes, counts }) => {
    const { controller } = store
    const namespace = `kytos/${name}`
    const key = makeKey('settings', 'kytos', name)
    const n = async () => (await controller.ask('kytos.settings.retrieve', { namespace })).data.n
    await controller.ask('kytos.settings.update', { namespace, data: { n: 5 } })
    await store.edit(key, bytes)
    if (counts) await expect.poll(n, SOON).toBe(6)
    else await expect.poll(() => rejections(key), SOON).toHaveLength(1)
    expect(await n()).toBe(counts ? 6 : 5)
    const patched = await controller.ask('kytos.settings.update', { namespace, data: { m: 1 } })
    expect(patched.overrides).toMatchObject({ n: counts ? 6 : 5, m: 1 })
    // An edit in etcd is stored, so the list of rejected values becomes empty again with the next change.
    const lists = rejections(key).map(
      ({ content }) => (content as Facts['settings.rejected']).rejected.length,
    )
    expect(lists).toEqual(counts ? [] : server ? [1, 0] : [1])
    if (counts) return
    const start = async () => (await store.kept(key, 2).catch(() => Buffer.of())).subarray(0, LIMIT)
    await expect.poll(async () => (await start()).equals(bytes.subarray(0, LIMIT)), SOON).toBe(true)
  })

  it.each(['latin1', 'twice'] as const)('of a box: %s', async name => {
    const { controller } = store
    const box = { namespace: 'net', box_id: name }
    const key = makeKey('boxes', 'net', name)
    const bytes = {
      latin1: Buffer.from('{"data": "caf\u00e9"}', 'latin1'),
      twice: names('{"data": 1, "data": 2}'),
    }[name]
    await controller.ask('kytos.storehouse.create', { ...box, data: { a: 1 } })
    await store.edit(key, bytes)
    await expect.poll(() => rejections(key), SOON).toHaveLength(1)
    const update = () => controller.ask('kytos.storehouse.update', { ...box, data: { a: 2 } })
    if (kind === 'etcd') await expect(update()).rejects.toMatchObject({ code: 'STORE_DAMAGED' })
    else {
      await update()
      await expect
        .poll(
          () =>
            store.kept(key, 0).then(
              kept => kept.equals(bytes),
              () => false,
            ),
          SOON,
        )
        .toBe(true)
    }
  })

  it('of a name that differs from another one only in case, or without a schema in strict mode', async () => {
    const strict = server
      ? await onEtcd(server, { strict: true, prefix: '/strict' })
      : await onFiles({ strict: true })
    const twin = makeKey('settings', 'Kytos', 'bom')
    const free = makeKey('settings', 'kytos', 'free')
    try {
      await store.edit(twin, names('{"n": 7}'))
      await strict.edit(free, names('{"n": 7}'))
      const sources = () => strict.controller.facts.filter(({ name }) => name === 'settings.rejected').length
      await expect.poll(() => [rejections(twin).length, sources()], SOON).toEqual([1, 1])
      const data = async ({ controller }: Edited, namespace: string) =>
        (await controller.ask('kytos.settings.retrieve', { namespace })).data
      expect([await data(store, 'Kytos/bom'), await data(strict, 'kytos/free')]).toEqual([{}, {}])
    } finally {
      await strict.controller.close()
      await strict.close()
    }
  })
})

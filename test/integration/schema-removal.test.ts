import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createEtcdBackend } from '../../backends/etcd/index.ts'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import { type Controller, type ControllerOptions, openController } from '../support/controller.ts'
import { startEtcd } from '../support/etcd.ts'

const NAME = 'kytos/of_lldp'

/** The ways to open one and the same real store. */
const STORES: Readonly<Record<string, () => Promise<NonNullable<ControllerOptions['backend']>>>> = {
  etcd: async () => {
    const server = await startEtcd()
    onTestFinished(() => server.stop())
    return report =>
      createEtcdBackend({ endpoints: server.endpoints, prefix: '/kytos', timeout: 5 }, { report })
  },
  filesystem: async () => {
    const path = await mkdtemp(join(tmpdir(), 'kytos-schema-removal-'))
    onTestFinished(() => rm(path, { recursive: true }))
    return report => createFilesystemBackend({ path }, { report })
  },
}

const register = (one: Controller, version: string) =>
  one.ask('kytos.settings.register', {
    namespace: NAME,
    schema: { properties: { polling_time: { type: 'integer', default: Number(version) } } },
    napp_version: version,
  })
const revisionOf = async (one: Controller) =>
  BigInt((await one.ask('kytos.settings.retrieve', { namespace: NAME, fresh: true })).revision)

describe.each(Object.entries(STORES))('The removal of schemas on %s', (_, createStore) => {
  it('never lowers the revision of the settings, before and after a restart', async () => {
    const backend = await createStore()
    const open = (id: string) => openController({ id, backend })
    const old = await open('one')
    await old.ask('kytos.settings.update', { namespace: NAME, data: { polling_time: 7 } })
    for (const version of ['1', '2', '3']) await register(old, version)
    await old.service.close()

    let one = await open('one')
    onTestFinished(() => one.service.close())
    let last = await revisionOf(one)
    for (const stored of [2, 1, 0]) {
      const { digest } = await one.ask('kytos.settings.describe', { namespace: NAME })
      await one.ask('kytos.settings.remove_schema', { namespace: NAME, digest, force: true })
      const now = await revisionOf(one)
      expect(now).toBeGreaterThan(last)
      await one.service.close()
      one = await open('one')
      expect(await revisionOf(one)).toBe(now)
      if (stored > 0) {
        const { defaults } = await one.ask('kytos.settings.describe', { namespace: NAME })
        expect(defaults).toEqual({ polling_time: stored })
      }
      last = now
    }
    const { data, version } = await one.ask('kytos.settings.retrieve', { namespace: NAME })
    expect({ data, version }).toEqual({ data: { polling_time: 7 }, version: 2 })
  })
})

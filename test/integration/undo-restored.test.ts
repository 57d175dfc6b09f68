import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createEtcdBackend } from '../../backends/etcd/index.ts'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import { toSettingsError } from '../../model/errors.ts'
import { makeKey } from '../../model/key.ts'
import { loadStore } from '../../src/transfer/load-store.ts'
import { takeSnapshot } from '../../src/transfer/store-snapshot.ts'
import { type Controller, openController } from '../support/controller.ts'
import { startEtcd } from '../support/etcd.ts'

/*
 * Rollbacks over changes that no command made: a store that was restored, a readable file that was edited.
 */

const NAME = 'kytos/a'
const LOAD = { overwrite: true, skipOversized: false, keepTokens: false, dryRun: false }

const put = (one: Controller, n: number) =>
  one.ask('kytos.settings.update', { namespace: NAME, data: { n }, method: 'PUT' })
const rollback = (one: Controller, version: number) =>
  one.ask('kytos.settings.rollback', { namespace: NAME, version })

describe('A rollback', () => {
  it('on a restored store takes the versions of that store, on every controller, and the audit starts again', async () => {
    const server = await startEtcd()
    onTestFinished(() => server.stop())
    const etcd = { endpoints: [server.endpoint], prefix: '/kytos', timeout: 5 }
    const controllers: Controller[] = []
    onTestFinished(async () => void (await Promise.all(controllers.map(one => one.close()))))
    for (const id of ['one', 'two'])
      controllers.push(await openController({ id, backend: report => createEtcdBackend(etcd, { report }) }))
    const [one, two] = controllers as [Controller, Controller]
    const backend = createEtcdBackend(etcd, { report: () => {} })
    await backend.open()
    onTestFinished(() => backend.close())

    for (const n of [1, 2, 3]) await put(n % 2 ? one : two, n)
    const arm = (namespace: string) =>
      one.ask('kytos.settings.update', { namespace, data: { n: 1 }, confirm_within: 600 })
    await arm('kytos/waits')
    const saved = await takeSnapshot(backend, 'saved')
    await one.ask('kytos.settings.confirm', { namespace: 'kytos/waits' })
    await arm('kytos/later')
    for (const n of [40, 50, 60]) await put(one, n)
    const { write_id = '' } =
      (await one.ask('kytos.settings.history', { namespace: NAME, version: 5 }))[0] ?? {}
    const { next } = await two.ask('kytos.settings.audit', {})

    await server.client.delete().prefix('/kytos/').exec()
    // A controller that writes in between ends the load, which is then run again.
    let loaded = Number.POSITIVE_INFINITY
    const load = () =>
      loadStore(backend, saved, LOAD).then(({ epoch = loaded }) => {
        loaded = epoch
        return 'loaded'
      }, String)
    await expect.poll(load, { timeout: 30_000 }).toBe('loaded')
    // A controller may have begun an epoch of its own after the wipe, before it notices the load.
    const isThere = ({ service }: Controller) => {
      const { state, epoch } = service.health()
      return state === 'READY' && epoch >= loaded
    }
    await expect.poll(() => controllers.every(isThere), { timeout: 30_000 }).toBe(true)

    // A change that waits has no time on the restored store, whatever became of it on the former one.
    const end = () => two.ask('kytos.settings.confirm', { namespace: 'kytos/waits' }).catch(toSettingsError)
    await expect.poll(end, { timeout: 20_000 }).toMatchObject({ details: { ended: 'expired' } })
    const waits = () => backend.get(makeKey('settings', 'kytos', 'waits'))
    await expect.poll(waits, { timeout: 20_000 }).toBeUndefined()
    await expect(two.ask('kytos.settings.confirm', { namespace: 'kytos/later' })).rejects.toMatchObject({
      code: 'NOT_PENDING',
    })
    for (const controller of controllers) {
      await expect(rollback(controller, 5)).rejects.toMatchObject({ code: 'VERSION_NOT_FOUND' })
      await expect(
        controller.ask('kytos.settings.rollback_transaction', { write_id, force: true }),
      ).rejects.toMatchObject({ code: 'VERSION_NOT_FOUND' })
    }
    expect(await rollback(two, 1)).toMatchObject({ overrides: { n: 1 }, version: 4 })
    expect(await rollback(one, 2)).toMatchObject({ overrides: { n: 2 }, version: 5 })
    const page = await two.ask('kytos.settings.audit', { after: next })
    expect(page).toMatchObject({ restarted: true })
    const own = page.entries.filter(({ namespace }) => namespace === NAME)
    expect(own.map(({ version }) => version).toSorted()).toEqual([1, 2, 3, 4, 5])
    expect(page.entries.map(({ kind }) => kind)).toContain('expired')
    for (const controller of controllers)
      await expect
        .poll(async () => (await controller.ask('kytos.settings.retrieve', { namespace: NAME })).overrides, {
          timeout: 20_000,
        })
        .toEqual({ n: 2 })
  }, 120_000)

  it('after an edit of the readable file stands on top of it, and the edit can be returned to', async () => {
    const path = await mkdtemp(join(tmpdir(), 'kytos-undo-'))
    onTestFinished(() => rm(path, { recursive: true, force: true }))
    const one = await openController({ backend: report => createFilesystemBackend({ path }, { report }) })
    onTestFinished(() => one.close())
    for (const n of [1, 2]) await put(one, n)
    const file = async () => {
      const files = await readdir(path, { recursive: true })
      return files.find(name => name.endsWith('a.json'))
    }
    await expect.poll(file, { timeout: 20_000 }).toBeDefined()
    await writeFile(join(path, (await file()) ?? ''), '{"n": "by hand"}')
    const records = () => one.ask('kytos.settings.history', { namespace: NAME })
    await expect.poll(async () => (await records()).length, { timeout: 20_000 }).toBe(3)
    expect(await rollback(one, 1)).toMatchObject({ overrides: { n: 1 }, version: 4 })
    expect(await rollback(one, 3)).toMatchObject({ overrides: { n: 'by hand' }, version: 5 })
    const { entries } = await one.ask('kytos.settings.audit', {})
    expect(entries.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5])
    expect(entries[2]).toMatchObject({ changes: [{ path: '/n', old: 2, new: 'by hand' }] })
  }, 60_000)
})

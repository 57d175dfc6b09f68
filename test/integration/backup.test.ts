import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { loadBackend } from '../../src/boot/backend-registry.ts'
import { openController } from '../support/controller.ts'
import { withoutMeta } from '../support/store-contents.ts'
import { freshFolder, kytosSettings } from './host-process.ts'
import { choiceOf, contentsOf, etcdForTest, furnish, iniFor, kytos } from './moving-ground.ts'

const SMALL = { namespaces: 3, boxes: 300 }

describe('backup and restore', () => {
  it('of a folder whose service is changing it: whole changes, in their order, into a folder and into etcd', async () => {
    const cwd = await freshFolder()
    const etcd = await etcdForTest()
    const [a, b, c] = [await iniFor(cwd, 'a'), await iniFor(cwd, 'b'), await iniFor(cwd, 'c', etcd)]
    await furnish(a, SMALL)
    const service = kytosSettings(cwd, 'start', '-c', 'a.ini')
    const url = await service.ready
    let counter = 0
    let writing = true
    const writer = (async () => {
      while (writing) {
        const body = JSON.stringify(
          [0, 2].map(n => ({ namespace: `kytos/napp_${n}`, method: 'PATCH', data: { big: counter } })),
        )
        const answer = await fetch(`${url}/api/kytos/settings/v1/transaction`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: `{"operations":${body}}`,
        })
        expect(answer.status).toBe(200)
        counter++
      }
    })()
    const backups = []
    // The first change sets what is looked for below to 0.
    await expect.poll(() => counter).toBeGreaterThan(1)
    for (const name of ['one', 'two']) backups.push(await kytos(cwd, 'backup', name, '-c', 'a.ini'))
    writing = false
    await writer
    expect(counter).toBeGreaterThan(0)
    const last = await kytos(cwd, 'backup', 'three', '-c', 'a.ini', '--json')
    expect(backups.map(({ exit }) => exit)).toEqual([0, 0])
    expect(JSON.parse(last.output)).toMatchObject({ kinds: { boxes: 300, tokens: 1 } })
    service.child.kill('SIGTERM')
    await service.ended
    expect((await kytos(cwd, 'restore', 'two', '-c', 'b.ini')).exit).toBe(0)
    const { texts, unrecorded } = await contentsOf(b)
    const told = ['napp_0', 'napp_2'].map(name => JSON.parse(texts[`settings/kytos/${name}`] ?? '{}').big)
    expect(told[0]).toBe(told[1])
    expect(told[0]).toBeGreaterThan(0)
    expect(unrecorded).toEqual([])
    expect((await kytos(cwd, 'restore', 'three', '-c', 'c.ini')).exit).toBe(0)
    expect(withoutMeta(await contentsOf(c))).toEqual(withoutMeta(await contentsOf(a)))
  })

  it('under controllers that run on etcd: they continue with the restored documents, in a new epoch; tokens return only when they should', async () => {
    const cwd = await freshFolder()
    const etcd = await etcdForTest()
    const a = await iniFor(cwd, 'a', etcd)
    await furnish(a, { namespaces: 3, boxes: 10 })
    expect((await kytos(cwd, 'backup', 'old', '-c', 'a.ini')).exit).toBe(0)
    const wanted = withoutMeta(await contentsOf(a))
    const backend = await loadBackend(await choiceOf(a))
    const controller = await openController({ id: 'c-1', backend })
    onTestFinished(() => controller.close())
    await expect
      .poll(
        async () =>
          (await controller.ask('kytos.settings.history', { namespace: 'kytos/napp_2' }))[0]?.actor.type,
      )
      .toBe('file')
    const before = await controller.ask('kytos.settings.update', {
      namespace: 'kytos/napp_0',
      data: { n: 500 },
    })
    await controller.ask('kytos.storehouse.create', { namespace: 'kytos.flows', box_id: 'later', data: 1 })
    const [token] = Object.keys(wanted.texts).filter(key => key.startsWith('tokens/'))
    await controller.service.tokens.revoke(token?.slice('tokens/'.length) ?? '')
    expect((await kytos(cwd, 'restore', 'old', '-c', 'a.ini')).exit).toBe(5)
    expect((await kytos(cwd, 'restore', 'old', '-c', 'a.ini', '--overwrite', '--keep-tokens')).exit).toBe(0)
    expect(Object.keys((await contentsOf(a)).texts).filter(key => key.startsWith('tokens/'))).toEqual([])
    expect((await kytos(cwd, 'restore', 'old', '-c', 'a.ini', '--overwrite')).exit).toBe(0)
    await expect
      .poll(
        async () => (await controller.ask('kytos.settings.retrieve', { namespace: 'kytos/napp_0' })).data.n,
        { timeout: 10_000 },
      )
      .toBe(6)
    await expect.poll(() => controller.service.health().state, { timeout: 10_000 }).toBe('READY')
    const after = await controller.ask('kytos.settings.update', { namespace: 'kytos/napp_0', data: { n: 7 } })
    expect(after.epoch).toBeGreaterThan(before.epoch)
    expect(after.version).toBe(before.version)
    expect(await controller.ask('kytos.storehouse.list', { namespace: 'kytos.flows' })).not.toContain('later')
    expect(controller.service.health().repairs).toBe(0)
  })

  it('refuses an archive that is cut off or changed, and writes nothing', async () => {
    const cwd = await freshFolder()
    const etcd = await etcdForTest()
    const [a] = [await iniFor(cwd, 'a'), await iniFor(cwd, 'b', etcd)]
    await furnish(a, { namespaces: 3, boxes: 50 })
    expect((await kytos(cwd, 'backup', 'good', '-c', 'a.ini')).exit).toBe(0)
    expect(await kytos(cwd, 'backup', 'good', '-c', 'a.ini')).toMatchObject({
      exit: 5,
      output: expect.stringContaining('--overwrite'),
    })
    const good = await readFile(join(cwd, 'good'))
    const revision = await etcd.revision()
    const changed = Buffer.from(good)
    changed[1_000] = (changed[1_000] ?? 0) ^ 1
    for (const bad of [good.subarray(0, good.length - 20), good.subarray(0, 700), changed]) {
      await writeFile(join(cwd, 'bad'), bad)
      const refused = await kytos(cwd, 'restore', 'bad', '-c', 'b.ini')
      expect(refused).toMatchObject({
        exit: 1,
        output: expect.stringMatching(/not a complete settings archive.*Nothing was written/),
      })
    }
    expect(await etcd.revision()).toBe(revision)
  })
})

import { existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { loadBackend } from '../../src/boot/backend-registry.ts'
import { createRandom } from '../chaos/random.ts'
import { openController } from '../support/controller.ts'
import type { EtcdServer } from '../support/etcd.ts'
import { withoutMeta } from '../support/store-contents.ts'
import { freshFolder, kytosSettings, type Process } from './host-process.ts'
import { choiceOf, contentsOf, etcdForTest, furnish, iniFor, kytos, putByHand } from './moving-ground.ts'

const SMALL = { namespaces: 3, boxes: 10 }

/** Kills a process as soon as the target holds that much. */
async function killAt(run: Process, most: number, size: () => Promise<number>): Promise<void> {
  while (run.child.exitCode === null && (await size()) < most) await delay(20)
  run.child.kill('SIGKILL')
  await run.ended
}

async function bytesIn(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => [])
  const sizes = await Promise.all(
    names.filter(name => name.endsWith('.log')).map(async name => (await stat(join(folder, name))).size),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

async function keysBelow(etcd: EtcdServer, prefix: string): Promise<number> {
  const { count } = await etcd.client.kv.range({
    key: Buffer.from(`${prefix}/`),
    range_end: Buffer.from(`${prefix}0`),
    count_only: true,
  })
  return Number(count)
}

describe('copy', () => {
  const legs = [
    { to: 'etcd', boxes: process.env.CHAOS_LONG ? 10_000 : 2_500, kills: [0.3, 0.8] },
    // Each box gets a file there, synced: most of the time of this test.
    { to: 'a folder', boxes: process.env.CHAOS_LONG ? 10_000 : 1_000, kills: [0.8] },
  ]
  it.for(legs)(
    'of 20 NApps and $boxes boxes into $to is killed at random points, run again, and is equal',
    { timeout: 120_000 },
    async leg => {
      const cwd = await freshFolder()
      const etcd = await etcdForTest()
      const random = createRandom(leg.boxes)
      const into = leg.to === 'etcd'
      const [a, b] = [await iniFor(cwd, 'a', etcd), await iniFor(cwd, 'b', into ? etcd : undefined)]
      await furnish(a, { namespaces: 20, boxes: leg.boxes })
      const size = into ? () => keysBelow(etcd, '/b') : () => bytesIn(join(cwd, 'store-b/journal'))
      const whole = into ? leg.boxes : 350 * leg.boxes
      const args = ['copy', '--from', 'a.ini', '--to', 'b.ini']
      for (const share of leg.kills)
        await killAt(kytosSettings(cwd, ...args), random.between(1, whole * share), size)
      const last = kytosSettings(cwd, ...args)
      expect(await last.ended).toBe(0)
      expect(last.output()).toMatch(/Verified as equal/)
      expect(Number(/(\d+) unchanged/.exec(last.output())?.[1])).toBeGreaterThan(0)
      expect(withoutMeta(await contentsOf(b))).toEqual(withoutMeta(await contentsOf(a)))
    },
  )

  it('creates a store in which a service sees the same settings, history and boxes, and records only the edit that had no record', async () => {
    const cwd = await freshFolder()
    const etcd = await etcdForTest()
    const inis = [await iniFor(cwd, 'a'), await iniFor(cwd, 'b', etcd), await iniFor(cwd, 'c')]
    await furnish(inis[0] ?? '', SMALL)
    expect((await kytos(cwd, 'copy', '--from', 'a.ini', '--to', 'b.ini')).exit).toBe(0)
    expect((await kytos(cwd, 'copy', '--from', 'b.ini', '--to', 'c.ini')).exit).toBe(0)
    const seen = []
    for (const ini of inis) {
      const backend = await loadBackend(await choiceOf(ini))
      const before = await contentsOf(ini)
      const controller = await openController({ id: 'c-9', backend })
      onTestFinished(() => controller.close())
      // A service records the edit by hand soon.
      const newest = async () =>
        (await controller.ask('kytos.settings.history', { namespace: 'kytos/napp_2' }))[0]
      await expect.poll(async () => (await newest())?.actor.type).toBe('file')
      const settings = []
      for (const { namespace } of await controller.ask('kytos.settings.list', {})) {
        const {
          revision: _,
          epoch: __,
          updated_at: ___,
          ...rest
        } = await controller.ask('kytos.settings.retrieve', { namespace })
        // The record of the edit by hand is of now.
        const history = await controller.ask('kytos.settings.history', { namespace })
        settings.push({
          ...rest,
          version: 0,
          history: history
            .filter(({ actor }) => actor.type !== 'file')
            .map(({ revision: ____, ...record }) => record),
        })
      }
      const boxes = await controller.ask('kytos.storehouse.list', { namespace: 'kytos.flows' })
      await controller.close()
      const after = await contentsOf(ini)
      expect(Object.keys(after.texts).filter(key => !(key in before.texts))).toEqual([
        'history/settings/kytos/napp_2/000000000007',
      ])
      seen.push({
        settings,
        boxes,
        facts: controller.facts.filter(({ name }) => name === 'settings.rejected').length,
      })
    }
    expect(seen[1]).toEqual(seen[0])
    expect(seen[2]).toEqual(seen[0])
    expect(seen[0]).toMatchObject({ facts: 0, boxes: expect.arrayContaining(['999999001.ü']) })
  })

  it('rejects a target with other data, and names the differences; --overwrite makes it equal', async () => {
    const cwd = await freshFolder()
    const etcd = await etcdForTest()
    const [a, b] = [await iniFor(cwd, 'a'), await iniFor(cwd, 'b', etcd)]
    await furnish(a, SMALL)
    await putByHand(b, 'settings/kytos/napp_0', '{"n":5}')
    await putByHand(b, 'settings/kytos/else', '{}')
    const before = await etcd.revision()
    const refused = await kytos(cwd, 'copy', '--from', 'a.ini', '--to', 'b.ini')
    expect(refused.exit).toBe(5)
    expect(refused.output).toMatch(
      /contains other data: 1 documents differ \(settings\/kytos\/napp_0\); 1 documents exist only there \(settings\/kytos\/else\)\. Nothing was written\..*--overwrite/,
    )
    const dry = await kytos(
      cwd,
      'copy',
      '--from',
      'a.ini',
      '--to',
      'b.ini',
      '--overwrite',
      '--dry-run',
      '--json',
    )
    expect(JSON.parse(dry.output.slice(dry.output.indexOf('{\n')))).toMatchObject({
      dry_run: true,
      replaced: 1,
      removed: 1,
      same: 0,
      epoch: null,
    })
    expect(await etcd.revision()).toBe(before)
    expect((await kytos(cwd, 'copy', '--from', 'a.ini', '--to', 'b.ini', '--overwrite')).exit).toBe(0)
    expect(withoutMeta(await contentsOf(b))).toEqual(withoutMeta(await contentsOf(a)))
  })

  it('lists the boxes that do not fit before anything is moved; --skip-oversized leaves them out', async () => {
    const cwd = await freshFolder()
    const etcd = await etcdForTest()
    const [a, b] = [await iniFor(cwd, 'a'), await iniFor(cwd, 'b', etcd)]
    await furnish(a, SMALL)
    const large = JSON.stringify({ data: 'x'.repeat(2_000_000) })
    await putByHand(a, 'boxes/big/one', large)
    await putByHand(a, 'boxes/big/two', large)
    const refused = await kytos(cwd, 'copy', '--from', 'a.ini', '--to', 'b.ini')
    expect(refused.exit).toBe(4)
    expect(refused.output).toMatch(
      /2 documents are too large.*\n {2}boxes\/big\/one: 2000011 bytes\n {2}boxes\/big\/two: 2000011 bytes\n/,
    )
    expect(await keysBelow(etcd, '/b')).toBe(0)
    const skipped = await kytos(cwd, 'copy', '--from', 'a.ini', '--to', 'b.ini', '--skip-oversized')
    expect(skipped.exit).toBe(0)
    expect(skipped.output).toContain('Skipped, too large for the target: boxes/big/one (2000011 bytes)')
    const { texts } = await contentsOf(b)
    expect(Object.keys(texts)).toHaveLength(Object.keys((await contentsOf(a)).texts).length - 2)
  })

  it('reports the remedy for a folder that is open, absent, the same, or partly filled', async () => {
    const cwd = await freshFolder()
    const [a, b] = [await iniFor(cwd, 'a'), await iniFor(cwd, 'b'), await iniFor(cwd, 'absent')]
    await furnish(a, SMALL)
    expect(await kytos(cwd, 'copy', '--from', 'a.ini', '--to', 'a.ini')).toMatchObject({
      exit: 2,
      output: expect.stringContaining('same store'),
    })
    expect(await kytos(cwd, 'copy', '--from', 'absent.ini', '--to', 'a.ini')).toMatchObject({
      exit: 2,
      output: expect.stringContaining('does not exist or is empty'),
    })
    const dry = await kytos(cwd, 'copy', '--from', 'a.ini', '--to', 'b.ini', '--dry-run')
    expect(dry).toMatchObject({ exit: 0, output: expect.stringContaining('nothing was written') })
    expect([existsSync(join(cwd, 'store-b')), existsSync(join(cwd, 'store-absent'))]).toEqual([false, false])
    const service = kytosSettings(cwd, 'start', '-c', 'a.ini')
    await service.ready
    const locked = await kytos(cwd, 'copy', '--from', 'a.ini', '--to', 'b.ini')
    expect(locked).toMatchObject({
      exit: 1,
      output: expect.stringMatching(/Stop its service to copy the folder.*backup FILE/),
    })
    service.child.kill('SIGTERM')
    await service.ended
    await putByHand(b, 'meta/store', '{"format":1,"filling":{"from":"x","at":"t"}}')
    const started = await kytos(cwd, 'start', '-c', 'b.ini')
    expect(started).toMatchObject({
      exit: 1,
      output: expect.stringMatching(/a copy from x started at t.*run the same/),
    })
  })
})

import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask } from '../../events/ask.ts'
import type { Ask } from '../../src/import/ask.ts'
import { importSources } from '../../src/import/import.ts'
import { readSource, type Source } from '../../src/import/source.ts'
import type { Controller } from '../support/controller.ts'
import { createStore, fingerprint, open } from '../unit/settings/stores.ts'

const FLOWS = 400

let folder: string
let sources: readonly Source[]
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kytos-storehouse-'))
  execFileSync('python3', [
    fileURLToPath(new URL('import-storehouse.py', import.meta.url)),
    folder,
    String(FLOWS),
  ])
  sources = await readSource(folder, { cwd: '/' })
})
afterAll(async () => {
  await rm(folder, { recursive: true })
})

const asker = (controller: Controller, type: 'import' | 'napp' = 'import'): Ask => {
  const view = controller.root.view({ type, name: 'storehouse' })
  return (name, content) => ask(view, name, content)
}
const bring = (
  controller: Controller,
  options: { overwrite?: boolean; dryRun?: boolean; progress?: (done: number, total: number) => void } = {},
) => importSources(asker(controller), sources, { overwrite: false, dryRun: false, ...options })

describe('the import of a folder of storehouse', () => {
  it('imports every valid box with its data, its time and its place in the list; the others are reported, and no code of them runs', async () => {
    const controller = await open(createStore())
    const steps: number[] = []
    const trial = await bring(controller, { dryRun: true })
    const report = await bring(controller, { progress: (done, total) => steps.push(done / total) })
    expect(trial).toEqual({ ...report, dry_run: true })
    expect(report.counts).toEqual({ new: FLOWS + 6, changed: 0, same: 0, skipped: 8 })
    expect(steps).toHaveLength(FLOWS + 6)
    expect(steps.at(-1)).toBe(1)
    const skipped = report.items
      .filter(({ action }) => action === 'skipped')
      .map(({ file, reason }) => [relative(folder, file), reason])
    expect(Object.fromEntries(skipped)).toEqual({
      'broken/bytes': 'it contains bytes, which JSON cannot represent',
      'broken/cut': 'it is truncated',
      'broken/empty': 'it is empty',
      'broken/evil': expect.stringContaining('posix.system'),
      'broken/folder': 'a box must be a regular file, not a folder',
      'broken/link': 'a box must be a regular file',
      'broken/text': expect.any(String),
      stray: 'the folder of a namespace must be a folder',
    })
    expect(existsSync(join(folder, 'ran'))).toBe(false)

    expect(await controller.ask('kytos.storehouse.list', { namespace: 'kytos.mef_eline.circuits' })).toEqual([
      'zz',
      'mm',
      'aa',
    ])
    expect(
      await controller.ask('kytos.storehouse.retrieve', {
        namespace: 'kytos.mef_eline.circuits',
        box_id: 'zz',
      }),
    ).toMatchObject({
      data: { evc: { queue_id: null, bandwidth: 2n ** 63n } },
      created_at: '2020-01-02T03:04:01.678901Z',
      owner: null,
    })
    const flows = await controller.ask('kytos.storehouse.list', { namespace: 'kytos.flow.persistence' })
    const boxes = await Promise.all(
      flows.map(box_id =>
        controller.ask('kytos.storehouse.retrieve', { namespace: 'kytos.flow.persistence', box_id }),
      ),
    )
    const times = boxes.map(box => (box ? box.created_at : ''))
    expect(flows).toHaveLength(FLOWS)
    expect(times).toEqual([...times].sort())
    expect(report.items.find(({ name }) => name === 'tuple')).toMatchObject({
      action: 'new',
      reason: 'dates became strings; sets became arrays; tuples became arrays',
    })
    expect(report.items.find(({ name }) => name === 'untimed')).toMatchObject({
      action: 'new',
      reason: expect.stringMatching(/time of the import.*"other"/),
    })
  })

  it('changes nothing when repeated, resumes after a stop, and replaces a box with other data only on request', async () => {
    const store = createStore()
    const controller = await open(store)
    const stop = new AbortController()
    const stopped = importSources(asker(controller), sources, {
      overwrite: false,
      dryRun: false,
      signal: stop.signal,
      progress: done => done === 100 && stop.abort(),
    })
    await expect(stopped).rejects.toThrow('aborted')
    expect((await bring(controller)).counts.same).toBeGreaterThanOrEqual(100)
    const before = fingerprint(store)
    expect((await bring(controller)).counts).toEqual({ new: 0, changed: 0, same: FLOWS + 6, skipped: 8 })
    expect(fingerprint(store)).toBe(before)

    const box = { namespace: 'broken', box_id: 'good' }
    await controller.ask('kytos.storehouse.update', { ...box, data: 'edited', method: 'PUT' })
    expect((await bring(controller)).items.find(({ name }) => name === 'good')).toMatchObject({
      action: 'skipped',
      reason: expect.stringContaining('other data'),
    })
    expect(await controller.ask('kytos.storehouse.retrieve', box)).toMatchObject({ data: 'edited' })
    expect((await bring(controller, { overwrite: true })).counts).toMatchObject({ changed: 1 })
    expect(await controller.ask('kytos.storehouse.retrieve', box)).toMatchObject({
      data: 'stays',
      created_at: '2020-01-02T03:04:02.678901Z',
    })
  })

  it('sets the creation time of a box, which no NApp may', async () => {
    const controller = await open(createStore())
    const box = { namespace: 'net', box_id: 'a', data: 1, created_at: '2020-01-02T03:04:05.678901Z' }
    // That of a NApp is ignored, as in storehouse 1.3.2.
    const own = await asker(controller, 'napp')('kytos.storehouse.create', { ...box, box_id: 'own' })
    expect(own.created_at).not.toBe(box.created_at)
    for (const created_at of ['yesterday', '2020-13-01T00:00:00Z', '2020-01-02', 5]) {
      // What the type forbids comes over the wire.
      await expect(
        asker(controller)('kytos.storehouse.create', { ...box, created_at: created_at as string }),
      ).rejects.toMatchObject({
        code: 'BOX_MALFORMED',
      })
    }
    expect(await asker(controller)('kytos.storehouse.create', box)).toMatchObject({
      created_at: box.created_at,
    })
  })
})

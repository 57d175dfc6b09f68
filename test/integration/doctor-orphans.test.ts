import { describe, expect, it } from 'vitest'
import { createSchemaDocument, printSchemaDocument } from '../../src/schema/schema-document.ts'
import { doctor, runRepair } from './doctor-stage.ts'
import { freshFolder, kytosSettings } from './host-process.ts'
import { iniFor, kytos, putByHand } from './moving-ground.ts'

/** A new store in a folder, opened by commands of the controller `c-a` without a service. */
async function storeOf(...sets: readonly (readonly string[])[]) {
  const cwd = await freshFolder()
  const ini = await iniFor(cwd, 'a')
  for (const args of sets) await kytos(cwd, 'set', 'kytos/x', ...args, '--new', '-c', 'a.ini')
  return { cwd, ini }
}

describe('the doctor, of what no controller uses,', () => {
  it('names overrides of another id in a folder, and its command moves them to a controller without any', async () => {
    const { cwd } = await storeOf(['n=1', '--scope', 'controller:old-host'])
    const found = (await doctor(cwd, 'a.ini')).find('controller.unseen')
    expect(found).toMatchObject({ severity: 'warning', where: 'old-host' })
    expect(found.what).toContain('"c-a", has none')
    await runRepair(cwd, found)
    expect((await doctor(cwd, 'a.ini')).codes).not.toContain('controller.unseen')
    const moved = await kytos(cwd, 'get', 'kytos/x', 'n', '--scope', 'controller', '-c', 'a.ini')
    expect(moved.output).toContain('1')
  })

  it('names overrides of another id beside its own as a hint, and its command deletes them', async () => {
    const { cwd } = await storeOf(['n=1', '--scope', 'controller:old-host'], ['n=2', '--scope', 'controller'])
    const found = (await doctor(cwd, 'a.ini')).find('controller.unseen')
    expect(found).toMatchObject({ severity: 'hint', where: 'old-host' })
    await runRepair(cwd, found)
    expect((await doctor(cwd, 'a.ini')).codes).not.toContain('controller.unseen')
  })

  it('names schemas of several versions, and its command removes the one that counts without a NApp', async () => {
    const { cwd, ini } = await storeOf(['n=1'])
    for (const version of ['1.0', '2.0']) {
      const schema = { properties: { n: { default: Number(version) } } }
      const document = createSchemaDocument(schema, {}, version)
      await putByHand(ini, `schemas/kytos/x/${document.digest}`, printSchemaDocument(document))
    }
    const found = (await doctor(cwd, 'a.ini')).find('schema.versions')
    expect(found).toMatchObject({ severity: 'hint', where: 'kytos/x' })
    expect(found.what).toMatch(/2 schemas .* version 2\.0/)
    await runRepair(cwd, found)
    expect((await doctor(cwd, 'a.ini')).codes).not.toContain('schema.versions')
    expect((await kytos(cwd, 'describe', 'kytos/x', '-c', 'a.ini')).output).toContain('kytos/x 1.0')
  })

  it('names settings of a NApp that was removed while the service runs, and its command removes them', async () => {
    const cwd = await freshFolder()
    await kytosSettings(cwd, 'start').ready
    const run = (...args: readonly string[]) => kytos(cwd, ...args, '-c', 'kytos.ini')
    const notLoaded = async () =>
      (await doctor(cwd, 'kytos.ini')).findings.filter(({ code }) => code === 'napp.not_loaded')
    await run('set', 'kytos/link_discovery', 'polling_time=5')
    expect(await notLoaded()).toEqual([])
    await run('napps', 'disable', 'kytos/link_discovery')
    await expect.poll(notLoaded, { timeout: 30_000, interval: 500 }).toHaveLength(1)
    expect((await run('list')).output).toMatch(/kytos\/link_discovery .* not loaded/)
    const [found] = await notLoaded()
    if (found) await runRepair(cwd, found)
    expect(found).toMatchObject({ severity: 'hint', where: 'kytos/link_discovery' })
    expect(await notLoaded()).toEqual([])
    expect((await run('list')).output).not.toContain('kytos/link_discovery')
  }, 60_000)
})

import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import { makeKey } from '../../model/key.ts'
import { packageRoot } from '../../src/host/package-root.ts'
import { enabled, installed } from '../unit/host/napps-tree.ts'
import { doctor, lastLog, runRepair } from './doctor-stage.ts'
import { freshFolder, kytosSettings } from './host-process.ts'
import { furnish, iniFor, kytos } from './moving-ground.ts'

const SMALL = { namespaces: 3, boxes: 10 }
const MEBIBYTE = 1024 * 1024

describe('the doctor', () => {
  it('finds no problem with a running service, examines it from outside, and also reports so as text', async () => {
    const cwd = await freshFolder()
    const ini = await iniFor(cwd, 'a')
    await furnish(ini, SMALL)
    const stopped = await doctor(cwd, 'a.ini')
    expect(stopped).toMatchObject({ exit: 0, broken: [], warnings: [], hints: ['service.stopped'] })
    const service = kytosSettings(cwd, 'start', '-c', 'a.ini')
    await service.ready
    expect(await doctor(cwd, 'a.ini')).toMatchObject({ exit: 0, broken: [], warnings: [], hints: [] })
    const people = kytosSettings(cwd, 'doctor', '-c', 'a.ini')
    expect(await people.ended).toBe(0)
    expect(people.output()).toMatch(
      /^ok {4}the configuration\nok {4}certificates and secrets\nok {4}the service of this host\n(.*\n)*0 broken, 1 warning, 3 hint\.\n$/,
    )
    // It takes connections, and nothing of it answers.
    service.child.kill('SIGSTOP')
    const silent = await doctor(cwd, 'a.ini')
    expect(silent).toMatchObject({ exit: 1, broken: ['service.silent', 'lock.held'] })
    expect(await runRepair(cwd, silent.find('service.silent'))).toContain(`pid=${service.child.pid},`)
    service.child.kill('SIGKILL')
    await service.ended
    expect(await doctor(cwd, 'a.ini')).toMatchObject({ exit: 0, warnings: ['service.gone'] })
  })

  it('finds a configuration that is absent or invalid, and its command copies one that is valid', async () => {
    const cwd = await freshFolder()
    const absent = await doctor(cwd, 'none.ini')
    expect(absent).toMatchObject({ exit: 1, broken: ['config.absent'] })
    await runRepair(cwd, absent.find('config.absent'))
    expect(await readFile(join(cwd, 'none.ini'), 'utf8')).toBe(
      await readFile(join(packageRoot(), 'kytos.example.ini'), 'utf8'),
    )
    expect(await doctor(cwd, 'none.ini')).toMatchObject({ exit: 0, broken: [] })
    await writeFile(join(cwd, 'bad.ini'), '[settings]\nbackend = filesytem\n')
    const wrong = await doctor(cwd, 'bad.ini')
    expect(wrong).toMatchObject({
      exit: 1,
      broken: ['config.invalid'],
      findings: [{ what: expect.stringContaining('bad.ini:2: [settings] backend') }],
    })
    await runRepair(cwd, wrong.find('config.invalid'), {}, 'sed -i s/filesytem/filesystem/')
    expect(await doctor(cwd, 'bad.ini')).toMatchObject({ exit: 0, broken: [] })
  })

  it('finds the holder of the lock, and a missing flock; its commands release the store', async () => {
    const cwd = await freshFolder()
    const [ini] = [await iniFor(cwd, 'a'), await iniFor(cwd, 'b')]
    await furnish(ini, SMALL)
    await writeFile(
      join(cwd, 'b.ini'),
      (await readFile(join(cwd, 'b.ini'), 'utf8')).replace('store-b', 'store-a'),
    )
    const holder = kytosSettings(cwd, 'start', '-c', 'a.ini')
    await holder.ready
    const held = await doctor(cwd, 'b.ini')
    expect(held).toMatchObject({ exit: 1, broken: ['lock.held'] })
    expect(held.find('lock.held').what).toMatch(new RegExp(`^Process ${holder.child.pid} on `))
    await runRepair(cwd, held.find('lock.held'))
    await holder.ended
    expect((await doctor(cwd, 'b.ini')).broken).toEqual([])
    const { PATH } = process.env
    try {
      process.env.PATH = cwd
      expect((await doctor(cwd, 'a.ini')).broken).toEqual(['lock.command'])
    } finally {
      process.env.PATH = PATH
    }
  })

  it('finds a journal with a torn end, its kept remainder, and a damaged one; changes nothing, and its commands repair them', async () => {
    const cwd = await freshFolder()
    const ini = await iniFor(cwd, 'a')
    await furnish(ini, SMALL)
    await kytos(cwd, 'backup', 'whole.archive', '-c', 'a.ini')
    const log = await lastLog(cwd, 'store-a')
    const whole = await readFile(log)
    await writeFile(log, whole.subarray(0, whole.length - 3))
    const torn = await doctor(cwd, 'a.ini')
    expect(torn).toMatchObject({ exit: 0, warnings: ['journal.torn'] })
    expect((await stat(log)).size).toBe(whole.length - 3)
    // Any command that opens the store cuts it off, as the start does.
    await kytos(cwd, 'set', 'kytos/napp_0', 'n=5', '-c', 'a.ini')
    const kept = await doctor(cwd, 'a.ini')
    expect(kept).toMatchObject({ exit: 0, warnings: [], hints: ['service.stopped', 'journal.kept'] })
    await runRepair(cwd, kept.find('journal.kept'))
    expect((await readdir(join(cwd, 'store-a', 'journal'))).filter(name => name.endsWith('.torn'))).toEqual(
      [],
    )
    const damaged = Buffer.from(whole)
    damaged[Math.floor(whole.length / 2)] = (damaged[Math.floor(whole.length / 2)] ?? 0) ^ 0xff
    await writeFile(log, damaged)
    const ill = await doctor(cwd, 'a.ini')
    expect(ill).toMatchObject({ exit: 1, broken: ['journal.damaged'] })
    expect(await readFile(log)).toEqual(damaged)
    await runRepair(cwd, ill.find('journal.damaged'), { FILE: 'whole.archive' })
    expect(await doctor(cwd, 'a.ini')).toMatchObject({ exit: 0, broken: [], warnings: [] })
    expect((await kytos(cwd, 'history', 'kytos/napp_2', '-c', 'a.ini')).output).toMatch(/^6 /m)
  })

  it('finds a journal that is not compacted; the first change after a start makes it small', async () => {
    const cwd = await freshFolder()
    const ini = await iniFor(cwd, 'a')
    await furnish(ini, SMALL)
    // One that never finds the time for it.
    const never = { log: 1e12, tail: 1e12, ratio: 1e12 }
    const backend = createFilesystemBackend(
      { path: join(cwd, 'store-a') },
      { report: () => {} },
      { compaction: never },
    )
    await backend.open()
    for (const put of ['x', 'y', 'z', 'x', 'y'].map(letter => letter.repeat(14 * MEBIBYTE)))
      await backend.commit([{ key: makeKey('meta', 'a'), put }])
    await backend.commit([{ key: makeKey('meta', 'a'), delete: true }])
    await backend.close()
    const large = await doctor(cwd, 'a.ini')
    expect(large).toMatchObject({ exit: 0, warnings: ['journal.large'] })
    expect(large.find('journal.large').what).toMatch(/^It has 70 MiB for 0\.0 MiB of content/)
    const service = kytosSettings(cwd, 'start', '-c', 'a.ini')
    await service.ready
    await kytos(cwd, 'set', 'kytos/napp_0', 'n=5', '-c', 'a.ini')
    await expect.poll(async () => (await doctor(cwd, 'a.ini')).codes, { timeout: 10_000 }).toEqual([])
  })

  it('finds NApps in a cycle, without their dependencies, or unreadable; its commands repair them', async () => {
    const cwd = await freshFolder()
    const ini = await iniFor(cwd, 'a')
    const root = join(cwd, 'napps')
    await enabled(root, 'z/one', '', { napp_dependencies: ['z/two'] })
    await enabled(root, 'z/two', '', { napp_dependencies: ['z/one', 'z/off', 'z/nowhere'] })
    await installed(root, 'z/off', '')
    await enabled(root, 'z/early', '', { priority: 5, napp_dependencies: ['z/late'] })
    await enabled(root, 'z/late', '', { priority: 90 })
    await writeFile(join(await enabled(root, 'z/bad', ''), 'napp.json'), '{')
    await writeFile(ini, (await readFile(ini, 'utf8')).replace('["kytos/settings"]', '[]'))
    const found = await doctor(cwd, 'a.ini')
    expect(found).toMatchObject({
      exit: 1,
      broken: ['napp.broken', 'napp.cycle', 'napp.settings'],
      warnings: ['napp.missing', 'napp.missing'],
    })
    expect(found.hints).toContain('napp.priority')
    await runRepair(cwd, found.find('napp.broken'))
    await runRepair(cwd, found.find('napp.cycle'), {}, 'sed -i s,"z/two",,')
    await runRepair(cwd, found.find('napp.settings'))
    await runRepair(cwd, found.find('napp.missing'))
    await runRepair(cwd, found.find('napp.priority'), {}, 'sed -i s/5/95/')
    const better = await doctor(cwd, 'a.ini')
    expect(better).toMatchObject({ exit: 0, broken: [], warnings: ['napp.missing'] })
    expect(better.hints.filter(code => code.startsWith('napp'))).toEqual(['napp.broken'])
    const folder = join(cwd, 'elsewhere')
    await mkdir(folder)
    await writeFile(join(folder, 'napp.json'), '{"username":"z","name":"nowhere","main":"main.mjs"}')
    await writeFile(join(folder, 'main.mjs'), '')
    await runRepair(cwd, better.find('napp.missing'), { FOLDER: folder })
    expect((await doctor(cwd, 'a.ini')).warnings).toEqual([])
  })

  it('names a file with any name as the shell takes it', async () => {
    const cwd = await freshFolder()
    const ini = await iniFor(cwd, 'a')
    await rename(ini, join(cwd, "it's a.ini"))
    await writeFile(
      join(cwd, "it's a.ini"),
      (await readFile(join(cwd, "it's a.ini"), 'utf8')).replace('path = store-a', "path = it's a store"),
    )
    await furnish(join(cwd, "it's a.ini"), SMALL)
    await writeFile(join(cwd, "it's a store", 'settings', 'kytos', 'napp_2.json'), '{"n": ')
    const found = await doctor(cwd, "it's a.ini")
    expect(found).toMatchObject({ exit: 0, warnings: ['file.broken'] })
    await runRepair(cwd, found.find('file.broken'), {}, 'sed -i s/$/7}/')
    expect((await doctor(cwd, "it's a.ini")).warnings).toEqual([])
  })
})

import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Finding } from '../../src/doctor/finding.ts'
import { runIn } from '../unit/cli/cli-world.ts'
import { enabled } from '../unit/host/napps-tree.ts'
import { freshFolder, kytosSettings } from './host-process.ts'
import { etcdForTest, furnish, iniFor, putByHand } from './moving-ground.ts'

const SMALL = { namespaces: 3, boxes: 10 }

/** What the doctor says of a kytos.ini, and its exit code. */
async function doctor(cwd: string, ini: string) {
  const { exit, stdout } = await runIn(cwd, ['doctor', '-c', ini, '--json'])
  const said: { readonly healthy: boolean; readonly findings: readonly Finding[]; readonly unknown: readonly string[] } = JSON.parse(stdout)
  expect(said.healthy).toBe(exit === 0)
  for (const { repair } of said.findings) expect(repair).not.toBe('')
  const codes = (severity: string) => said.findings.filter(finding => finding.severity === severity).map(({ code }) => code)
  return { exit, ...said, broken: codes('broken'), warnings: codes('warning'), hints: codes('hint') }
}

async function lastLog(cwd: string, store: string): Promise<string> {
  const folder = join(cwd, store, 'journal')
  const logs = (await readdir(folder)).filter(name => name.endsWith('.log')).sort()
  return join(folder, logs.at(-1) ?? '')
}

describe('the doctor', () => {
  it('finds nothing wrong with a service that runs, looks beside it, and says so for people too', async () => {
    const cwd = await freshFolder()
    const ini = await iniFor(cwd, 'a')
    await furnish(ini, SMALL)
    const stopped = await doctor(cwd, 'a.ini')
    expect(stopped).toMatchObject({ exit: 0, broken: [], warnings: [], hints: expect.arrayContaining(['service.stopped']) })
    const service = kytosSettings(cwd, 'start', '-c', 'a.ini')
    await service.ready
    expect(await doctor(cwd, 'a.ini')).toMatchObject({ exit: 0, broken: [], warnings: [], hints: [] })
    const people = kytosSettings(cwd, 'doctor', '-c', 'a.ini')
    expect(await people.ended).toBe(0)
    expect(people.output()).toMatch(/^well {2}the configuration\nwell {2}the service of this host\n(.*\n)*0 broken, 0 warning, 0 hint\.\n$/)
    service.child.kill('SIGKILL')
    await service.ended
    expect(await doctor(cwd, 'a.ini')).toMatchObject({ exit: 0, warnings: ['service.gone'] })
  })

  it('finds a configuration that is not there, or not right', async () => {
    const cwd = await freshFolder()
    expect(await doctor(cwd, 'none.ini')).toMatchObject({ exit: 1, broken: ['config.absent'] })
    await writeFile(join(cwd, 'bad.ini'), '[settings]\nbackend = paper\n')
    expect(await doctor(cwd, 'bad.ini')).toMatchObject({
      exit: 1,
      broken: ['config.invalid'],
      findings: [{ what: expect.stringContaining('backend') }],
    })
  })

  it('finds folders that others may write, secrets that all can read, and files that are not there', async () => {
    const cwd = await freshFolder()
    const ini = await iniFor(cwd, 'a')
    await furnish(ini, SMALL)
    await chmod(join(cwd, 'store-a'), 0o777)
    const open = await doctor(cwd, 'a.ini')
    expect(open).toMatchObject({ exit: 1, broken: ['folder.open'] })
    expect(open.findings.find(({ code }) => code === 'folder.open')?.repair).toBe(`chmod 700 ${join(cwd, 'store-a')}`)
    const etcd = await etcdForTest()
    const file = await iniFor(cwd, 'b', etcd)
    await writeFile(file, `${await readFile(file, 'utf8')}username = kytos\npassword_file = password\n`)
    expect((await doctor(cwd, 'b.ini')).broken).toEqual(expect.arrayContaining(['config.credentials', 'secret.absent']))
    await writeFile(join(cwd, 'password'), 'secret\n', { mode: 0o644 })
    const readable = await doctor(cwd, 'b.ini')
    expect(readable.warnings).toContain('secret.readable')
    // A user is named, and this etcd has none.
    expect(readable.broken).toContain('etcd.unreachable')
    expect(JSON.stringify(readable)).not.toContain('secret\\n')
  })

  it('finds who holds the lock, a journal whose end is torn, and one that is damaged; and changes nothing', async () => {
    const cwd = await freshFolder()
    const [ini] = [await iniFor(cwd, 'a'), await iniFor(cwd, 'b')]
    await furnish(ini, SMALL)
    const other = (await readFile(join(cwd, 'b.ini'), 'utf8')).replace('store-b', 'store-a')
    await writeFile(join(cwd, 'b.ini'), other)
    const holder = kytosSettings(cwd, 'start', '-c', 'a.ini')
    await holder.ready
    const held = await doctor(cwd, 'b.ini')
    expect(held).toMatchObject({ exit: 1, broken: ['lock.held'] })
    expect(held.findings.find(({ code }) => code === 'lock.held')?.repair).toContain(`kill ${holder.child.pid}`)
    holder.child.kill('SIGTERM')
    await holder.ended
    const log = await lastLog(cwd, 'store-a')
    const whole = await readFile(log)
    await writeFile(log, whole.subarray(0, whole.length - 3))
    expect(await doctor(cwd, 'a.ini')).toMatchObject({ exit: 0, warnings: ['journal.torn'] })
    expect((await stat(log)).size).toBe(whole.length - 3)
    const damaged = Buffer.from(whole)
    damaged[Math.floor(whole.length / 2)] = (damaged[Math.floor(whole.length / 2)] ?? 0) ^ 0xff
    await writeFile(log, damaged)
    expect(await doctor(cwd, 'a.ini')).toMatchObject({ exit: 1, broken: ['journal.damaged'] })
    expect(await readFile(log)).toEqual(damaged)
  })

  it('finds overrides that do not validate, secrets in the clear, clocks that differ, and a store that is not whole', async () => {
    const cwd = await freshFolder()
    const ini = await iniFor(cwd, 'a')
    await furnish(ini, SMALL)
    await putByHand(ini, 'settings/kytos/napp_0', '{"n":"many"}')
    const schema = { type: 'object', properties: { login: { properties: { password: { 'x-sensitive': true } } } } }
    await putByHand(ini, 'schemas/kytos/secretive/d1', JSON.stringify({ schema, seed: {}, napp_version: null }))
    await putByHand(ini, 'settings/kytos/secretive', '{"login":{"password":"hunter2"}}')
    const record = (version: number, controller: string, at: string) =>
      JSON.stringify({
        version,
        kind: 'updated',
        data: {},
        actor: { type: 'user', name: 'a' },
        controller,
        comment: null,
        at,
        write_id: `w${version}`,
      })
    await putByHand(ini, 'history/settings/kytos/x/000000000001', record(1, 'ahead', '2026-01-01T00:01:00Z'))
    await putByHand(ini, 'history/settings/kytos/x/000000000002', record(2, 'behind', '2026-01-01T00:00:00Z'))
    const ill = await doctor(cwd, 'a.ini')
    expect(ill).toMatchObject({ exit: 1, broken: ['overrides.invalid'], warnings: ['secret.plain', 'clock.skew'] })
    expect(ill.findings.find(({ code }) => code === 'overrides.invalid')).toMatchObject({
      where: 'kytos/napp_0',
      what: expect.stringMatching(/\/n.*version 6 counts in their place/),
      repair: 'kytos-settings edit kytos/napp_0',
    })
    expect(ill.findings.find(({ code }) => code === 'clock.skew')?.what).toMatch(/ahead was at least 60 s ahead of that of behind/)
    expect(JSON.stringify(ill)).not.toContain('hunter2')
    await putByHand(ini, 'meta/store', '{"format":1,"filling":{"from":"x","at":"t"}}')
    expect(await doctor(cwd, 'a.ini')).toMatchObject({ exit: 1, broken: ['store.format'] })
  })

  it('finds NApps that go in a circle, lack what they depend on, or cannot be read', async () => {
    const cwd = await freshFolder()
    await iniFor(cwd, 'a')
    const root = join(cwd, 'napps')
    await enabled(root, 'z/one', '', { napp_dependencies: ['z/two'] })
    await enabled(root, 'z/two', '', { napp_dependencies: ['z/one', 'z/nowhere'] })
    await enabled(root, 'z/early', '', { priority: 5, napp_dependencies: ['z/late'] })
    await enabled(root, 'z/late', '', { priority: 90 })
    const folder = await enabled(root, 'z/bad', '')
    await writeFile(join(folder, 'napp.json'), '{')
    const found = await doctor(cwd, 'a.ini')
    expect(found).toMatchObject({ exit: 1, broken: expect.arrayContaining(['napp.broken', 'napp.cycle']), warnings: ['napp.missing'] })
    expect(found.hints).toContain('napp.priority')
  })

  it('finds an etcd that is away, open, full, or not compacted', async () => {
    const cwd = await freshFolder()
    const etcd = await etcdForTest('--quota-backend-bytes=6000000')
    const ini = await iniFor(cwd, 'a', etcd)
    await furnish(ini, SMALL)
    const well = await doctor(cwd, 'a.ini')
    expect(well).toMatchObject({ exit: 0, broken: [] })
    expect(well.hints).toEqual(expect.arrayContaining(['etcd.open', 'etcd.compaction_off']))
    const filled = await fill(() => etcd.client.put('fill').value('x'.repeat(400_000)).exec(), 500)
    expect(filled).toMatch(/space exceeded/)
    const full = await doctor(cwd, 'a.ini')
    expect(full).toMatchObject({ exit: 1, broken: ['etcd.no_space'] })
    expect(full.findings.find(({ code }) => code === 'etcd.no_space')?.repair).toContain('alarm disarm')
    await etcd.kill()
    expect(await doctor(cwd, 'a.ini')).toMatchObject({ exit: 1, broken: ['etcd.unreachable'] })
  })
})

async function fill(put: () => Promise<unknown>, times: number): Promise<string> {
  try {
    for (let n = 0; n < times; n++) await put()
  } catch (error) {
    return String(error)
  }
  return 'there was room for all of it'
}

import { execFile } from 'node:child_process'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { outdated } from '../../backends/etcd/version.ts'
import { makeKey } from '../../model/key.ts'
import { startEtcd } from '../support/etcd.ts'
import { makeCertificates } from '../support/etcd-tls.ts'
import { doctor, runRepair } from './doctor-stage.ts'
import { freshFolder } from './host-process.ts'
import { etcdForTest, furnish, iniFor, inStore } from './moving-ground.ts'

const SMALL = { namespaces: 3, boxes: 10 }

/** Puts texts in the place of others in a kytos.ini, which must be there. */
async function change(
  ini: string,
  ...changes: readonly (readonly [from: string, to: string])[]
): Promise<void> {
  const text = await readFile(ini, 'utf8')
  await writeFile(
    ini,
    changes.reduce((now, [from, to]) => {
      expect(now).toContain(from)
      return now.replace(from, to)
    }, text),
  )
}

describe('the doctor, of an etcd,', () => {
  it('finds an empty store, missing authentication, missing compaction, its version, and an etcd that is away', async () => {
    const cwd = await freshFolder()
    const etcd = await etcdForTest()
    const ini = await iniFor(cwd, 'a', etcd)
    const empty = await doctor(cwd, 'a.ini')
    expect(empty).toMatchObject({
      exit: 0,
      broken: [],
      hints: ['service.stopped', 'etcd.compaction_off', 'etcd.open', 'store.none'],
    })
    const { stdout } = await promisify(execFile)(process.env.ETCD_BINARY ?? 'etcd', ['--version'])
    const [, version = ''] = /etcd Version: (\S+)/.exec(stdout) ?? []
    expect(empty.warnings).toEqual(outdated(version) === undefined ? [] : ['etcd.outdated'])
    if (empty.warnings.length > 0) expect(empty.find('etcd.outdated').what).toContain(version)
    const before = await etcd.revision()
    expect(before).toBe(1n)
    await furnish(ini, SMALL)
    expect((await doctor(cwd, 'a.ini')).hints).not.toContain('store.none')
    await etcd.kill()
    const away = await doctor(cwd, 'a.ini')
    expect(away).toMatchObject({ exit: 1, broken: ['etcd.unreachable'] })
    expect(away.find('etcd.unreachable').where).toBe(etcd.endpoint)
    await etcd.restart()
    expect(await runRepair(cwd, away.find('etcd.unreachable'))).toMatch(/is healthy/)
  })

  it('finds one that fills up, and one that is full, and its repairs free space in both', async () => {
    const cwd = await freshFolder()
    const etcd = await etcdForTest('--quota-backend-bytes=6000000')
    await furnish(await iniFor(cwd, 'a', etcd), SMALL)
    const put = (length = 400_000) => etcd.client.put('fill').value('x'.repeat(length)).exec()
    const size = async () => Number((await etcd.client.maintenance.status()).dbSize)
    while ((await size()) < 4_950_000) {
      await put(100_000)
      // Before it answers, it has what it holds written to its file, and knows how large that is.
      await etcd.client.maintenance.hash()
    }
    const filling = await doctor(cwd, 'a.ini')
    expect(filling).toMatchObject({ exit: 0, warnings: expect.arrayContaining(['etcd.filling']) })
    expect(filling.find('etcd.filling').what).toMatch(/^It uses (8|9)\d % of its quota of 6000000 bytes;/)
    const [before, revision] = [await size(), await etcd.revision()]
    await runRepair(cwd, filling.find('etcd.filling'))
    expect(await size()).toBeLessThan(before / 3)
    expect((await doctor(cwd, 'a.ini')).codes).not.toContain('etcd.filling')
    expect(await etcd.revision()).toBe(revision)
    expect(await fill(() => put(), 500)).toMatch(/space exceeded/)
    const full = await doctor(cwd, 'a.ini')
    expect(full).toMatchObject({ exit: 1, broken: ['etcd.no_space'] })
    await runRepair(cwd, full.find('etcd.no_space'))
    expect((await doctor(cwd, 'a.ini')).broken).toEqual([])
    await put()
  })

  it('finds a user that it refuses, that may not write, or that may not read all; and how to let only users in does so', async () => {
    const cwd = await freshFolder()
    const etcd = await etcdForTest()
    const ini = await iniFor(cwd, 'a', etcd)
    await furnish(ini, SMALL)
    const open = (await doctor(cwd, 'a.ini')).find('etcd.open')
    expect(open.severity).toBe('hint')
    await runRepair(cwd, open, {
      'user add root': 'user add root:r00t',
      'user add kytos': 'user add kytos:hunter2',
    })
    const nobody = await doctor(cwd, 'a.ini')
    expect(nobody).toMatchObject({ exit: 1, broken: ['etcd.refused'] })
    expect(nobody.find('etcd.refused').what).toMatch(
      /requires a user name and a password; check username and password_file/,
    )
    const password = join(cwd, 'password')
    await change(ini, ['prefix = /a', 'prefix = /a\nusername = kytos\npassword_file = password'])
    await writeFile(password, 'hunter2\n', { mode: 0o600 })
    const well = await doctor(cwd, 'a.ini')
    expect(well).toMatchObject({ exit: 0, broken: [] })
    expect(well.codes).not.toContain('etcd.open')
    await inStore(ini, backend => backend.commit([{ key: makeKey('meta', 'x'), put: '1' }]))

    const etcdctl = (command: string) =>
      promisify(execFile)('etcdctl', [
        '--endpoints',
        etcd.endpoint,
        '--user',
        'root:r00t',
        ...command.split(' '),
      ])
    await etcdctl('role revoke-permission kytos --prefix=true /a/')
    expect((await doctor(cwd, 'a.ini')).find('etcd.refused').what).toMatch(
      /lacks permission to read and write below the prefix/,
    )
    await etcdctl('role grant-permission kytos --prefix=true read /a/')
    const readOnly = await doctor(cwd, 'a.ini')
    expect(readOnly).toMatchObject({ exit: 1, broken: ['etcd.readonly'] })
    await runRepair(cwd, readOnly.find('etcd.readonly'), { ROLE: 'kytos', '--user root': '--user root:r00t' })
    expect((await doctor(cwd, 'a.ini')).broken).toEqual([])
    await etcdctl('role revoke-permission kytos --prefix=true /a/')
    await etcdctl('role grant-permission kytos readwrite /a/ /a/settings0')
    const partly = await doctor(cwd, 'a.ini')
    expect(partly).toMatchObject({ exit: 1, broken: ['etcd.unreadable'] })
    expect(partly.find('etcd.unreadable').what).toMatch(/lacks permission to read and write below the prefix/)
    await writeFile(password, 'wrong\n')
    const refused = await doctor(cwd, 'a.ini')
    expect(refused.find('etcd.refused').what).toMatch(/the user name or the password is wrong/)
    // Its version is readable without authentication.
    expect(refused.codes.includes('etcd.outdated')).toBe(well.codes.includes('etcd.outdated'))
  })

  it('finds certificates that run out, that etcd does not accept, or that have the key of another, and asks with those that it has', async () => {
    const cwd = await freshFolder()
    const etcd = await startEtcd({ tls: { clients: true } })
    onTestFinished(() => etcd.stop())
    const ini = await iniFor(cwd, 'a', etcd)
    const folder = etcd.certificates?.folder ?? ''
    await change(ini, [
      'prefix = /a',
      `prefix = /a\nca = ${folder}/ca.pem\ncert = ${folder}/client.pem\nkey = ${folder}/client-key.pem`,
    ])
    await furnish(ini, SMALL)
    const well = await doctor(cwd, 'a.ini')
    // They are good for a day.
    expect(well).toMatchObject({
      exit: 0,
      broken: [],
      warnings: expect.arrayContaining(['certificate.expiring', 'certificate.expiring']),
    })
    expect(well.find('certificate.expiring').repair).toMatch(
      /^openssl req -new -key .*client-key\.pem -subj \/CN=client -out .*client\.pem\.csr/,
    )
    expect(well.codes).not.toContain('etcd.open')
    const others = await makeCertificates(cwd)
    await change(ini, [`${folder}/client-key.pem`, `${others.folder}/client-key.pem`])
    const foreign = await doctor(cwd, 'a.ini')
    expect(foreign).toMatchObject({
      exit: 1,
      broken: ['certificate.key'],
      unknown: [expect.stringContaining('the state of etcd')],
    })
    await change(ini, [`${folder}/client.pem`, `${others.folder}/client.pem`])
    expect((await doctor(cwd, 'a.ini')).broken).toEqual(['etcd.refused'])
    await change(
      ini,
      [`${others.folder}/client.pem`, `${folder}/client.pem`],
      [`${others.folder}/client-key.pem`, `${folder}/client-key.pem`],
    )
    await change(ini, [`${folder}/ca.pem`, `${others.folder}/ca.pem`])
    expect((await doctor(cwd, 'a.ini')).find('etcd.refused').what).toMatch(
      /not signed by a trusted authority/,
    )
    await change(ini, [`${others.folder}/ca.pem`, `${folder}/ca.pem`])
    await etcd.kill()
    const away = await doctor(cwd, 'a.ini')
    await etcd.restart()
    expect(await runRepair(cwd, away.find('etcd.unreachable'))).toMatch(/is healthy/)
    await rm(`${folder}/ca.pem`)
    expect((await doctor(cwd, 'a.ini')).broken).toEqual(['file.absent'])
  })

  it('finds that it is not on this host and spoken to in the clear, and a clock that differs', async () => {
    const cwd = await freshFolder()
    const etcd = await etcdForTest()
    // An address of this host that is not a loopback address.
    const ini = await iniFor(cwd, 'a', { ...etcd, endpoint: etcd.endpoint.replace('127.0.0.1', '0.0.0.0') })
    expect((await doctor(cwd, 'a.ini')).warnings).toEqual(expect.arrayContaining(['etcd.open', 'etcd.plain']))
    await change(ini, ['0.0.0.0', '127.0.0.1'])
    const now = Date.now
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => now() + 60_000)
    onTestFinished(() => clock.mockRestore())
    const late = await doctor(cwd, 'a.ini')
    expect(late.find('clock.etcd').what).toMatch(/^Its clock is (59|60) s behind this host's\.$/)
    clock.mockImplementation(() => now() + 1_000)
    expect((await doctor(cwd, 'a.ini')).codes).not.toContain('clock.etcd')
  })

  it.each([
    ['--auto-compaction-retention=5m', /^It keeps 300 s of history: /],
    ['--auto-compaction-mode=revision --auto-compaction-retention=1000', /^It keeps the last 1000 changes: /],
  ])('finds that %s keeps little', async (flags, what) => {
    const cwd = await freshFolder()
    await iniFor(cwd, 'a', await etcdForTest(...flags.split(' ')))
    const found = await doctor(cwd, 'a.ini')
    expect(found.find('etcd.compaction_short').what).toMatch(what)
    expect(found.codes).not.toContain('etcd.compaction_off')
  })

  it('reports no finding about one that keeps an hour of history', async () => {
    const cwd = await freshFolder()
    await iniFor(cwd, 'a', await etcdForTest('--auto-compaction-retention=1h'))
    expect((await doctor(cwd, 'a.ini')).codes.filter(code => code.startsWith('etcd.compaction'))).toEqual([])
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

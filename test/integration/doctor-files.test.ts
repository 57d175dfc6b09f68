import { spawnSync } from 'node:child_process'
import { chmod, chown, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { makeDatedCertificate } from '../support/dated-certificate.ts'
import { runIn } from '../unit/cli/cli-world.ts'
import { enabled } from '../unit/host/napps-tree.ts'
import { doctor, doctorAsNobody, NOBODY, runRepair } from './doctor-stage.ts'
import { freshFolder } from './host-process.ts'
import { etcdForTest, furnish, iniFor } from './moving-ground.ts'

const SMALL = { namespaces: 3, boxes: 2 }

/** A folder that others may pass through, with a kytos.ini that they may read. */
async function openFolder(): Promise<string> {
  const cwd = await freshFolder()
  await chmod(cwd, 0o755)
  return cwd
}

/** Mounts a small file system in memory that goes away with the test; false where this user may not. */
function mount(folder: string, options: string): boolean {
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]).status !== 0) return false
  onTestFinished(() => void spawnSync('umount', ['-l', folder]))
  return true
}

const isMountable = spawnSync('unshare', ['-m', 'true']).status === 0

describe('the doctor, of folders,', () => {
  it('finds folders that others may write or read, and a path that is not a folder, and its commands repair them', async () => {
    const cwd = await freshFolder()
    await furnish(await iniFor(cwd, 'a'), SMALL)
    const [store, journal] = [join(cwd, 'store-a'), join(cwd, 'store-a', 'journal')]
    await chmod(store, 0o777)
    await chmod(journal, 0o755)
    const open = await doctor(cwd, 'a.ini')
    expect(open).toMatchObject({ exit: 1, broken: ['folder.open'], warnings: ['folder.readable'] })
    expect(open.find('folder.open')).toMatchObject({ where: store, repair: `chmod 700 ${store}` })
    await runRepair(cwd, open.find('folder.open'))
    await runRepair(cwd, open.find('folder.readable'))
    expect((await stat(journal)).mode & 0o777).toBe(0o700)
    expect(await doctor(cwd, 'a.ini')).toMatchObject({ exit: 0, warnings: [] })
    await rename(store, `${store} it's`)
    await writeFile(store, '')
    const none = await doctor(cwd, 'a.ini')
    expect(none.find('folder.none').where).toBe(store)
    await runRepair(cwd, none.find('folder.none'))
    expect((await doctor(cwd, 'a.ini')).codes).toEqual(['service.stopped', 'store.none'])
  })

  it('finds files that this user may not use, and its commands make them usable', async () => {
    const cwd = await openFolder()
    const ini = await iniFor(cwd, 'a')
    await furnish(ini, SMALL)
    await mkdir(join(cwd, 'state-a', 'c-a'), { recursive: true })
    await writeFile(join(cwd, 'state-a', 'c-a', 'service.json'), '{}')
    await enabled(join(cwd, 'napps'), 'z/one', '')
    // The user of the service is the owner of its state.
    if (NOBODY !== undefined) await chown(join(cwd, 'state-a', 'c-a'), NOBODY, NOBODY)
    for (const folder of ['state-a/c-a', 'store-a', 'napps']) await chmod(join(cwd, folder), 0)
    const lacking = await doctorAsNobody(ini)
    expect(lacking.codes).toEqual(
      expect.arrayContaining(['service.unreadable', 'folder.unwritable', 'napps.unreadable']),
    )
    // Each folder once, and not again for what lies in it.
    expect(lacking.broken.filter(code => code === 'folder.unwritable')).toHaveLength(2)
    expect(lacking.find('service.unreadable').repair).toMatch(
      /^sudo -u "#\$\(sudo stat -c %u .*state-a\/c-a\)" kytos-settings doctor -c .*a\.ini /,
    )
    for (const code of ['folder.unwritable', 'napps.unreadable'] as const)
      await runRepair(cwd, lacking.find(code))
    const journal = await doctorAsNobody(ini)
    expect(journal.codes).not.toContain('napps.unreadable')
    expect(journal.find('folder.unwritable').where).toBe(join(cwd, 'store-a'))
    await runRepair(cwd, journal.find('folder.unwritable'))
    expect((await doctorAsNobody(ini)).broken).toEqual(['service.unreadable'])
  })

  it.runIf(NOBODY !== undefined)(
    'of another user calls nothing well or absent, and has no repair that takes it away',
    async () => {
      const cwd = await openFolder()
      const ini = await iniFor(cwd, 'a')
      await furnish(ini, SMALL)
      await mkdir(join(cwd, 'state-a', 'c-a'), { recursive: true })
      await writeFile(join(cwd, 'state-a', 'c-a', 'service.json'), '{}', { mode: 0o600 })
      await enabled(join(cwd, 'napps'), 'z/one', '')
      for (const folder of ['state-a', 'store-a', 'napps']) await chmod(join(cwd, folder), 0o700)
      const found = await doctorAsNobody(ini)
      expect(found.codes).not.toContain('store.none')
      expect(found.broken.filter(code => code === 'user.other')).toHaveLength(3)
      for (const finding of found.findings.filter(({ code }) => code === 'user.other'))
        expect(finding).toMatchObject({
          what: 'User 65534 may not look into it: it belongs to user 0.',
          repair: expect.stringMatching(/^sudo -u "#0" kytos-settings doctor -c .*a\.ini/),
        })
      expect(found.unknown).toContainEqual(expect.stringMatching(/^the store: user 65534 may not look into/))
      for (const { repair } of found.findings) expect(repair).not.toMatch(/chown|chmod|install -d/)
      // The journal alone, as the service makes it.
      for (const folder of ['state-a', 'store-a', 'napps']) await chmod(join(cwd, folder), 0o755)
      await chmod(join(cwd, 'store-a', 'journal'), 0o700)
      const journal = await doctorAsNobody(ini)
      expect(journal.codes).not.toContain('store.none')
      expect(journal.unknown).toContainEqual(expect.stringContaining(join(cwd, 'store-a', 'journal')))
      for (const { repair } of journal.findings) expect(repair).not.toMatch(/chown|chmod 6|install -d/)
    },
  )

  it('finds a folder that this user could not make, and never asks for the whole of one that is not ours', async () => {
    const cwd = await openFolder()
    const ini = await iniFor(cwd, 'a')
    await writeFile(ini, (await readFile(ini, 'utf8')).replace('path = store-a', 'path = locked/deep/store'))
    await mkdir(join(cwd, 'locked'), { mode: 0o555 })
    const nowhere = await doctorAsNobody(ini)
    const locked = nowhere.findings.filter(
      ({ severity, where }) => severity === 'broken' && where.includes('/locked/'),
    )
    expect(locked).toMatchObject([
      {
        code: 'folder.unwritable',
        where: join(cwd, 'locked', 'deep', 'store'),
        what: expect.stringMatching(/cannot create this folder in .*\/locked\.$/),
        repair: expect.stringMatching(/^sudo install -d -m 700 -o \d+ .*\/locked\/deep\/store$/),
      },
    ])
    // Who runs the tests without the rights of root has none to go through a locked folder.
    await chmod(join(cwd, 'locked'), 0o755)
    for (const finding of locked) await runRepair(cwd, finding)
    expect(
      (await doctorAsNobody(ini)).findings.filter(
        ({ severity, where }) => severity === 'broken' && where.includes('/locked/'),
      ),
    ).toEqual([])
  })
})

describe('the doctor, of files that the configuration names,', () => {
  it('finds secrets that all can read, and files that are not there or not for this user', async () => {
    const cwd = await openFolder()
    const ini = await iniFor(cwd, 'b', await etcdForTest())
    const secret = 'x'.repeat(40)
    await writeFile(
      ini,
      `${await readFile(ini, 'utf8')}username = kytos\npassword_file = password\n`.replace(
        '[settings]',
        `jwt_secret = ${secret}\n[settings]`,
      ),
    )
    const absent = await doctor(cwd, 'b.ini')
    expect(absent).toMatchObject({ exit: 1, broken: ['file.absent'], warnings: ['secret.readable'] })
    expect(absent.unknown).toEqual([expect.stringContaining('the state of etcd')])
    // What was not looked at is not called well.
    expect((await runIn(cwd, ['doctor', '-c', 'b.ini'])).stdout).toMatch(
      /^ {6}etcd\n {2}unknown {2}the state of etcd/m,
    )
    expect(absent.find('file.absent').where).toBe(join(cwd, 'password'))
    await writeFile(join(cwd, 'password'), 'hunter2\n', { mode: 0o644 })
    const readable = await doctor(cwd, 'b.ini')
    expect(readable.warnings.filter(code => code === 'secret.readable')).toHaveLength(2)
    expect(readable.broken).toEqual(['etcd.refused'])
    await runRepair(cwd, readable.find('secret.readable'))
    expect((await doctor(cwd, 'b.ini')).find('secret.readable').where).toBe(ini)
    for (const said of [absent, readable]) expect(JSON.stringify(said)).not.toMatch(/hunter2|xxxx/)
    await chmod(join(cwd, 'password'), 0)
    if (NOBODY !== undefined) {
      expect((await doctorAsNobody(ini)).find('file.unreadable').repair).toMatch(
        /^sudo -u "#0" kytos-settings/,
      )
      await mkdir(join(cwd, 'state-b', 'c-b'), { recursive: true })
      await chown(join(cwd, 'state-b', 'c-b'), NOBODY, NOBODY)
    }
    const unreadable = await doctorAsNobody(ini)
    expect(unreadable.broken.filter(code => code !== 'folder.unwritable')).toEqual(['file.unreadable'])
    await runRepair(cwd, unreadable.find('file.unreadable'))
    expect((await stat(join(cwd, 'password'))).mode & 0o777).toBe(0o600)
    expect((await doctorAsNobody(ini)).broken).toContain('etcd.refused')
    await writeFile(join(cwd, 'password'), '\n')
    expect((await doctor(cwd, 'b.ini')).find('config.credentials').what).toMatch(
      /password_file .*\/password is empty/,
    )
  })

  it('finds a certificate of the service that runs out, ran out, or has the key of another', async () => {
    const cwd = await freshFolder()
    const ini = await iniFor(cwd, 'a')
    const withTls = async (cert: string, key: string): Promise<void> => {
      const text = (await readFile(ini, 'utf8')).replaceAll(/tls_.*\n/g, '')
      await writeFile(ini, text.replace('[settings]\n', `[settings]\ntls_cert = ${cert}\ntls_key = ${key}\n`))
    }
    const told = async (): Promise<readonly string[]> =>
      (await doctor(cwd, 'a.ini')).codes.filter(code => !/\.(stopped|none)$/.test(code))
    const fresh = await makeDatedCertificate(cwd, 'fresh', -1, 90)
    await withTls(fresh.cert, fresh.key)
    expect(await told()).toEqual([])
    for (const [name, from, to, code] of [
      ['old', -9, -1, 'certificate.expired'],
      ['early', 1, 90, 'certificate.early'],
      ['soon', -80, 10, 'certificate.expiring'],
    ] as const) {
      const { cert, key } = await makeDatedCertificate(cwd, name, from, to)
      await withTls(cert, key)
      expect(await told()).toEqual([code])
    }
    await withTls(fresh.cert, join(cwd, 'old-key.pem'))
    expect(await told()).toEqual(['certificate.key'])
    await chmod(join(cwd, 'fresh-key.pem'), 0o644)
    await withTls(fresh.cert, fresh.key)
    expect(await told()).toEqual(['secret.readable'])
    await rm(fresh.cert)
    expect(await told()).toEqual(['file.absent', 'secret.readable'])
    await writeFile(fresh.cert, 'none')
    expect(await told()).toEqual(['secret.readable', 'config.credentials'])
  })
})

// Needs file systems that are nearly full, which only who may mount can make.
describe.skipIf(!isMountable)('the doctor, of disks,', () => {
  it.each([
    ['size=2m', 'broken', 'disk.full', /[12] MiB left: changes are rejected when it is full\.$/],
    ['size=100m', 'warnings', 'disk.little', /\d\d MiB left: changes are rejected/],
    ['size=900m,nr_inodes=500', 'broken', 'disk.full', /Its disk has 4\d\d free inodes left/],
  ] as const)('finds one of %s', async (options, severity, code, what) => {
    const cwd = await freshFolder()
    await iniFor(cwd, 'a')
    await mkdir(join(cwd, 'store-a'), { mode: 0o700 })
    expect(mount(join(cwd, 'store-a'), `${options},mode=0700`)).toBe(true)
    const found = await doctor(cwd, 'a.ini')
    expect(found[severity]).toEqual([code])
    expect(found.find(code)).toMatchObject({ where: join(cwd, 'store-a'), what: expect.stringMatching(what) })
    expect(await runRepair(cwd, found.find(code))).toMatch(/tmpfs/)
  })

  it('finds one that is read-only, and its command makes it writable', async () => {
    const cwd = await freshFolder()
    await iniFor(cwd, 'a')
    const store = join(cwd, 'store-a')
    await mkdir(store, { mode: 0o700 })
    expect(mount(store, 'size=900m,mode=0700,ro')).toBe(true)
    const found = await doctor(cwd, 'a.ini')
    expect(found.find('folder.unwritable')).toMatchObject({
      where: store,
      what: 'Its file system is read-only.',
    })
    await runRepair(cwd, found.find('folder.unwritable'))
    expect((await doctor(cwd, 'a.ini')).codes).not.toContain('folder.unwritable')
  })

  it('finds a mount on a readable file, and a read-only mount above some; its commands remove both', async () => {
    const cwd = await freshFolder()
    await furnish(await iniFor(cwd, 'a'), SMALL)
    const napps = join(cwd, 'store-a', 'settings', 'kytos')
    const file = join(napps, 'napp_0.json')
    await writeFile(join(cwd, 'other'), await readFile(file))
    expect(spawnSync('mount', ['--bind', join(cwd, 'other'), file]).status).toBe(0)
    onTestFinished(() => void spawnSync('umount', ['-l', file]))
    const mounted = await doctor(cwd, 'a.ini')
    expect(mounted).toMatchObject({ exit: 0, warnings: ['file.unwritable'] })
    expect(mounted.find('file.unwritable').where).toBe(file)
    await runRepair(cwd, mounted.find('file.unwritable'))
    expect((await doctor(cwd, 'a.ini')).warnings).toEqual([])
    expect(mount(napps, 'size=900m,mode=0700,ro')).toBe(true)
    const covered = await doctor(cwd, 'a.ini')
    expect(covered.warnings).toEqual(['file.missing', 'file.missing', 'file.unwritable'])
    expect(covered.find('file.unwritable')).toMatchObject({
      where: napps,
      what: expect.stringMatching(/its file system is read-only\.$/),
    })
    await runRepair(cwd, covered.find('file.unwritable'))
    expect((await doctor(cwd, 'a.ini')).warnings).toEqual(['file.missing', 'file.missing'])
    expect(spawnSync('umount', [napps]).status).toBe(0)
    expect((await doctor(cwd, 'a.ini')).warnings).toEqual([])
  })
})

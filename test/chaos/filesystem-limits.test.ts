import { spawnSync } from 'node:child_process'
import { chmod, chown, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Problem } from '../../backends/backend.ts'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import { toSettingsError } from '../../model/errors.ts'
import { makeKey } from '../../model/key.ts'
import { type Controller, openController } from '../support/controller.ts'
import { compileProgram, type Program } from './filesystem-compile.ts'
import { type Holder, startHolder } from './filesystem-holders.ts'

/*
 * Limits that the system itself sets: a largest file, a full file system, one that is read-only, folders that
 * belong to somebody else.
 */

const SOON = { timeout: 8_000, interval: 20 }
const isRoot = process.getuid?.() === 0
/** Who has no rights of a superuser; undefined where we have none ourselves. */
const NOBODY = isRoot ? 65_534 : undefined

let program: Program
let folder = ''
let holders: Holder[] = []
let mounts: string[] = []
beforeAll(async () => {
  program = await compileProgram('filesystem-holder')
})
afterAll(() => program.remove())
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kytos-limits-'))
  if (NOBODY !== undefined) await chown(folder, NOBODY, NOBODY)
})
afterEach(async () => {
  for (const holder of holders) await holder.kill()
  for (const mount of mounts.reverse()) spawnSync('umount', ['-l', mount])
  holders = []
  mounts = []
  await rm(folder, { recursive: true, force: true })
})

describe('A process that may write no larger files', () => {
  it('refuses with STORE_FULL, keeps nothing of the write that came short, and goes on when it may again', async () => {
    // One of our own user: another's limits may not be changed everywhere.
    const holder = hold(process.getuid?.())
    await holder.ask('open')
    for (let count = 1; count <= 5; count++)
      expect(await holder.ask(`put meta/a${count} 1000`)).toBe(`ok ${count}`)
    const log = join(folder, 'journal', '000000000001.log')
    const before = await readFile(log)
    limit(holder.pid, before.length + 300)
    expect(await holder.ask('put meta/b 1000')).toMatch(/^STORE_FULL/)
    expect(await readFile(log)).toEqual(before)
    expect(await holder.ask('put meta/c 10')).toBe('ok 6')
    expect(await holder.ask('put meta/d 1000')).toMatch(/^STORE_FULL/)
    limit(holder.pid, 'unlimited')
    expect(await holder.ask('put meta/e 1000')).toBe('ok 7')
    await holder.kill()
    const store = createFilesystemBackend(
      { path: folder },
      { report: problem => expect.fail(problem.message) },
    )
    await store.open()
    const names = ['a5', 'b', 'c', 'd', 'e']
    const there = await Promise.all(
      names.map(async name => (await store.get(makeKey('meta', name))) !== undefined),
    )
    expect(there).toEqual([true, false, true, false, true])
    await store.close()
  })
})

// A file system that can be filled, or be made read-only, has to be mounted, which only root may do.
describe.skipIf(!mayMount())('A service whose disk is full', () => {
  it('answers STORE_FULL, reads on, keeps every answer true, and writes again once there is room; the files follow', {
    timeout: 40_000,
  }, async () => {
    mount('-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder)
    const path = join(folder, 'store')
    const ballast = join(folder, 'ballast')
    const acked: number[] = []
    const update = (controller: Controller, count: number) =>
      controller
        .ask('kytos.settings.update', {
          namespace: 'kytos/a',
          data: { [`n${count}`]: count, padding: 'x'.repeat(5_000) },
        })
        .then(
          () => void acked.push(count),
          error => expect(error).toMatchObject({ code: 'STORE_FULL', status: 503 }),
        )
    await withService(path, async controller => {
      await update(controller, 0)
      const room = spawnSync('df', ['--output=avail', '-B1', folder], { encoding: 'utf8' }).stdout.split(
        '\n',
      )[1]
      await writeFile(ballast, Buffer.alloc(Number(room) - 100_000))
      for (let count = 1; count <= 30; count++) await update(controller, count)
      expect(acked.length).toBeLessThan(31)
      expect(controller.service.health().state).toBe('READY')
      expect(
        numbersIn((await controller.ask('kytos.settings.retrieve', { namespace: 'kytos/a' })).data),
      ).toEqual(acked)
      await rm(ballast)
      await update(controller, 1_000)
      expect(acked.at(-1)).toBe(1_000)
      await vi.waitFor(
        async () =>
          expect(await readFile(join(path, 'settings', 'kytos', 'a.json'), 'utf8')).toContain('"n1000"'),
        SOON,
      )
    })
    await withService(path, async controller => {
      expect(
        numbersIn((await controller.ask('kytos.settings.retrieve', { namespace: 'kytos/a' })).data),
      ).toEqual(acked)
      const history = await controller.ask('kytos.settings.history', { namespace: 'kytos/a', limit: 50 })
      expect(history.map(({ actor }) => actor.type)).not.toContain('file')
      expect(history).toHaveLength(acked.length)
    })
  })
})

describe.skipIf(!mayMount())('A file system that is read-only', () => {
  it('cannot be opened, which is said, and can once it is writable, with all that is there', async () => {
    const path = join(folder, 'store')
    await mkdir(path)
    const first = createFilesystemBackend({ path }, { report: () => {} })
    await first.open()
    await first.commit([{ key: makeKey('settings', 'kytos', 'a'), put: '{"a":1}' }])
    await first.close()
    makeReadOnly(path)
    const store = createFilesystemBackend({ path }, { report: () => {} })
    expect(await store.open().catch(toSettingsError)).toMatchObject({
      code: 'STORE_UNWRITABLE',
      message: expect.stringContaining('read-only'),
    })
    await unmount(path)
    await store.open()
    expect((await store.get(makeKey('settings', 'kytos', 'a')))?.modRevision).toBe(1n)
    await store.close()
  })

  it('for the readable files only holds up no commit; they follow once it is writable', async () => {
    const { store, problems } = await openStore()
    await store.commit([{ key: makeKey('settings', 'kytos', 'a'), put: '{"a":1}' }])
    const file = join(folder, 'settings', 'kytos', 'a.json')
    await vi.waitFor(async () => expect(await readFile(file, 'utf8')).toContain('1'), SOON)
    makeReadOnly(join(folder, 'settings'))
    for (let a = 2; a <= 5; a++) {
      expect(
        await store.commit([{ key: makeKey('settings', 'kytos', 'a'), put: `{"a":${a}}` }]),
      ).toMatchObject({ committed: true })
    }
    await vi.waitFor(() => expect(problems.map(({ code }) => code)).toContain('FILE_UNWRITABLE'), SOON)
    await unmount(join(folder, 'settings'))
    await vi.waitFor(async () => expect(await readFile(file, 'utf8')).toBe('{\n  "a": 5\n}\n'), SOON)
    expect((await store.get(makeKey('settings', 'kytos', 'a')))?.modRevision).toBe(5n)
    expect(new Set(problems.map(({ message }) => message)).size).toBe(problems.length)
    await store.close()
  })

  it('for the journal refuses writes as soon as a new log is due, and takes them again once it is writable', async () => {
    const { store } = await openStore()
    makeReadOnly(join(folder, 'journal'))
    const acked: number[] = []
    const codes = new Set<string>()
    const put = (count: number) =>
      store.commit([{ key: makeKey('meta', `n${count}`), put: JSON.stringify('x'.repeat(500)) }]).then(
        () => void acked.push(count),
        error => void codes.add(toSettingsError(error).code),
      )
    for (let count = 0; count < 20; count++) await put(count)
    expect([...codes]).toEqual(['STORE_UNREACHABLE'])
    await unmount(join(folder, 'journal'))
    await put(100)
    expect(acked.at(-1)).toBe(100)
    await store.close()
    const again = await openStore()
    for (let count = 0; count <= 100; count++)
      expect((await again.store.get(makeKey('meta', `n${count}`))) !== undefined).toBe(acked.includes(count))
    await again.store.close()
  })
})

describe('A folder that this user may not write', () => {
  it('is refused as STORE_UNWRITABLE, and opened as soon as the user may', async () => {
    await chmod(folder, 0o500)
    const holder = hold()
    expect(await holder.ask('open')).toMatch(/^STORE_UNWRITABLE .*this user lacks write permission/)
    await chmod(folder, 0o700)
    expect(await holder.ask('open')).toBe('ok 0')
    expect((await stat(join(folder, 'journal'))).uid).toBe(NOBODY ?? process.getuid?.())
  })

  it('below the store keeps the commits that need no new file, and all of them over a restart', async () => {
    const holder = hold()
    await holder.ask('open')
    await chmod(join(folder, 'journal'), 0o500)
    expect(await holder.ask('put meta/a 10')).toBe('ok 1')
    await holder.kill()
    const next = hold()
    expect(await next.ask('open')).toBe('ok 0')
    expect(await next.ask('put meta/b 10')).toBe('ok 2')
    await chmod(join(folder, 'journal'), 0o700)
  })
})

function hold(uid = NOBODY): Holder {
  const holder = startHolder(program.file, folder, uid === undefined ? {} : { uid })
  holders.push(holder)
  return holder
}

function limit(pid: number, bytes: number | 'unlimited'): void {
  const { status, stderr } = spawnSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:`], {
    encoding: 'utf8',
  })
  expect(status, stderr).toBe(0)
}

async function openStore() {
  const problems: Problem[] = []
  const compaction = { log: 2_000, tail: 1e9, ratio: 1 }
  const store = createFilesystemBackend(
    { path: folder },
    { report: problem => problems.push(problem) },
    { compaction },
  )
  await store.open()
  return { store, problems }
}

async function withService(path: string, act: (controller: Controller) => Promise<void>): Promise<void> {
  const controller = await openController({
    backend: report => createFilesystemBackend({ path }, { report }),
  })
  try {
    await act(controller)
  } finally {
    await controller.close()
  }
}

function numbersIn(data: object): number[] {
  return Object.values(data).filter(value => typeof value === 'number')
}

function mayMount(): boolean {
  return isRoot && spawnSync('unshare', ['-m', 'true']).status === 0
}

function mount(...options: string[]): void {
  const { status, stderr } = spawnSync('mount', options, { encoding: 'utf8' })
  expect(status, stderr).toBe(0)
  mounts.push(options.at(-1) ?? '')
}

function makeReadOnly(path: string): void {
  mount('--bind', path, path)
  const { status, stderr } = spawnSync('mount', ['-o', 'remount,bind,ro', path], { encoding: 'utf8' })
  expect(status, stderr).toBe(0)
}

/** Unmounts once no folder below is open: the store of this process may just be listing it. */
async function unmount(path: string): Promise<void> {
  await vi.waitFor(() => {
    const { status, stderr } = spawnSync('umount', [path], { encoding: 'utf8' })
    expect(status, stderr).toBe(0)
  }, SOON)
  mounts = mounts.filter(each => each !== path)
}

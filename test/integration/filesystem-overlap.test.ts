import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import { EVERYTHING, makeKey } from '../../model/key.ts'
import { readAll } from '../../src/transfer/store-snapshot.ts'
import { freshFolder } from './host-process.ts'
import { iniFor, kytos } from './moving-ground.ts'

const DOCUMENT = makeKey('settings', 'kytos', 'a')

function backendAt(path: string) {
  const backend = createFilesystemBackend({ path }, { report: () => {} })
  onTestFinished(() => backend.close())
  return backend
}

/** Makes a store and leaves it. */
async function makeStore(path: string): Promise<void> {
  const backend = backendAt(path)
  await backend.open()
  await backend.commit([{ key: DOCUMENT, put: '{"n":1}' }])
  await backend.close()
}

const overlap = (path: string, other: string) =>
  expect.objectContaining({
    code: 'STORE_OVERLAP',
    exit: 1,
    details: { path, other },
    message: expect.stringContaining(other),
  })

describe('A store in a folder', () => {
  it.each([
    'settings',
    'boxes',
    'controllers',
    'controllers/c',
    'settings/kytos',
    'settings/a/b/c',
    'journal',
    'boxes/net',
  ])('is refused inside the documents of another one, and makes nothing there: %s', async rest => {
    const outer = join(await freshFolder(), 'store')
    await makeStore(outer)
    const before = (await readdir(outer, { recursive: true })).sort()
    await expect(backendAt(join(outer, rest)).open()).rejects.toEqual(overlap(join(outer, rest), outer))
    expect((await readdir(outer, { recursive: true })).sort()).toEqual(before)
  })

  it.each([
    'settings',
    'boxes',
    'controllers',
    'controllers/c',
    'controllers/c/kytos',
    'settings/kytos',
    'journal',
    'boxes/net',
  ])('is refused around another one, which stays as it was: %s', async rest => {
    const outer = join(await freshFolder(), 'store')
    await makeStore(join(outer, rest))
    await expect(backendAt(outer).open()).rejects.toEqual(overlap(outer, join(outer, rest)))
    const inner = backendAt(join(outer, rest))
    await inner.open()
    expect((await readAll(await inner.list(EVERYTHING))).map(({ key }) => key)).toEqual([DOCUMENT])
  })

  it('is refused where symbolic links lead among those documents', async () => {
    const cwd = await freshFolder()
    const outer = join(cwd, 'store')
    await makeStore(outer)
    await mkdir(join(outer, 'controllers'), { recursive: true })
    await symlink(join(outer, 'controllers'), join(cwd, 'link'))
    await expect(backendAt(join(cwd, 'link')).open()).rejects.toEqual(overlap(join(cwd, 'link'), outer))
    await expect(backendAt(join(cwd, 'link', 'c')).open()).rejects.toEqual(
      overlap(join(cwd, 'link', 'c'), outer),
    )
    const [other, third] = [join(cwd, 'other'), join(cwd, 'third')]
    await makeStore(other)
    await mkdir(third)
    await symlink(other, join(third, 'controllers'))
    await expect(backendAt(third).open()).rejects.toEqual(overlap(third, join(third, 'controllers')))
  })

  it('lies anywhere else in another one, and has documents called like its own folders', async () => {
    const outer = join(await freshFolder(), 'store')
    await makeStore(outer)
    for (const rest of ['tokens', 'backup/settings', 'settingsx']) await makeStore(join(outer, rest))
    const backend = backendAt(outer)
    await backend.open()
    const keys = [makeKey('boxes', 'journal', '000000000001.log'), makeKey('settings', 'journal', 'a')]
    await backend.commit(keys.map(key => ({ key, put: '{"data":1}' })))
    await backend.close()
    expect(await readFile(join(outer, 'settings/journal/a.json'), 'utf8')).toContain('"data": 1')
    const again = backendAt(outer)
    await again.open()
    expect((await readAll(await again.list(EVERYTHING))).map(({ key }) => key)).toEqual([
      keys[0],
      keys[1],
      DOCUMENT,
    ])
  })

  it('that overlaps is refused by every command that opens it', async () => {
    const cwd = await freshFolder()
    const ini = await iniFor(cwd, 'a')
    await makeStore(join(cwd, 'store-a'))
    const archived = await kytos(cwd, 'backup', 'a.archive', '-c', 'a.ini')
    expect(archived.exit).toBe(0)
    await writeFile(
      join(cwd, 'inner.ini'),
      (await readFile(ini, 'utf8')).replace('path = store-a', 'path = store-a/controllers'),
    )
    for (const args of [
      ['restore', 'a.archive', '--overwrite', '-c', 'inner.ini'],
      ['export', '-c', 'inner.ini'],
      ['copy', '--from', 'a.ini', '--to', 'inner.ini'],
    ]) {
      const { exit, output } = await kytos(cwd, ...args)
      expect([exit, output], args.join(' ')).toEqual([
        args[0] === 'export' ? 6 : 1,
        expect.stringContaining('overlaps the store at'),
      ])
    }
  })
})

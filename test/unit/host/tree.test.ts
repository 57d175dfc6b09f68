import { mkdir, readdir, readFile, readlink, rename, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { discover } from '../../../src/host/discover.ts'
import { linkShipped } from '../../../src/host/shipped.ts'
import { disable, enable, install } from '../../../src/host/tree.ts'
import { enabled, installed, temporaryTree, writeFiles } from './napps-tree.ts'

const MAIN = 'export default () => ({ setup() {} })'
const status = async (root: string) =>
  Object.fromEntries((await discover(root)).napps.map(napp => [napp.id, napp.enabled]))

describe('enabling and disabling', () => {
  it('creates and removes the relative link of Kytos, and returns whether it had to', async () => {
    const root = await temporaryTree()
    await installed(root, 'a/a', MAIN)
    expect(await enable(root, 'a/a')).toBe(true)
    expect(await readlink(join(root, 'a/a'))).toBe('../.installed/a/a')
    expect(await enable(root, 'a/a')).toBe(false)
    expect(await disable(root, 'a/a')).toBe(true)
    expect(await disable(root, 'a/a')).toBe(false)
    expect(await status(root)).toEqual({ 'a/a': false })
  })

  it('never deletes a NApp that is a folder of its own', async () => {
    const root = await temporaryTree()
    await writeFiles(join(root, 'a/a'), { 'napp.json': { username: 'a', name: 'a', main: 'm.js' } })
    await expect(disable(root, 'a/a')).rejects.toMatchObject({ code: 'NAPP_CONFLICT' })
    expect(await status(root)).toEqual({ 'a/a': true })
  })
})

describe('installing', () => {
  const source = async (version: string, files: Readonly<Record<string, string | object>> = {}) => {
    const folder = await temporaryTree()
    await writeFiles(folder, {
      'napp.json': { username: 'me', name: 'mine', main: 'main.mjs', version },
      'main.mjs': MAIN,
      'lib/a.mjs': '',
      ...files,
    })
    return folder
  }

  it('copies the folder, enables the NApp and leaves nothing else behind', async () => {
    const root = await temporaryTree()
    expect(await install(root, await source('1'), false)).toBe('me/mine')
    expect(await status(root)).toEqual({ 'me/mine': true })
    expect(await readdir(join(root, '.installed/me'))).toEqual(['mine'])
    expect(await readdir(join(root, '.installed/me/mine'))).toEqual(['lib', 'main.mjs', 'napp.json'])
  })

  it('replaces an installed NApp only when forced', async () => {
    const root = await temporaryTree()
    await install(root, await source('1'), false)
    await expect(install(root, await source('2'), false)).rejects.toMatchObject({ code: 'NAPP_CONFLICT' })
    expect((await discover(root)).napps[0]?.manifest.version).toBe('1')
    await install(root, await source('2'), true)
    expect((await discover(root)).napps[0]?.manifest.version).toBe('2')
    expect(await readdir(join(root, '.installed/me'))).toEqual(['mine'])
  })

  it('replaces a link without touching its target', async () => {
    const root = await temporaryTree()
    const elsewhere = await source('1')
    await mkdir(join(root, '.installed/me'), { recursive: true })
    await symlink(elsewhere, join(root, '.installed/me/mine'))
    await install(root, await source('2'), true)
    expect(await readFile(join(elsewhere, 'napp.json'), 'utf8')).toContain('"version":"1"')
  })

  it.each([
    ['has no manifest', { 'napp.json': '' }, /napp\.json is invalid/],
    [
      'was not built',
      { 'napp.json': { username: 'me', name: 'mine', main: 'dist/main.js' } },
      /the file "dist\/main.js" named by "main" does not exist/,
    ],
    [
      'lacks its schema',
      { 'napp.json': { username: 'me', name: 'mine', main: 'main.mjs', settings: 's.json' } },
      /the file "s.json" named by "settings" does not exist/,
    ],
  ])('refuses a folder that %s before anything is written', async (_, files, message) => {
    const root = await temporaryTree()
    await expect(install(root, await source('1', files), false)).rejects.toThrow(message)
    expect(await readdir(root)).toEqual([])
  })

  it('refuses to copy a folder into itself', async () => {
    const folder = await source('1')
    await expect(install(join(folder, 'napps'), folder, false)).rejects.toMatchObject({
      code: 'NAPP_CONFLICT',
    })
  })

  it('reports in one sentence that the tree cannot be written', async () => {
    const root = await temporaryTree()
    await writeFiles(root, { napps: 'a file' })
    await expect(install(join(root, 'napps', 'below'), await source('1'), false)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    })
  })
})

describe('a NApp that ships with the package', () => {
  const shipped = async () => {
    const folder = await temporaryTree()
    await writeFiles(folder, {
      'napp.json': { username: 'kytos', name: 'demo', main: 'main.mjs' },
      'main.mjs': MAIN,
    })
    return [{ id: 'kytos/demo', folder }]
  }

  it('is linked and enabled once, when it is wanted', async () => {
    const root = await temporaryTree()
    const napps = await shipped()
    expect(await linkShipped(root, [], napps)).toEqual([])
    expect(await status(root)).toEqual({})
    expect(await linkShipped(root, ['kytos/demo'], napps)).toEqual([])
    expect(await status(root)).toEqual({ 'kytos/demo': true })
    expect(await readlink(join(root, '.installed/kytos/demo'))).toBe(napps[0]?.folder)
  })

  it('stays disabled when it was disabled', async () => {
    const root = await temporaryTree()
    const napps = await shipped()
    await linkShipped(root, ['kytos/demo'], napps)
    await disable(root, 'kytos/demo')
    await linkShipped(root, ['kytos/demo'], napps)
    expect(await status(root)).toEqual({ 'kytos/demo': false })
  })

  it('is linked again after the package moved, with a message', async () => {
    const root = await temporaryTree()
    const [before] = await shipped()
    await linkShipped(root, ['kytos/demo'], before ? [before] : [])
    const moved = join(await temporaryTree(), 'moved')
    await rename(before?.folder ?? '', moved)
    const remarks = await linkShipped(root, ['kytos/demo'], [{ id: 'kytos/demo', folder: moved }])
    expect(remarks).toEqual([expect.stringContaining(`to ${moved}: its target`)])
    expect(await status(root)).toEqual({ 'kytos/demo': true })
  })

  it('leaves a NApp of the same id alone that was installed by hand', async () => {
    const root = await temporaryTree()
    await enabled(root, 'kytos/demo', MAIN, { version: 'mine' })
    await linkShipped(root, ['kytos/demo'], await shipped())
    expect((await discover(root)).napps[0]?.manifest.version).toBe('mine')
  })

  it('is distinguished from an unknown pre-installed name', async () => {
    const remarks = await linkShipped(await temporaryTree(), ['kytos/typo'], await shipped())
    expect(remarks).toEqual([
      expect.stringContaining('kytos/typo, which is neither shipped with this package nor installed'),
    ])
  })
})

import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { discover } from '../../../src/host/discover.ts'
import { enabled, installed, temporaryTree, writeFiles } from './napps-tree.ts'

const MAIN = 'export default () => ({ setup() {} })'

describe('discovery', () => {
  it('distinguishes enabled from installed by the link, and counts a plain folder as enabled', async () => {
    const root = await temporaryTree()
    const folder = await enabled(root, 'kytos/on', MAIN)
    await installed(root, 'kytos/off', MAIN)
    await writeFiles(join(root, 'me/plain'), { 'napp.json': { username: 'me', name: 'plain', main: 'm.js' } })
    const { napps, broken } = await discover(root)
    expect(napps.map(napp => [napp.id, napp.enabled])).toEqual([
      ['kytos/off', false],
      ['kytos/on', true],
      ['me/plain', true],
    ])
    expect(napps[1]?.folder).toBe(folder)
    expect(broken).toEqual([])
  })

  it('leaves Python alone: its NApps, its caches, its packages', async () => {
    const root = await temporaryTree()
    await writeFiles(root, {
      '.installed/kytos/of_core/kytos.json': '{}',
      '__init__.py': '',
      'kytos/__init__.py': '',
      '__pycache__/x/y.pyc': '',
    })
    await symlink('../.installed/kytos/of_core', join(root, 'kytos/of_core'))
    expect(await discover(root)).toEqual({ napps: [], broken: [] })
  })

  it('reports broken NApps, with the file, and finds the others', async () => {
    const root = await temporaryTree()
    await enabled(root, 'a/good', MAIN)
    await writeFiles(root, {
      'a/json/napp.json': '{',
      'a/liar/napp.json': { username: 'b', name: 'liar', main: 'm.js' },
      'a/empty/readme': '',
    })
    await symlink('/no/where', join(root, 'a/gone'))
    const { napps, broken } = await discover(root)
    expect(napps.map(napp => napp.id)).toEqual(['a/good'])
    expect(broken.map(napp => [napp.id, napp.error.code])).toEqual(
      ['a/empty', 'a/gone', 'a/json', 'a/liar'].map(id => [id, 'NAPP_INVALID']),
    )
    const messages = broken.map(napp => napp.error.message)
    expect(messages[0]).toContain('contains neither napp.json nor kytos.json')
    expect(messages[1]).toContain('is a link to /no/where, which does not exist')
    expect(messages[2]).toContain(join(root, 'a/json/napp.json'))
    expect(messages[3]).toContain('declares b/liar, but its folder is a/liar')
  })

  it('reports a manifest in a folder that can be no NApp id', async () => {
    const root = await temporaryTree()
    await writeFiles(root, {
      'a/my napp/napp.json': { username: 'a', name: 'my napp', main: 'm.js' },
      'a/other stuff/notes': '',
    })
    const { broken } = await discover(root)
    expect(broken.map(napp => napp.id)).toEqual(['a/my napp'])
  })

  it('returns another stamp once the manifest was written again, and the same one otherwise', async () => {
    const root = await temporaryTree()
    const folder = await enabled(root, 'a/a', MAIN)
    const stamp = async () => (await discover(root)).napps[0]?.stamp
    const first = await stamp()
    await writeFile(join(folder, 'notes.txt'), 'x')
    expect(await stamp()).toBe(first)
    await writeFile(
      join(folder, 'napp.json'),
      JSON.stringify({ username: 'a', name: 'a', main: 'main.mjs', version: '2' }),
    )
    expect(await stamp()).not.toBe(first)
  })

  it('takes a tree that is not there as empty, and refuses one that is a file', async () => {
    const root = await temporaryTree()
    expect(await discover(join(root, 'none'))).toEqual({ napps: [], broken: [] })
    await writeFile(join(root, 'file'), '')
    await expect(discover(join(root, 'file'))).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })

  it('reports a manifest that may not be read', async ctx => {
    if (process.getuid?.() === 0) ctx.skip('root may read everything')
    const root = await temporaryTree()
    await mkdir(join(root, 'a/a'), { recursive: true })
    await writeFile(join(root, 'a/a/napp.json'), '{}')
    await chmod(join(root, 'a/a/napp.json'), 0)
    expect((await discover(root)).broken[0]?.error.message).toContain('cannot be read')
  })
})

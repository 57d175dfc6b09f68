import { readdir, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseJson } from '../../../../model/json.ts'
import { enabled, installed, linked, temporaryTree, writeFiles } from '../../host/napps-tree.ts'
import { commandLine, runIn } from '../cli-world.ts'

const MAIN = 'export default () => ({ setup() {} })'

async function withNApps() {
  const line = await commandLine()
  await enabled(line.root, 'kytos/settings', MAIN, { priority: 0 })
  await enabled(line.root, 'kytos/topology', MAIN, {
    version: '2.1',
    description: 'Manages\nlinks',
    napp_dependencies: ['kytos/of_core'],
  })
  await installed(line.root, 'kytos/of_core', MAIN)
  return line
}

describe('napps list', () => {
  it('prints the table that Kytos prints', async () => {
    const { kytos } = await withNApps()
    expect(await kytos('napps', 'list')).toEqual({
      exit: 0,
      stderr: '',
      stdout: `Status | NApp ID            | Description
=======+====================+==============
[i-]   | kytos/of_core      |
[ie]   | kytos/settings     |
[ie]   | kytos/topology:2.1 | Manages links

Status: (i)nstalled, (e)nabled
`,
    })
  })

  it('is JSON for machines, with what is broken', async () => {
    const { kytos, root } = await withNApps()
    await writeFiles(root, { 'a/b/napp.json': '{' })
    const { stdout, exit } = await kytos('napps', 'list', '--json')
    expect(exit).toBe(0)
    expect(parseJson(stdout)).toMatchObject({
      napps: [
        { napp: 'kytos/of_core', enabled: false },
        { napp: 'kytos/settings', enabled: true },
        { napp: 'kytos/topology', version: '2.1' },
      ],
      broken: [{ napp: 'a/b', error: expect.stringContaining('napp.json is invalid') }],
    })
  })

  it('says what is broken on stderr, and says so when there is nothing', async () => {
    const { kytos, root } = await commandLine()
    expect((await kytos('napps', 'list')).stdout).toMatch(/^No NApps are installed\./)
    await writeFiles(root, { 'a/b/napp.json': '{' })
    expect((await kytos('napps', 'list')).stderr).toContain('a/b/napp.json is invalid')
  })
})

describe('napps enable and disable', () => {
  it('take several, and the id as the list prints it', async () => {
    const { kytos } = await withNApps()
    expect(await kytos('napps', 'enable', 'kytos/of_core', 'kytos/topology:2.1')).toEqual({
      exit: 0,
      stdout: 'kytos/of_core is enabled.\nkytos/topology is already enabled.\n',
      stderr: '',
    })
    const disabled = await kytos('napps', 'disable', 'kytos/of_core')
    expect(disabled).toMatchObject({ exit: 0, stdout: 'kytos/of_core is disabled.\n' })
    expect(disabled.stderr).toContain(
      'NApps that depend on kytos/of_core keep running without it: kytos/topology',
    )
  })

  it('take all: disable leaves kytos/settings on', async () => {
    const { kytos } = await withNApps()
    expect((await kytos('napps', 'disable', 'all')).stdout).toBe(
      'kytos/of_core was not enabled.\nkytos/topology is disabled.\n',
    )
    expect((await kytos('napps', 'enable', 'all')).stdout).toContain(
      'kytos/settings is already enabled.\nkytos/topology is enabled.\n',
    )
  })

  it('name the nearest NApp for one that is not there, and change nothing', async () => {
    const { kytos } = await withNApps()
    expect(await kytos('napps', 'enable', 'kytos/of_core', 'kytos/topolgy')).toEqual({
      exit: 3,
      stdout: '',
      stderr: 'kytos-settings: The NApp kytos/topolgy is not installed. Did you mean kytos/topology?\n',
    })
    expect((await kytos('napps', 'list')).stdout).toContain('[i-]   | kytos/of_core')
  })

  it('disable kytos/settings only by force', async () => {
    const { kytos } = await withNApps()
    const refused = await kytos('napps', 'disable', 'kytos/settings')
    expect(refused.exit).toBe(5)
    expect(refused.stderr).toMatch(
      /^kytos-settings: kytos\/settings provides the settings of every NApp.*--force/,
    )
    expect((await kytos('napps', 'disable', 'kytos/settings', '--force')).stdout).toBe(
      'kytos/settings is disabled.\n',
    )
  })

  it('enable links kytos/settings out of the package when it was never installed', async () => {
    const { kytos } = await commandLine()
    expect((await kytos('napps', 'enable', 'kytos/settings')).stdout).toBe('kytos/settings is enabled.\n')
    expect((await kytos('napps', 'list')).stdout).toMatch(
      /\[ie\] {3}\| kytos\/settings:\d+\.\d+\.\d+ \| One store/,
    )
  })

  it('enable refuses a broken NApp with what is wrong', async () => {
    const { kytos, root } = await commandLine()
    await writeFiles(root, { '.installed/a/b/napp.json': '{' })
    expect(await kytos('napps', 'enable', 'a/b')).toMatchObject({
      exit: 1,
      stderr: expect.stringContaining('napp.json is invalid'),
    })
  })
})

describe('napps install', () => {
  it('copies, enables, and refuses to overwrite unless forced', async () => {
    const { kytos, cwd } = await commandLine()
    await writeFiles(join(cwd, 'mine'), {
      'napp.json': { username: 'me', name: 'mine', main: 'm.mjs' },
      'm.mjs': MAIN,
    })
    expect(await kytos('napps', 'install', 'mine')).toEqual({
      exit: 0,
      stdout: 'me/mine is installed and enabled.\n',
      stderr: '',
    })
    expect(await kytos('napps', 'install', 'mine')).toMatchObject({
      exit: 5,
      stderr: expect.stringContaining('Use --force to replace it'),
    })
    expect((await kytos('napps', 'install', 'mine', '--force')).exit).toBe(0)
  })

  it('says what is wrong with the folder', async () => {
    const { kytos, cwd } = await commandLine()
    expect(await kytos('napps', 'install', 'nowhere')).toMatchObject({
      exit: 1,
      stderr: expect.stringContaining('is not a NApp of this host'),
    })
    await writeFiles(join(cwd, 'empty'), { readme: '' })
    expect((await kytos('napps', 'install', 'empty')).stderr).toContain(
      'contains neither napp.json nor kytos.json',
    )
  })
})

describe('napps create', () => {
  it('makes a NApp that can be installed, in a folder named after it, and replaces nothing', async () => {
    const { kytos, cwd } = await commandLine()
    expect(await kytos('napps', 'create', 'me/mine')).toEqual({
      exit: 0,
      stdout:
        'Created me/mine: napp.json, main.mjs, main.test.mjs.\nInstall it: kytos-settings napps install me/mine\n',
      stderr: '',
    })
    expect(await kytos('napps', 'create', 'me/mine')).toMatchObject({
      exit: 5,
      stderr: `kytos-settings: ${join(cwd, 'me/mine')} already exists. Use another name, or another folder.\n`,
    })
    expect(await kytos('napps', 'install', 'me/mine')).toMatchObject({ exit: 0, stderr: '' })
    expect((await kytos('napps', 'list')).stdout).toContain('[ie]   | me/mine:0.1.0 | The NApp me/mine')
  })

  it.each(['mine', 'me/', '../mine', 'me/mine/deep', 'me/ x'])('refuses the id %j', async id => {
    const { kytos } = await commandLine()
    expect(await kytos('napps', 'create', id)).toMatchObject({
      exit: 1,
      stderr: expect.stringContaining('is not the id of a NApp. Use USERNAME/NAME'),
    })
  })
})

describe('napps uninstall', () => {
  it('removes the copy and the link, and names the NApps that depend on it', async () => {
    const { kytos, root } = await withNApps()
    await linked(root, 'kytos/of_core')
    const ran = await kytos('napps', 'uninstall', 'kytos/of_core')
    expect(ran).toMatchObject({
      exit: 0,
      stdout:
        'kytos/of_core is uninstalled. Its settings stay in the store; "kytos-settings delete kytos/of_core" deletes them.\n',
    })
    expect(ran.stderr).toContain('NApps that depend on kytos/of_core keep running without it: kytos/topology')
    expect(await readdir(join(root, '.installed/kytos'))).toEqual(['settings', 'topology'])
    expect(await readdir(join(root, 'kytos'))).toEqual(['settings', 'topology'])
    expect((await kytos('napps', 'uninstall', 'kytos/of_core')).exit).toBe(3)
  })

  it('removes a broken NApp, but never kytos/settings, nor a folder in the place of a link', async () => {
    const { kytos, root } = await withNApps()
    await writeFiles(root, { '.installed/a/b/napp.json': '{', 'a/c/napp.json': '{' })
    expect((await kytos('napps', 'uninstall', 'a/b')).exit).toBe(0)
    expect(await kytos('napps', 'uninstall', 'kytos/settings')).toMatchObject({ exit: 5, stdout: '' })
    expect(await kytos('napps', 'uninstall', 'a/c')).toMatchObject({
      exit: 5,
      stderr: expect.stringContaining('is a folder, not a link'),
    })
    expect(await readdir(join(root, 'a'))).toEqual(['c'])
  })

  it('removes the link to a NApp of the package, not that NApp, and warns that the next start links it', async () => {
    const { kytos } = await commandLine(['kytos/change_log'])
    expect((await kytos('napps', 'enable', 'kytos/change_log')).exit).toBe(0)
    const ran = await kytos('napps', 'uninstall', 'kytos/change_log')
    expect(ran.stderr).toContain('napps_pre_installed lists kytos/change_log')
    expect((await kytos('napps', 'enable', 'kytos/change_log')).exit).toBe(0)
  })
})

describe('a wrong command line', () => {
  it.each([
    [['napps', 'enable'], "missing required argument 'napp'"],
    [['napp', 'list'], 'Did you mean napps?'],
    [['napps', 'list', '--jsn'], 'Did you mean --json?'],
    [['start', 'now'], 'too many arguments'],
  ])('%j is usage, exit 2, said in words', async (args, message) => {
    const { kytos } = await commandLine()
    const ran = await kytos(...args)
    expect(ran.exit).toBe(2)
    expect(ran.stderr).toContain(message)
    expect(ran.stderr).not.toContain('    at ')
  })

  it('names a configuration file that is not there', async () => {
    const cwd = await temporaryTree()
    expect(await runIn(cwd, ['napps', 'list', '-c', 'none.ini'])).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('none.ini does not exist'),
    })
  })

  it('shows what caused an error only when asked', async () => {
    const { kytos, root } = await commandLine()
    await writeFiles(root, { '.installed/a/b/napp.json': '{' })
    expect((await kytos('napps', 'enable', 'a/b')).stderr).not.toContain('    at ')
    expect((await kytos('napps', 'enable', 'a/b', '--debug')).stderr).toMatch(
      /code NAPP_INVALID, exit 1\n(.*\n)*SettingsError: Not JSON/,
    )
  })
})

describe('help and version', () => {
  it('come with examples on stdout, exit 0', async () => {
    const { kytos } = await commandLine()
    expect(await kytos('--version')).toMatchObject({
      exit: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    })
    for (const args of [['--help'], ['start', '--help'], ['napps', '--help']]) {
      expect(await kytos(...args)).toMatchObject({ exit: 0, stdout: expect.stringContaining('Examples:') })
    }
  })
})

describe('napps reload', () => {
  it('saves the manifest of an enabled NApp again, which a running service notices', async () => {
    const { kytos, root } = await withNApps()
    const manifest = join(root, 'kytos/topology/napp.json')
    await utimes(manifest, 1, 1)
    expect(await kytos('napps', 'reload', 'kytos/topology')).toEqual({ exit: 0, stdout: '', stderr: '' })
    expect((await stat(manifest)).mtimeMs).toBeGreaterThan(1_000)
    expect(await kytos('napps', 'reload', 'kytos/of_core')).toMatchObject({
      exit: 5,
      stderr: expect.stringContaining('kytos/of_core is not enabled'),
    })
    expect(await kytos('napps', 'reload', 'kytos/settings')).toMatchObject({ exit: 5 })
    expect(await kytos('napps', 'reload', 'kytos/nowhere')).toMatchObject({ exit: 3 })
  })
})

describe('napps uninstall --purge', () => {
  it('deletes the settings in every scope, which stay without it', async () => {
    const { kytos } = await withNApps()
    await kytos('set', 'kytos/topology', 'n=1', '--new')
    await kytos('set', 'kytos/topology', 'n=2', '--scope', 'controller:c2')
    await kytos('set', 'kytos/of_core', 'n=1', '--new')
    await kytos('napps', 'uninstall', 'kytos/of_core')
    expect(await kytos('napps', 'uninstall', 'kytos/topology', '--purge')).toMatchObject({
      exit: 0,
      stdout: expect.stringContaining('The settings of kytos/topology are deleted.'),
    })
    expect(parseJson((await kytos('export')).stdout)).toEqual({ 'kytos/of_core': { n: 1 } })
    expect((await kytos('controllers')).stdout).not.toContain('c2')
  })
})

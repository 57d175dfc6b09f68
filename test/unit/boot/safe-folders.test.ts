import { chmod, lstat, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createFilesystemBackend } from '../../../backends/filesystem/index.ts'
import { openNew } from '../../../backends/filesystem/journal/journal-folder.ts'
import { takeLock } from '../../../backends/filesystem/lock.ts'
import { createBus } from '../../../events/bus.ts'
import { makeKey } from '../../../model/key.ts'
import createNApp from '../../../src/app/napp.ts'
import { loadConfig } from '../../../src/boot/config.ts'
import { chooseBackend } from '../../../src/boot/store-choice.ts'
import { createHost } from '../../../src/host/host.ts'
import type { SettingsContext } from '../../../src/host/settings-context.ts'
import { install } from '../../../src/host/tree.ts'
import { keepLog } from '../../support/controller.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kytos-folders-'))
  await writeFile(
    join(folder, 'kytos.ini'),
    '[daemon]\nnapps = napps\nnapps_pre_installed = []\n[settings]\nport = 0\ncontroller = c1\nstate_dir = state\n[settings.filesystem]\npath = store\n',
  )
})
afterEach(() => rm(folder, { recursive: true }))

const config = () => loadConfig(join(folder, 'kytos.ini'))

async function openToOthers(name: string): Promise<void> {
  await mkdir(join(folder, name), { recursive: true })
  await chmod(join(folder, name), 0o777)
}

const refusal = (what: string) => ({
  code: 'CONFIG_UNTRUSTED',
  message: expect.stringMatching(new RegExp(`${what}.*may be written by others \\(mode 0777\\).*chmod go-w`)),
})

describe('a folder that others may write is refused', () => {
  it.each(['store', 'store/settings', 'store/journal'])('as %s', async name => {
    await openToOthers(name)
    await expect(chooseBackend(await config(), () => {})).rejects.toMatchObject(refusal('is not opened'))
  })

  it('as the target of a link in the store', async () => {
    await openToOthers('theirs')
    await mkdir(join(folder, 'store'))
    await symlink(join(folder, 'theirs'), join(folder, 'store/settings'))
    await expect(chooseBackend(await config(), () => {})).rejects.toMatchObject(refusal('is not opened'))
  })

  it.each(['napps', 'napps/.installed'])('as %s', async name => {
    await openToOthers(name)
    const host = createHost({ config: await config(), bus: createBus(), log: keepLog() })
    await expect(host.start()).rejects.toMatchObject(refusal('NApps .* are not started'))
    await host.stop()
  })

  it('as the folder of the state', async () => {
    await openToOthers('state/c1')
    const context = {
      bus: createBus(),
      config: await config(),
      log: keepLog(),
      env: {},
      started: Promise.resolve(),
      abort: () => expect.fail('it gave up'),
    }
    // The rest is for other NApps.
    const napp = createNApp(context as Partial<SettingsContext> as SettingsContext)
    await expect(napp.setup()).rejects.toMatchObject(refusal('state.*c1 is not used'))
  })

  it('but not one below a folder with the sticky bit', async () => {
    await openToOthers('store')
    await chmod(join(folder, 'store'), 0o1777)
    expect(await chooseBackend(await config(), () => {})).toMatchObject({ backend: 'filesystem' })
  })
})

it('an installed NApp is not writable by others, whatever the modes of its source', async () => {
  await openToOthers('source')
  await writeFile(join(folder, 'source/napp.json'), '{"username": "a", "name": "b", "main": "main.mjs"}')
  await writeFile(join(folder, 'source/main.mjs'), 'export default () => ({ async setup() {} })')
  await chmod(join(folder, 'source/main.mjs'), 0o666)
  await install(join(folder, 'napps'), join(folder, 'source'), false)
  for (const name of ['a', '.installed', '.installed/a', '.installed/a/b', '.installed/a/b/main.mjs'])
    expect((await lstat(join(folder, 'napps', name))).mode & 0o022, name).toBe(0)
})

describe('a link in the place of a file of this process', () => {
  const target = () => readFile(join(folder, 'target'), 'utf8')
  beforeEach(async () => {
    await writeFile(join(folder, 'target'), 'theirs')
    await symlink(join(folder, 'target'), join(folder, 'own'))
  })

  it('is not followed as the lock', async () => {
    expect(() => takeLock(join(folder, 'own'), folder)).toThrow(/ELOOP/)
    expect(await target()).toBe('theirs')
  })

  it('is replaced as a new file of the journal', async () => {
    const handle = await openNew(join(folder, 'own'))
    await handle.writeFile('ours')
    await handle.close()
    expect(await target()).toBe('theirs')
    expect((await lstat(join(folder, 'own'))).isFile()).toBe(true)
  })
})

it('a linked folder in the store is read and written', async () => {
  await mkdir(join(folder, 'elsewhere'))
  await mkdir(join(folder, 'store/settings'), { recursive: true })
  await symlink(join(folder, 'elsewhere'), join(folder, 'store/settings/kytos'))
  await writeFile(join(folder, 'elsewhere/of_lldp.json'), '{"a": 1}')
  const backend = createFilesystemBackend({ path: join(folder, 'store') }, { report: () => {} })
  await backend.open()
  try {
    const key = makeKey('settings', 'kytos', 'of_lldp')
    expect((await backend.get(key))?.text).toBe('{"a":1}')
    await backend.commit([{ key: makeKey('settings', 'kytos', 'other'), put: '{"b":2}' }])
    await expect
      .poll(() => readFile(join(folder, 'elsewhere/other.json'), 'utf8').catch(() => ''), { timeout: 20_000 })
      .toContain('"b": 2')
    await writeFile(join(folder, 'elsewhere/of_lldp.json'), '{"a": 3}')
    await expect.poll(async () => (await backend.get(key))?.text, { timeout: 20_000 }).toBe('{"a":3}')
  } finally {
    await backend.close()
  }
})

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import { type Controller, openController } from '../support/controller.ts'
import { compileProgram } from './filesystem-compile.ts'
import { startHolder } from './filesystem-holders.ts'

const NAMESPACE = 'kytos/a'
const SOON = { timeout: 8_000, interval: 20 }
const isRoot = process.getuid?.() === 0

let path = ''
let file = ''
let controller: Controller
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'kytos-oddities-'))
  file = join(path, 'settings', 'kytos', 'a.json')
})
afterEach(() => rm(path, { recursive: true, force: true }))

describe('In the place of a readable file', () => {
  beforeEach(async () => {
    controller = await openController({ backend: report => createFilesystemBackend({ path }, { report }) })
    await update({ x: 1 })
    await shows({ x: 1 })
  })
  afterEach(() => controller.close())

  it.each([
    ['a folder', () => mkdir(file)],
    ['a symbolic link', () => symlink(join(path, 'elsewhere.json'), file)],
    ['a named pipe', async () => expect(spawnSync('mkfifo', [file]).status).toBe(0)],
  ])(
    '%s is told and left alone, holds up nobody, and gives way to the file once a person moved it',
    async (_, make) => {
      await writeFile(join(path, 'elsewhere.json'), '{"x":666}')
      await rename(file, `${file}~`)
      await make()
      await vi.waitFor(
        () =>
          expect(warnings()).toEqual([
            expect.stringContaining(`${file} cannot be updated: it is not a regular file`),
          ]),
        SOON,
      )
      await update({ y: 2 })
      await controller.ask('kytos.settings.update', { namespace: 'kytos/b', data: { z: 1 } })
      await vi.waitFor(() => expect(existsSync(join(path, 'settings', 'kytos', 'b.json'))).toBe(true), SOON)
      expect(await readFile(join(path, 'elsewhere.json'), 'utf8')).toBe('{"x":666}')
      await rm(file, { recursive: true })
      await rename(`${file}~`, file)
      await shows({ x: 1, y: 2 })
      expect(await overrides()).toEqual({ x: 1, y: 2 })
      expect(await hands()).toBe(0)
      expect(warnings()).toHaveLength(1)
    },
  )

  it('a document larger than settings may be is refused as it would be by a command, and left for the person to correct', async () => {
    const large = JSON.stringify({ x: 1, padding: 'x'.repeat(300 * 1024) })
    await writeFile(file, large)
    await vi.waitFor(
      () => expect(controller.facts.filter(({ name }) => name === 'settings.rejected')).toHaveLength(1),
      SOON,
    )
    expect(await overrides()).toEqual({ x: 1 })
    expect(await readFile(file, 'utf8')).toBe(large)
    await update({ y: 2 })
    await shows({ x: 1, y: 2 })
    expect(await readFile(`${file}.rejected`, 'utf8')).toBe(large)
    expect(await hands()).toBe(0)
  })

  it('what an editor keeps beside it is neither a document nor worth a word', async () => {
    const beside = ['.a.json.swp', '.a.json.swx', 'a.json~', '4913', '#a.json#', '.#a.json']
    for (const name of beside) await writeFile(join(path, 'settings', 'kytos', name), '{"x":9}')
    await writeFile(file, '{"x":2}')
    await vi.waitFor(async () => expect(await overrides()).toEqual({ x: 2 }), SOON)
    await update({ y: 2 })
    await shows({ x: 2, y: 2 })
    // Two walks over all files, a second apart, would tell a name that means nothing.
    await writeFile(join(path, 'settings', 'kytos', 'stray name'), '{}')
    await vi.waitFor(() => expect(warnings()).toEqual([expect.stringContaining('stray name')]), SOON)
    expect((await readdir(join(path, 'settings', 'kytos'))).sort()).toEqual(
      [...beside, 'a.json', 'stray name'].sort(),
    )
    expect((await controller.ask('kytos.settings.list', {})).map(({ namespace }) => namespace)).toEqual([
      NAMESPACE,
    ])
  })
})

// Root reads everything: it takes a process of another user, which only root may start.
describe.skipIf(!isRoot)('A file that the process may not read', () => {
  it('is left alone, with what a person wrote into it, until it may', async () => {
    await chown(path, 65_534, 65_534)
    const program = await compileProgram('filesystem-holder')
    const holder = startHolder(program.file, path, { uid: 65_534 })
    try {
      await holder.ask('open')
      expect(await holder.ask('put settings/kytos/a 1')).toBe('ok 1')
      await vi.waitFor(async () => expect(await readFile(file, 'utf8')).toContain('padding'), SOON)
      await chmod(file, 0)
      await writeFile(file, '{"hand":1}')
      expect(await holder.ask('put settings/kytos/a 2')).toBe('ok 2')
      expect(await holder.ask('put settings/kytos/b 1')).toBe('ok 3')
      await vi.waitFor(() => expect(existsSync(join(path, 'settings', 'kytos', 'b.json'))).toBe(true), SOON)
      expect(await readFile(file, 'utf8')).toBe('{"hand":1}')
      await chmod(file, 0o600)
      await vi.waitFor(
        async () => expect(await holder.ask('get settings/kytos/a')).toContain('"hand":1'),
        SOON,
      )
    } finally {
      await holder.kill()
      await program.remove()
    }
  })
})

async function update(data: Record<string, number>): Promise<void> {
  await controller.ask('kytos.settings.update', { namespace: NAMESPACE, data })
}

async function overrides() {
  return (await controller.ask('kytos.settings.retrieve', { namespace: NAMESPACE })).overrides
}

async function shows(value: Record<string, number>): Promise<void> {
  await vi.waitFor(async () => expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(value), SOON)
}

/** How many edits by hand the history tells of. */
async function hands(): Promise<number> {
  return (await controller.ask('kytos.settings.history', { namespace: NAMESPACE })).filter(
    ({ actor }) => actor.type === 'file',
  ).length
}

function warnings(): string[] {
  return controller.log.lines.filter(
    line => line.startsWith('warn') && !line.includes('STALE') && !line.includes('OFFLINE'),
  )
}

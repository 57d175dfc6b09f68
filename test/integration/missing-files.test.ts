import { mkdir, readFile, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { parseJson } from '../../model/json.ts'
import type { Finding } from '../../src/doctor/finding.ts'
import { runIn } from '../unit/cli/cli-world.ts'
import { type CliStage, openCliStage } from './cli-stage.ts'
import { runRepair } from './doctor-stage.ts'

/*
 * How a person sees readable files that do not show their documents, and decides: with a service that runs,
 * and without one.
 */

const SOON = { timeout: 15_000, interval: 50 }

let stage: CliStage
/** Runs a command in this process, which takes a fraction of the time. */
const run = (args: readonly string[]) => runIn(stage.cwd, args)
let folder: string
beforeEach(async () => {
  stage = await openCliStage('filesystem')
  onTestFinished(() => stage.close())
  folder = join(stage.cwd, 'store', 'settings')
})

interface Shown {
  readonly service: boolean
  readonly state: string
  readonly files: readonly {
    readonly namespace: string
    readonly scope?: string
    readonly box_id?: string
    readonly code: string
    readonly source: string
  }[]
}

async function status(...args: string[]): Promise<Shown> {
  const { stdout, stderr, exit } = await run(['status', '--json', ...args])
  expect(exit, stderr).toBe(0)
  return parseJson(stdout) as unknown as Shown
}

/** Each file that `status` names, in short. */
const named = async (...args: string[]): Promise<readonly string[]> =>
  (await status(...args)).files.map(
    ({ namespace, scope, box_id, code }) => `${namespace} ${scope ?? box_id} ${code}`,
  )

/** The findings of the doctor about files, in the order of their codes. */
async function findings(): Promise<readonly Finding[]> {
  const { stdout } = await run(['doctor', '--json'])
  const found = (parseJson(stdout) as unknown as { readonly findings: readonly Finding[] }).findings
  return found.filter(({ code }) => code.startsWith('file.'))
}

const set = async (...args: string[]): Promise<void> => {
  const { exit, stderr } = await run(['set', ...args, '--new'])
  expect(exit, stderr).toBe(0)
}
const get = async (namespace: string): Promise<unknown> => {
  const { exit, stdout } = await run(['get', namespace, '--json'])
  return exit === 0 ? (parseJson(stdout) as { readonly data: unknown }).data : exit
}
const isThere = (name: string): Promise<boolean> =>
  readFile(join(stage.cwd, 'store', name)).then(
    () => true,
    () => false,
  )
const gauge = async (code: string): Promise<string | undefined> =>
  new RegExp(`^kytos_settings_file_problems\\{code="${code}"\\} (\\d+)$`, 'm').exec(
    await (await fetch(`${stage.url}/metrics`)).text(),
  )?.[1]

/** A store with overrides in two scopes and a box, whose files are all written, and no service. */
async function furnish(): Promise<void> {
  await set('kytos/x', 'a=1')
  await set('kytos/x', 'a=2', '--scope', 'controller:c2')
  await set('kytos/y', 'a=1')
  await stage.start()
  const made = await fetch(`${stage.url}/api/kytos/storehouse/v2/net/a%20b`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '1',
  })
  expect(made.status).toBe(201)
  await stage.stop()
}

/** Takes the readable files away, as a disk that is not mounted. */
async function takeAway(): Promise<void> {
  for (const kind of ['settings', 'controllers', 'boxes'])
    await rename(join(stage.cwd, 'store', kind), join(stage.cwd, `${kind}-away`))
}

describe('readable files that were away at the start', () => {
  it('are named by status, list, doctor and metrics of the service; restore and delete decide, each for its files', async () => {
    await furnish()
    await takeAway()
    await stage.start()
    const all = [
      'net a b FILE_MISSING',
      'kytos/x controller:c2 FILE_MISSING',
      'kytos/x cluster FILE_MISSING',
      'kytos/y cluster FILE_MISSING',
    ]
    expect(await named()).toEqual(all)
    expect(await named('kytos/x')).toEqual(all.slice(1, 3))
    expect((await status()).service).toBe(true)
    expect([await get('kytos/x'), await get('kytos/y')]).toEqual([{ a: 1 }, { a: 1 }])
    expect((await run(['list'])).stdout).toMatch(/^kytos\/x .* missing\nkytos\/y .* missing$/m)
    expect(await gauge('FILE_MISSING')).toBe('4')
    const found = await findings()
    expect(found.map(({ code, severity }) => `${code} ${severity}`)).toEqual(
      Array(3).fill('file.missing warning'),
    )

    // One NApp, in all its scopes.
    const restored = await run(['files', 'restore', 'kytos/x'])
    expect(restored).toEqual({
      exit: 0,
      stdout: 'Restored the file of kytos/x (controller:c2).\nRestored the file of kytos/x.\n',
      stderr: '',
    })
    expect(parseJson(await readFile(join(folder, 'kytos', 'x.json'), 'utf8'))).toEqual({ a: 1 })
    expect(await isThere('controllers/c2/kytos/x.json')).toBe(true)
    expect(await named()).toEqual([all[0], all[3]])

    // The removal was meant.
    const deleted = await run(['delete', 'kytos/y', '--comment', 'meant'])
    expect(deleted).toMatchObject({ exit: 0, stderr: '', stdout: expect.stringMatching(/^a +1 +-$/m) })
    expect(await get('kytos/y')).toBe(3)
    await expect.poll(() => named(), SOON).toEqual([all[0]])
    expect(await isThere('settings/kytos/y.json')).toBe(false)

    // The command of the doctor repairs it.
    const [last, ...others] = await findings()
    expect(others).toEqual([])
    await runRepair(stage.cwd, last as Finding)
    expect([await named(), await findings(), await gauge('FILE_MISSING')]).toEqual([[], [], '0'])
    expect(await isThere('boxes/net/a%20b.json')).toBe(true)
    expect((await run(['list'])).stdout).not.toMatch(/missing/)
  })

  it('are named and decided about without a service, too, and a later start keeps to that', async () => {
    await furnish()
    await takeAway()
    // The doctor finds them without opening the store.
    expect((await findings()).map(({ code }) => code)).toEqual(Array(3).fill('file.missing'))
    const shown = await status()
    expect(shown).toMatchObject({ service: false, state: 'READY' })
    expect(shown.files.map(({ code }) => code)).toEqual(Array(4).fill('FILE_MISSING'))
    expect((await run(['status'])).stdout).toMatch(/^Service +not running$/m)
    expect(await run(['files', 'restore', 'kytos/x'])).toMatchObject({
      exit: 0,
      stdout: expect.stringContaining('Restored the file of kytos/x.'),
      stderr: expect.stringContaining('No service is running here'),
    })
    expect(await run(['delete', 'kytos/y'])).toMatchObject({
      exit: 0,
      stderr: expect.stringContaining('No service is running here'),
    })
    expect(await run(['delete', 'kytos/y'])).toMatchObject({ exit: 3, stdout: '' })
    expect(await run(['delete', 'kytos/x', '--scope', 'controller:c9'])).toMatchObject({
      exit: 3,
      stdout: '',
      stderr: expect.stringContaining('nothing was deleted'),
    })
    expect(await run(['delete', 'kytos/x', '--if-revision', '1'])).toMatchObject({ exit: 5 })
    await stage.start()
    expect(await named()).toEqual(['net a b FILE_MISSING'])
    expect([await get('kytos/x'), await get('kytos/y')]).toEqual([{ a: 1 }, 3])
  })

  it('are no trouble any more once they are back, and stay named over restarts until then', async () => {
    await furnish()
    await rename(folder, join(stage.cwd, 'away'))
    for (let start = 0; start < 2; start++) {
      await stage.start()
      expect(await named()).toEqual(['kytos/x cluster FILE_MISSING', 'kytos/y cluster FILE_MISSING'])
      await stage.stop()
      expect((await findings()).map(({ where }) => where)).toEqual(
        ['x', 'y'].map(name => join(folder, 'kytos', `${name}.json`)),
      )
    }
    await rm(folder, { recursive: true, force: true })
    await rename(join(stage.cwd, 'away'), folder)
    expect(await findings()).toEqual([])
    await stage.start()
    await expect.poll(() => named(), SOON).toEqual([])
    expect([await get('kytos/x'), await get('kytos/y')]).toEqual([{ a: 1 }, { a: 1 }])
  })
})

describe('a readable file', () => {
  it('that is broken while the service runs is named until it is repaired', async () => {
    await furnish()
    await stage.start()
    const file = join(folder, 'kytos', 'x.json')
    await writeFile(file, '{"a": ')
    await expect.poll(() => named(), SOON).toEqual(['kytos/x cluster FILE_REJECTED'])
    expect((await run(['list'])).stdout).toMatch(/^kytos\/x .* rejected$/m)
    // One finding, although both the doctor and the service detect it.
    expect(await findings()).toMatchObject([{ code: 'file.broken', where: file }])
    expect(await run(['files', 'restore', 'kytos/x'])).toMatchObject({
      exit: 0,
      stdout: 'No readable file of kytos/x is missing.\n',
    })
    expect(await readFile(file, 'utf8')).toBe('{"a": ')
    await writeFile(file, '{"a": 5}')
    await expect.poll(() => named(), SOON).toEqual([])
    expect([await get('kytos/x'), await findings()]).toEqual([{ a: 5 }, []])
  })

  it("that cannot be written is named, with a service and without; the doctor's command repairs it", async () => {
    await furnish()
    const file = join(folder, 'kytos', 'x.json')
    const elsewhere = join(stage.cwd, 'elsewhere.json')
    const replace = async (): Promise<void> => {
      await writeFile(elsewhere, await readFile(file))
      await unlink(file)
      await symlink(elsewhere, file)
    }
    await replace()
    expect(await findings()).toMatchObject([{ code: 'file.unwritable', where: file, severity: 'warning' }])
    await stage.start()
    await set('kytos/x', 'a=7')
    await expect.poll(() => named(), SOON).toEqual(['kytos/x cluster FILE_UNWRITABLE'])
    expect((await run(['status'])).stdout).toMatch(/unwritable .*x\.json .*cannot be updated/)
    expect(await gauge('FILE_UNWRITABLE')).toBe('1')
    const [finding] = await findings()
    expect(finding).toMatchObject({ code: 'file.unwritable', where: file })
    await runRepair(stage.cwd, finding as Finding)
    await expect.poll(() => named(), SOON).toEqual([])
    await expect.poll(async () => parseJson(await readFile(file, 'utf8')), SOON).toEqual({ a: 7 })
  })

  it('of many namespaces that are missing is one finding', async () => {
    await mkdir(join(stage.cwd, 'store'), { recursive: true })
    const many = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`kytos/n${i}`, { i }]))
    await writeFile(join(stage.cwd, 'many.json'), JSON.stringify(many))
    expect(await run(['import', 'many.json'])).toMatchObject({ exit: 0 })
    await rename(folder, join(stage.cwd, 'away'))
    const found = await findings()
    expect(found).toMatchObject([
      {
        code: 'file.missing',
        where: join(stage.cwd, 'store'),
        what: expect.stringMatching(/^12 readable files are missing/),
      },
    ])
    await runRepair(stage.cwd, found[0] as Finding)
    expect(await findings()).toEqual([])
    expect(parseJson(await readFile(join(folder, 'kytos', 'n11.json'), 'utf8'))).toEqual({ i: 11 })
  })
})

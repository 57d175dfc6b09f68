import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isBuilt } from '../../scripts/prepare.mjs'
import { packageRoot } from '../../src/host/package-root.ts'
import { freePort } from '../support/etcd-process.ts'
import { runScript } from './host-process.ts'

/*
 * The author of a backend, in a folder of their own: the packed package, no source of it, and a backend
 * written from its published exports alone.
 */

const run = promisify(execFile)
const EXAMPLE = join(packageRoot(), 'examples/json_store')
/** A file system in memory: the suite writes thousands of times, and each write waits for the disk. */
const MEMORY = '/dev/shm'

let home: string
const inHome = (path: string): string => join(home, path)
const main = (): string => inHome('node_modules/kytos-settings/dist/src/main.js')

beforeAll(async () => {
  if (!isBuilt()) throw new Error('The build is older than its sources: npm run build.')
  home = await mkdtemp(join(tmpdir(), 'kytos-third-party-'))
  const { stdout } = await run(
    'npm',
    ['pack', '--silent', '--ignore-scripts', '--offline', '--pack-destination', home],
    { cwd: packageRoot() },
  )
  await mkdir(inHome('node_modules/kytos-settings'), { recursive: true })
  await run('tar', [
    'xzf',
    inHome(stdout.trim()),
    '--strip-components=1',
    '-C',
    inHome('node_modules/kytos-settings'),
  ])
  // What `npm install` would fetch is the packages of this repository.
  const packages = join(packageRoot(), 'node_modules')
  for (const name of await readdir(packages))
    await symlink(join(packages, name), inHome(`node_modules/${name}`))
  await cp(EXAMPLE, inHome('node_modules/json-store'), { recursive: true })
  await writeFile(
    inHome('node_modules/json-store/package.json'),
    '{"name": "json-store", "version": "1.0.0", "exports": "./json-store.mjs"}',
  )
  await writeFile(
    inHome('kytos.ini'),
    `[daemon]
api_port = ${await freePort()}
napps = napps
napps_pre_installed = ["kytos/settings"]
[settings]
backend = json-store
controller = c1
state_dir = state
log = text
[settings.json-store]
file = store.json
`,
    { mode: 0o644 },
  )
})

afterAll(() => rm(home, { recursive: true, force: true }))

/** Runs `kytos-settings` of the packed package in the folder. */
async function kytos(
  ...args: readonly string[]
): Promise<{ readonly exit: number; readonly output: string }> {
  try {
    const { stdout, stderr } = await run(process.execPath, [main(), ...args], { cwd: home })
    return { exit: 0, output: stdout + stderr }
  } catch (error) {
    const { code, stdout, stderr } = Object(error)
    return { exit: Number(code), output: `${stdout}${stderr}` }
  }
}

async function start(...args: readonly string[]) {
  const service = runScript(home, main(), ['start', ...args])
  const url = `${await service.ready}/api/kytos/settings/v1/kytos/of_lldp`
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    service.child.kill(signal)
    await service.ended
  }
  return { url, stop, output: service.output }
}

async function dataOf(answer: Response): Promise<unknown> {
  expect(answer.status).toBe(200)
  return Reflect.get(Object(await answer.json()), 'data')
}

async function patch(url: string, data: unknown): Promise<unknown> {
  return dataOf(
    await fetch(url, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(data),
    }),
  )
}

describe('A backend of another package', () => {
  it('imports the contract and the suite from the packed package, and passes the suite under node:test', async () => {
    const env = { ...process.env, NODE_OPTIONS: '', ...(existsSync(MEMORY) && { TMPDIR: MEMORY }) }
    const { stdout } = await run(
      process.execPath,
      ['--test', '--test-reporter=tap', inHome('node_modules/json-store/conformance.test.mjs')],
      {
        cwd: home,
        env,
        maxBuffer: 1 << 26,
      },
    )
    const count = (name: string): number => Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(stdout)?.[1])
    expect(count('fail')).toBe(0)
    expect(count('pass')).toBeGreaterThan(110)
    // What the store does not support is shown, not passed over.
    expect(count('skipped')).toBeGreaterThan(10)
  })

  it('keeps the settings of a service, over a restart and over kill -9', async () => {
    const first = await start('-c', 'kytos.ini')
    expect(await patch(first.url, { mode: 'a', deep: { x: 1 } })).toEqual({ mode: 'a', deep: { x: 1 } })
    expect(first.output()).toContain(`json-store {"file":"${inHome('store.json')}","history":1000}`)
    await first.stop('SIGKILL')
    const second = await start()
    expect(await dataOf(await fetch(second.url))).toEqual({ mode: 'a', deep: { x: 1 } })
    expect(await patch(second.url, { mode: null, deep: { y: 9007199254740991 } })).toEqual({
      deep: { x: 1, y: 9007199254740991 },
    })
    await second.stop('SIGTERM')
    expect(await readFile(inHome('store.json'), 'utf8')).toContain('9007199254740991')
  })

  it('is not run by a command in a folder whose kytos.ini others may write', async () => {
    await writeFile(
      inHome('marked.mjs'),
      "import { writeFileSync } from 'node:fs'\nwriteFileSync(new URL('ran', import.meta.url), '')\nexport * from 'json-store'\n",
      { mode: 0o644 },
    )
    const ini = (await readFile(inHome('kytos.ini'), 'utf8')).replace(
      'backend = json-store',
      'backend = ./marked.mjs',
    )
    await writeFile(inHome('kytos.ini'), ini)
    await chmod(inHome('kytos.ini'), 0o666)
    const refused = await kytos('get', 'kytos/of_lldp')
    expect(refused.exit).not.toBe(0)
    expect(refused.output).toContain(`${inHome('kytos.ini')} may be written by others (mode 0666).`)
    expect(refused.output).toContain(
      `run "chmod go-w ${inHome('kytos.ini')}", or name the file: -c ${inHome('kytos.ini')}`,
    )
    expect(existsSync(inHome('ran'))).toBe(false)

    const named = await kytos('get', 'kytos/of_lldp', '--json', '-c', 'kytos.ini')
    expect([named.exit, existsSync(inHome('ran'))]).toEqual([0, true])
    expect(named.output).toContain('9007199254740991')
    await chmod(inHome('kytos.ini'), 0o644)
    expect(await kytos('get', 'kytos/of_lldp', '--json')).toMatchObject({ exit: 0 })
  })
})

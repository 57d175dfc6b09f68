import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { CLIENT_TOOLS, PYTHON } from '../../scripts/prepare.mjs'
import { packageRoot } from '../../src/host/package-root.ts'
import { freshFolder, kytosSettings } from './host-process.ts'

/*
 * Clients that generators make from the OpenAPI document of the real process: they compile, and a program
 * made with each does its work there. The document has no error for a linter.
 */

const PROGRAMS = join(packageRoot(), 'test/openapi-clients')
const ENVIRONMENT = {
  ...process.env,
  PATH: `${dirname(PYTHON)}${delimiter}${process.env.PATH}`,
  REDOCLY_TELEMETRY: 'off',
  REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true',
}
const NAPP = ['kytos', 'link_discovery'] as const

/** Runs a program to its end. @throws Error with its output when it fails. */
async function run(cwd: string, command: string, ...args: readonly string[]): Promise<string> {
  const done = promisify(execFile)(command, args, { cwd, env: ENVIRONMENT, maxBuffer: 2 ** 24 })
  const { stdout, stderr } = await done.catch(({ stdout, stderr, message }) =>
    expect.fail(`${message}\n${stdout}\n${stderr}`),
  )
  return `${stdout}${stderr}`
}

const tool = (cwd: string, script: string, ...args: readonly string[]): Promise<string> =>
  run(cwd, process.execPath, join(CLIENT_TOOLS, 'node_modules', script), ...args)

/** A running service with its document in a folder from which the packages of the tools are found. */
async function openService() {
  const home = await freshFolder()
  const file = join(home, 'kytos.ini')
  const settings = '[settings]\ncontroller = c1\nauthentication = required\n'
  await writeFile(file, (await readFile(file, 'utf8')).replace('[settings]\n', settings))
  const url = await kytosSettings(home, 'start').ready
  const { token } = JSON.parse(await readFile(join(home, 'state/c1/service.json'), 'utf8')) as {
    readonly token: string
  }
  const folder = await mkdtemp(join(CLIENT_TOOLS, 'run-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const document = await (await fetch(`${url}/api/kytos/settings/openapi.json`)).text()
  await writeFile(join(folder, 'openapi.json'), document)
  return { url, token, folder, program: [url, token, ...NAPP] }
}

const REPORT = {
  listed: expect.arrayContaining([NAPP.join('/')]),
  status: 200,
  before: expect.any(Number),
  patched: 7,
  conflict: [412, 'REVISION_MISMATCH'],
  history: [[1, 7]],
}

describe('the OpenAPI document', () => {
  it('has no error for redocly', async () => {
    const { folder } = await openService()
    await tool(folder, '@redocly/cli/bin/cli.js', 'lint', 'openapi.json', '--format=stylish')
  }, 180_000)

  it('makes a client with openapi-typescript that is strict and does its work', async () => {
    const { folder, program } = await openService()
    await cp(PROGRAMS, folder, { recursive: true })
    await tool(folder, 'openapi-typescript/bin/cli.js', 'openapi.json', '-o', 'service.ts')
    await tool(folder, 'typescript/bin/tsc', '-p', '.')
    const printed = await run(folder, process.execPath, 'program.mjs', ...program)
    expect(JSON.parse(printed)).toEqual({ ...REPORT, stepped: 7 })
  }, 180_000)

  it('makes a client with openapi-python-client that does its work', async () => {
    const { folder, program } = await openService()
    await cp(join(PROGRAMS, 'program.py'), join(folder, 'program.py'))
    const generate = ['generate', '--path', 'openapi.json', '--output-path', 'client', '--meta', 'none']
    const printed = await run(folder, PYTHON, '-m', 'openapi_python_client', ...generate)
    // It leaves out the JSON Patch beside the merge patch, and nothing else.
    expect(printed.match(/^(?:WARNING|ERROR).*/gm)).toEqual([
      'WARNING parsing PATCH /api/kytos/settings/v1/{username}/{name} within settings.',
    ])
    expect(JSON.parse(await run(folder, PYTHON, '-B', 'program.py', ...program))).toEqual(REPORT)
  }, 180_000)
})

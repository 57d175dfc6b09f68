import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseJson } from '../../model/json.ts'
import { writeFiles } from '../unit/host/napps-tree.ts'
import { doctor } from './doctor-stage.ts'
import { freshFolder, kytosSettings } from './host-process.ts'

const FINE = 'export default () => ({ setup() {} })'
const SCHEMA = { settings: 'schema.json' }

interface Failure {
  readonly main?: string
  readonly manifest?: object
  readonly files?: Readonly<Record<string, string | object>>
  readonly reason: RegExp
}

/** NApps that can be installed, but not started. */
const FAILURES: Readonly<Record<string, Failure>> = {
  syntax: { main: 'export default () => {\n  const a = 1 +\n}', reason: /main\.mjs.* Unexpected token/ },
  throws: { main: 'export default () => ({ setup() { throw new Error("no luck") } })', reason: /no luck/ },
  hangs: {
    main: 'export default () => ({ setup: () => new Promise(() => {}) })',
    reason: /setup\(\) did not finish within 3 s/,
  },
  seed: {
    manifest: SCHEMA,
    files: { 'schema.json': { properties: { n: { type: 'number' } } }, 'settings.json': { n: 'x' } },
    reason: /does not match the schema/,
  },
}

async function source(
  cwd: string,
  name: string,
  { main = FINE, manifest = {}, files = {} }: Partial<Failure>,
) {
  const folder = join(cwd, 'mine', name)
  await rm(folder, { recursive: true, force: true })
  await writeFiles(folder, {
    'napp.json': { username: 'a', name, main: 'main.mjs', version: '1', ...manifest },
    'main.mjs': main,
    ...files,
  })
  return folder
}

async function run(cwd: string, ...args: readonly string[]) {
  const command = kytosSettings(cwd, ...args)
  return { exit: await command.ended, output: command.output() }
}

/** A running service whose NApps may take three seconds to start. */
async function started() {
  const cwd = await freshFolder()
  const ini = await readFile(join(cwd, 'kytos.ini'), 'utf8')
  await writeFile(join(cwd, 'kytos.ini'), ini.replace('[settings]', '[settings]\nsetup_timeout = 3'))
  const service = kytosSettings(cwd, 'start')
  return { cwd, url: await service.ready }
}

describe('a NApp that cannot be started', () => {
  it('makes install fail with the reason, and is shown by list, status, doctor and REST', async () => {
    const { cwd, url } = await started()
    for (const [name, failure] of Object.entries(FAILURES)) {
      const { exit, output } = await run(cwd, 'napps', 'install', await source(cwd, name, failure))
      expect(output, name).toMatch(failure.reason)
      expect(output, name).toContain(`a/${name} is installed and enabled, but failed to start`)
      expect(exit, name).toBe(1)
    }
    const { exit, output } = await run(cwd, 'napps', 'install', await source(cwd, 'fine', {}))
    expect(output).toBe('a/fine is installed and enabled.\na/fine is running.\n')
    expect(exit).toBe(0)

    const answer = await fetch(`${url}/api/kytos/settings/v1/status`)
    const { napps } = (await answer.json()) as { napps: { napp: string; state: string; reason: string }[] }
    const list = await run(cwd, 'napps', 'list')
    const status = await run(cwd, 'status')
    const examined = await doctor(cwd, 'kytos.ini')
    expect(list.output).toMatch(/\[ie\] +\| a\/fine:1 +\| running/)
    expect(status.output).toMatch(/NApps +\d+ running, 4 failed/)
    expect(examined.broken).toEqual(Array(4).fill('napp.failed'))
    for (const [name, { reason }] of Object.entries(FAILURES)) {
      expect(list.output).toMatch(new RegExp(`\\[ie\\] +\\| a/${name}:1 +\\| failed`))
      expect(list.output).toMatch(new RegExp(`a/${name} failed to start: .*${reason.source}`))
      expect(status.output).toMatch(new RegExp(`a/${name} +failed to start: .*${reason.source}`))
      expect(examined.findings.find(({ where }) => where === `a/${name}`)?.what).toMatch(reason)
      expect(napps).toContainEqual(
        expect.objectContaining({
          napp: `a/${name}`,
          state: 'failed',
          reason: expect.stringMatching(reason),
        }),
      )
    }
    const listed = parseJson((await run(cwd, 'napps', 'list', '--json')).output)
    expect(listed).toMatchObject({
      napps: expect.arrayContaining([
        expect.objectContaining({
          napp: 'a/throws',
          state: 'failed',
          reason: expect.stringMatching(/^no luck \(.*main\.mjs:1:41\)$/),
        }),
      ]),
    })
    expect((await run(cwd, 'napps', 'enable', 'a/throws')).output).toContain('but failed to start: no luck')
    expect(await run(cwd, 'napps', 'disable', 'a/throws')).toEqual({
      exit: 0,
      output: 'a/throws is disabled.\na/throws is stopped.\n',
    })
  })

  it('does not replace its running version; an invalid settings.json is not installed', async () => {
    const { cwd } = await started()
    const install = async (version: string, failure: Partial<Failure>) => {
      const manifest = { ...failure.manifest, version }
      return run(cwd, 'napps', 'install', '--force', await source(cwd, 'x', { ...failure, manifest }))
    }
    expect((await install('1', {})).exit).toBe(0)
    expect(await install('2', { files: { 'settings.json': '{' } })).toMatchObject({
      exit: 1,
      output: expect.stringContaining('settings.json is invalid'),
    })
    const failed = await install('2', { main: 'throw new Error("no luck")' })
    expect(failed.output).toMatch(/but the previous version still runs: Version 2 failed to start: .*no luck/)
    expect(failed.exit).toBe(1)
    expect((await run(cwd, 'napps', 'list')).output).toMatch(
      /a\/x:2 +\| running, old(?:.|\n)*a\/x runs in version 1: Version 2 failed/,
    )
    expect((await install('3', {})).output).toContain('a/x is running.\n')
    expect((await run(cwd, 'napps', 'list')).output).toMatch(/a\/x:3 +\| running +\|/)
  })

  it('is found by the doctor without a service when its files are missing or invalid', async () => {
    const cwd = await freshFolder()
    expect((await run(cwd, 'napps', 'install', await source(cwd, 'x', {}))).exit).toBe(0)
    await rm(join(cwd, 'napps/.installed/a/x/main.mjs'))
    expect((await doctor(cwd, 'kytos.ini')).find('napp.files').what).toMatch(/"main\.mjs" named by "main"/)
    await writeFiles(join(cwd, 'napps/.installed/a/x'), { 'main.mjs': FINE, 'settings.json': '[' })
    expect((await doctor(cwd, 'kytos.ini')).find('napp.files').what).toMatch(/settings\.json is invalid/)
  })
})

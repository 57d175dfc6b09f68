import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { enable } from '../../../../src/host/tree.ts'
import { enabled, installed, temporaryTree } from '../../host/napps-tree.ts'
import { commandLine, runIn } from '../cli-world.ts'

const told: string[] = []
Object.assign(globalThis, { tell: (what: string) => told.push(what) })
const SETTINGS = `export default ({ config }) => ({ setup() { tell('+settings on ' + config.settings.port) }, shutdown() { tell('-settings') } })`
const tells = (name: string) =>
  `export default () => ({ setup() { tell('+${name}') }, shutdown() { tell('-${name}') } })`

beforeEach(() => {
  told.length = 0
})

describe('start', () => {
  it('runs until it is interrupted, then stops in order with exit code 0', async () => {
    const { cwd, root } = await commandLine()
    await enabled(root, 'kytos/settings', SETTINGS, { priority: 0 })
    await enabled(root, 'a/a', tells('a'))
    const ran = await runIn(cwd, ['start'], async url => {
      told.push(`ready ${url}`)
    })
    expect(ran.exit).toBe(0)
    expect(told).toEqual(['+settings on 8181', '+a', 'ready http://127.0.0.1:8181', '-a', '-settings'])
    const lines = ran.stderr
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(lines.map(({ msg }) => msg)).toContain(`Started with ${join(cwd, 'kytos.ini')}. Running NApps: 2.`)
    for (const line of lines)
      expect(line).toMatchObject({
        level: expect.stringMatching(/^(info|warn)$/),
        name: 'host',
        time: expect.any(String),
      })
  })

  it.each([
    ['auto', true, 'text'],
    ['auto', false, 'json'],
    ['text', false, 'text'],
    ['json', true, 'json'],
  ] as const)('with [settings] log = %s and a terminal: %s, logs %s', async (log, isTTY, form) => {
    const { cwd, root } = await commandLine()
    await enabled(root, 'kytos/settings', SETTINGS, { priority: 0 })
    const ini = join(cwd, 'kytos.ini')
    await writeFile(
      ini,
      (await readFile(ini, 'utf8')).replace('[settings]', `[settings]\nlog = ${log}\ncontroller = c1`),
    )
    const { stderr } = await runIn(cwd, ['start'], undefined, undefined, isTTY)
    if (form === 'json')
      expect(JSON.parse(stderr.split('\n')[0] ?? '')).toMatchObject({ controller: 'c1', name: 'host' })
    else
      expect(stderr).toMatch(/\d\d:\d\d:\d\d.* INFO {2}host: Started with .*kytos\.ini\. Running NApps: 1\./m)
  })

  it('follows what is enabled while it runs', async () => {
    const { cwd, root } = await commandLine()
    await enabled(root, 'kytos/settings', SETTINGS, { priority: 0 })
    await installed(root, 'a/a', tells('a'))
    await runIn(cwd, ['start'], async () => {
      await enable(root, 'a/a')
      await expect.poll(() => told, { timeout: 3_000 }).toContain('+a')
    })
    expect(told.slice(1)).toEqual(['+a', '-a', '-settings'])
  })

  it('can be interrupted before it is ready', async () => {
    const { cwd, root } = await commandLine()
    await enabled(
      root,
      'kytos/settings',
      "export default () => ({ setup() { tell('waits'); return new Promise(() => {}) } })",
      { priority: 0 },
    )
    const interruption = new AbortController()
    const running = runIn(cwd, ['start'], undefined, interruption)
    await expect.poll(() => told).toEqual(['waits'])
    interruption.abort()
    expect((await running).exit).toBe(0)
  })

  it('refuses to start without kytos/settings, and says how to enable it', async () => {
    const { cwd } = await commandLine()
    const { exit, stderr } = await runIn(cwd, ['start'])
    expect(exit).toBe(1)
    expect(stderr).toContain(
      `Enable it: kytos-settings napps enable kytos/settings -c ${join(cwd, 'kytos.ini')}`,
    )
  })

  it('ends with what kytos/settings failed with', async () => {
    const { cwd, root } = await commandLine()
    await enabled(
      root,
      'kytos/settings',
      "export default () => ({ setup() { throw new Error('out of luck') } })",
      { priority: 0 },
    )
    expect(await runIn(cwd, ['start'])).toMatchObject({
      exit: 1,
      stderr: expect.stringContaining('kytos-settings: Unexpected error: out of luck\n'),
    })
  })

  it.each([
    ['-c', 'none.ini', 2, 'none.ini does not exist'],
    ['--import', 'none.json', 2, 'none.json (--import) cannot be read'],
    ['--import', 'list.json', 2, 'list.json (--import) is not valid: the file must hold an object'],
    ['--import', 'name.json', 2, '"of_lldp" is not a namespace'],
    ['--import', 'text.json', 2, 'the value of "a/b" must be an object of settings'],
    ['--import', 'twice.json', 4, 'twice.json (--import) is not valid: Not JSON'],
  ])('%s %s is refused before anything starts', async (option, file, code, message) => {
    const { cwd, root } = await commandLine()
    await enabled(root, 'kytos/settings', SETTINGS, { priority: 0 })
    const files = {
      'list.json': '[]',
      'name.json': '{"of_lldp": {}}',
      'text.json': '{"a/b": 1}',
      'twice.json': '{"a/b": {}, "a/b": {}}',
    }
    for (const [name, text] of Object.entries(files)) await writeFile(join(cwd, name), text)
    const { exit, stderr } = await runIn(cwd, ['start', option, file])
    expect(exit).toBe(code)
    expect(stderr).toContain(message)
    expect(told).toEqual([])
  })
})

it('without a configuration file start says where it looked', async () => {
  const cwd = await temporaryTree()
  const { exit, stderr } = await runIn(cwd, ['start'])
  expect(exit).toBe(2)
  expect(stderr).toContain(join(cwd, 'kytos.ini'))
})

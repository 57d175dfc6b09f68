import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { createBus } from '../../../events/bus.ts'
import { SettingsError } from '../../../model/errors.ts'
import { createHost } from '../../../src/host/host.ts'
import { disable, enable, install } from '../../../src/host/tree.ts'
import { configFor, enabled, installed, keepingLog, temporaryTree, writeFiles } from './napps-tree.ts'

/** The log of all NApps of a test, which are separate modules. */
const told: string[] = []
Object.assign(globalThis, { tell: (what: string) => told.push(what) })

const SETTINGS = `export default ({ bus }) => ({
  setup() {
    bus.serve('kytos.settings.register', ({ schema }) => {
      if (schema.title === 'refused') throw new Error('refused by the service')
      tell('registered ' + schema.title)
      return {}
    })
  },
})`
const tells = (name: string) =>
  `export default () => ({ setup() { tell('+${name}') }, shutdown() { tell('-${name}') } })`
const NEVER = 'new Promise(() => {})'
const LIMIT = 1.5

beforeEach(() => {
  told.length = 0
})

async function tree() {
  const root = await temporaryTree()
  await enabled(root, 'kytos/settings', SETTINGS, { priority: 0 })
  const log = keepingLog()
  const bus = createBus()
  const config = configFor(root)
  const settings = { ...config.settings, setup_timeout: LIMIT }
  const host = createHost({ config: { ...config, settings }, bus, log, shipped: [], shutdownTimeout: 0.05 })
  onTestFinished(() => host.stop())
  const stateOf = (id: string) => host.napps().find(({ napp }) => napp === id)
  return { root, log, bus, host, stateOf }
}

/** Installs a NApp over the one of the same id, as `napps install --force` does without its checks. */
async function replaced(root: string, id: string, main: string, manifest = {}, files = {}): Promise<void> {
  const folder = join(root, '.installed', id)
  await rm(folder, { recursive: true, force: true })
  await installed(root, id, main, { version: '2', ...manifest }, files)
}

const SCHEMA = { settings: 'schema.json' }
/** Every way in which a NApp fails to start: its main file, manifest and files, and the reason. */
const FAILURES: readonly (readonly [string, string, object, Record<string, string | object>, RegExp])[] = [
  [
    'names a main file that does not exist',
    tells('x'),
    { main: 'none.mjs' },
    {},
    /none\.mjs.* does not exist/,
  ],
  ['has a syntax error', 'export default () => {\n  const a = 1 +\n}', {}, {}, /Unexpected token/],
  ['imports a file that does not exist', `import './none.mjs'\n${tells('x')}`, {}, {}, /none\.mjs/],
  ['imports a package that does not exist', `import 'not-there'\n${tells('x')}`, {}, {}, /not-there/],
  ['has no default export', 'export const main = 1', {}, {}, /must have a default export/],
  ['never finishes its import', `await ${NEVER}\n${tells('x')}`, {}, {}, /not loaded within 0\.3 s/],
  ['throws when it is created', 'export default () => { throw new Error("no luck") }', {}, {}, /no luck/],
  ['creates no setup()', 'export default () => ({})', {}, {}, /has no setup\(\)/],
  [
    'throws in setup()',
    'export default () => ({ setup() { throw new Error("no luck") } })',
    {},
    {},
    /no luck/,
  ],
  [
    'never finishes its setup()',
    `export default () => ({ setup: () => ${NEVER}, shutdown() { tell('-x') } })`,
    {},
    {},
    /setup\(\) did not finish within 0\.3 s/,
  ],
  [
    'has an invalid settings.json',
    tells('x'),
    SCHEMA,
    { 'schema.json': {}, 'settings.json': '{' },
    /settings\.json is invalid/,
  ],
  ['has an invalid schema file', tells('x'), SCHEMA, { 'schema.json': '[' }, /schema\.json is invalid/],
  ['names a schema file that does not exist', tells('x'), SCHEMA, {}, /"schema\.json" named by "settings"/],
  [
    'is refused when it registers',
    tells('x'),
    SCHEMA,
    { 'schema.json': { title: 'refused' } },
    /refused by the service/,
  ],
]

describe.each(FAILURES)('a NApp that %s', (_what, main, manifest, files, reason) => {
  it('is failed with the reason, and other NApps are enabled and disabled meanwhile', async () => {
    const { root, host, stateOf } = await tree()
    await enabled(root, 'a/bad', main, manifest, files)
    await enabled(root, 'b/fine', tells('fine'))
    await host.start()
    expect(host.running).toEqual(['kytos/settings', 'b/fine'])
    expect(stateOf('a/bad')).toMatchObject({ state: 'failed', reason: expect.stringMatching(reason) })
    expect(stateOf('b/fine')).toMatchObject({ state: 'running', reason: null })
    await disable(root, 'b/fine')
    await installed(root, 'c/new', tells('new'))
    await enable(root, 'c/new')
    await host.rescan()
    expect(host.running).toEqual(['kytos/settings', 'c/new'])
    expect(stateOf('b/fine')).toBeUndefined()
  })

  it('does not replace the version that runs', async () => {
    const { root, host, stateOf } = await tree()
    await enabled(root, 'a/a', tells('one'), { version: '1' })
    await host.start()
    await replaced(root, 'a/a', main, manifest, files)
    await host.rescan()
    await host.rescan()
    expect(host.running).toEqual(['kytos/settings', 'a/a'])
    expect(stateOf('a/a')).toMatchObject({
      state: 'running',
      version: '1',
      reason: expect.stringMatching(reason),
    })
    const starts = told.filter(what => what === '+one').length
    expect(told.filter(what => what === '-one')).toHaveLength(starts - 1)
    // The next version replaces it, whatever the last one was.
    await replaced(root, 'a/a', tells('three'), { version: '3' })
    await host.rescan()
    expect(told.slice(-2)).toEqual(['-one', '+three'])
    expect(stateOf('a/a')).toMatchObject({ state: 'running', version: '3', reason: null })
  })
})

describe('a new version', () => {
  it('is loaded and registered before the running one is stopped', async () => {
    const { root, host } = await tree()
    await enabled(root, 'a/a', tells('one'), SCHEMA, { 'schema.json': { title: 'one' } })
    await host.start()
    await replaced(root, 'a/a', `tell('loaded two')\n${tells('two')}`, SCHEMA, {
      'schema.json': { title: 'two' },
    })
    await host.rescan()
    expect(told).toEqual(['registered one', '+one', 'loaded two', 'registered two', '-one', '+two'])
  })

  it('whose setup() fails leaves the previous version running, with its own schema', async () => {
    const { root, host } = await tree()
    await enabled(root, 'a/a', tells('one'), SCHEMA, { 'schema.json': { title: 'one' } })
    await host.start()
    told.length = 0
    const fails = 'export default () => ({ setup() { throw new Error("no luck") } })'
    await replaced(root, 'a/a', fails, SCHEMA, { 'schema.json': { title: 'two' } })
    await host.rescan()
    expect(told).toEqual(['registered two', '-one', 'registered one', '+one'])
  })

  it('whose first start must wait for the store does not stop the previous version every second', async () => {
    const { root, host, stateOf } = await tree()
    Object.assign(globalThis, { outage: new SettingsError('STORE_UNREACHABLE', 'The store is away.') })
    await enabled(root, 'a/a', tells('one'))
    await host.start()
    await replaced(root, 'a/a', 'export default () => ({ setup() { throw outage } })')
    for (let i = 0; i < 3; i++) await host.rescan()
    expect(told).toEqual(['+one', '-one', '+one'])
    expect(stateOf('a/a')).toMatchObject({ state: 'running', reason: expect.stringContaining('is away') })
  })

  it('with a broken manifest is reported, and the previous version runs', async () => {
    const { root, host, stateOf } = await tree()
    const folder = await enabled(root, 'a/a', tells('one'))
    await host.start()
    await writeFile(join(folder, 'napp.json'), '{')
    await host.rescan()
    expect(stateOf('a/a')).toMatchObject({
      state: 'running',
      reason: expect.stringMatching(/napp\.json is invalid/),
    })
    await writeFiles(folder, { 'napp.json': { username: 'a', name: 'a', main: 'main.mjs' } })
    await host.rescan()
    expect(stateOf('a/a')).toMatchObject({ state: 'running', reason: null })
  })
})

describe('the state of a NApp', () => {
  it('is starting until its turn, and while its setup() runs', async () => {
    const { root, host, stateOf } = await tree()
    await enabled(
      root,
      'a/slow',
      `export default () => ({ setup: () => new Promise(r => { globalThis.go = r }) })`,
    )
    await enabled(root, 'b/later', tells('later'))
    const started = host.start()
    await expect.poll(() => stateOf('b/later')?.state).toBe('starting')
    expect(stateOf('a/slow')).toMatchObject({ state: 'starting', reason: null })
    await expect.poll(() => Reflect.get(globalThis, 'go')).toBeDefined()
    Reflect.get(globalThis, 'go')()
    await started
    expect(host.napps().map(({ state }) => state)).toEqual(['running', 'running', 'running'])
  })

  it('is starting with the reason while the start is retried', async () => {
    const { root, host, stateOf } = await tree()
    Object.assign(globalThis, { outage: new SettingsError('STORE_UNREACHABLE', 'The store is away.') })
    await enabled(root, 'a/a', 'export default () => ({ setup() { if (globalThis.outage) throw outage } })')
    await host.start()
    const before = stateOf('a/a')
    expect(before).toMatchObject({ state: 'starting', reason: expect.stringContaining('is away') })
    await host.rescan()
    expect(stateOf('a/a')).toEqual(before)
    Object.assign(globalThis, { outage: undefined })
    await host.rescan()
    expect(stateOf('a/a')).toMatchObject({ state: 'running', reason: null })
  })

  it('is failed for a manifest that is broken', async () => {
    const { root, host, stateOf } = await tree()
    await writeFiles(root, { 'a/b/napp.json': '{' })
    await host.start()
    expect(stateOf('a/b')).toMatchObject({ state: 'failed', reason: expect.stringMatching(/is invalid/) })
  })
})

describe('a setup() that finishes after its limit', () => {
  it('opens no settings and adds no listener', async () => {
    const { root, host, bus } = await tree()
    const late = `export default ({ bus, openSettings }) => ({
      async setup() {
        await new Promise(r => { globalThis.go = r })
        bus.on('x', () => {})
        await openSettings({}).catch(() => {})
        tell('late')
      },
    })`
    await enabled(root, 'a/late', late)
    await host.start()
    Reflect.get(globalThis, 'go')()
    await expect.poll(() => told, { timeout: 15_000 }).toContain('late')
    expect(bus.counts().listeners).toBe(0)
  })
})

describe('napps install', () => {
  it('refuses a folder with an invalid settings.json, and keeps the installed NApp', async () => {
    const { root } = await tree()
    const next = await temporaryTree()
    await writeFiles(next, {
      'napp.json': { username: 'a', name: 'a', main: 'main.mjs' },
      'main.mjs': tells('x'),
      'settings.json': '[]',
    })
    await expect(install(root, next, false)).rejects.toMatchObject({
      code: 'NAPP_INVALID',
      message: expect.stringContaining('settings.json is invalid'),
    })
  })
})

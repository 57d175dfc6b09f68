import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { createBus } from '../../../events/bus.ts'
import { SettingsError } from '../../../model/errors.ts'
import { createHost } from '../../../src/host/host.ts'
import { disable, enable, install } from '../../../src/host/tree.ts'
import { configFor, enabled, installed, keepingLog, temporaryTree, writeFiles } from './napps-tree.ts'

/** The log of all NApps of a test, which are separate modules. */
const told: string[] = []
Object.assign(globalThis, { tell: (what: string) => told.push(what) })

const SETTINGS = `export default ({ bus, config }) => ({
  setup() { bus.serve('kytos.settings.register', content => { tell('registered ' + JSON.stringify(content)); return {} }); tell('+settings') },
  shutdown() { tell('-settings') },
})`
const tells = (name: string) =>
  `export default ({ id, bus, log }) => ({ setup() { tell('+${name}') }, shutdown() { tell('-${name}') } })`

beforeEach(() => {
  told.length = 0
})

async function tree() {
  const root = await temporaryTree()
  await enabled(root, 'kytos/settings', SETTINGS, { priority: 0 })
  const log = keepingLog()
  const bus = createBus()
  const host = createHost({ config: configFor(root), bus, log, shipped: [], shutdownTimeout: 0.05 })
  onTestFinished(() => host.stop())
  return { root, log, bus, host }
}

describe('starting and stopping', () => {
  it('starts in order and stops in reverse, once', async () => {
    const { root, host } = await tree()
    await enabled(root, 'a/second', tells('second'), { napp_dependencies: ['z/first'] })
    await enabled(root, 'z/first', tells('first'))
    await installed(root, 'a/off', tells('off'))
    await host.start()
    expect(host.running).toEqual(['kytos/settings', 'z/first', 'a/second'])
    await host.stop()
    await host.stop()
    await host.stopped
    expect(told).toEqual(['+settings', '+first', '+second', '-second', '-first', '-settings'])
    expect(host.running).toEqual([])
  })

  it('emits <username>/<name>.loaded after each setup()', async () => {
    const { root, host, bus } = await tree()
    await enabled(root, 'a/a', tells('a'))
    bus.on(/.*\.loaded/, event => void told.push(event.name))
    await host.start()
    await host.stop()
    expect(told).toEqual(['+settings', 'kytos/settings.loaded', '+a', 'a/a.loaded', '-a', '-settings'])
  })

  it('registers a schema, with seed and version, in the name of the NApp and before its setup()', async () => {
    const { root, host, bus } = await tree()
    const files = { 'schema.json': { type: 'object' }, 'settings.json': { big: 1 } }
    await enabled(root, 'a/a', tells('a'), { settings: 'schema.json', version: '1.2' }, files)
    const actors: unknown[] = []
    bus.on('kytos.settings.register', event => void actors.push((event.content as { actor: unknown }).actor))
    await host.start()
    expect(told[1]).toContain(
      '"namespace":"a/a","schema":{"type":"object"},"seed":{"big":1},"napp_version":"1.2"',
    )
    expect(told[2]).toBe('+a')
    expect(actors).toEqual([{ type: 'napp', name: 'a/a' }])
  })

  it('reports a NApp that fails, wherever it fails, and continues with the others', async () => {
    const { root, host, log } = await tree()
    await enabled(root, 'a/import', 'export default 1 +')
    await enabled(root, 'a/constructor', 'export default () => { throw new Error("no luck") }')
    await enabled(root, 'a/shape', 'export default () => ({})')
    await enabled(root, 'a/export', 'export const main = 1')
    await enabled(root, 'a/schema', tells('schema'), { settings: 'schema.json' }, { 'schema.json': '[' })
    await enabled(
      root,
      'a/setup',
      'export default () => ({ async setup() { throw new Error("no luck") }, shutdown() { tell("-setup") } })',
    )
    await enabled(root, 'a/zfine', tells('fine'))
    await writeFiles(root, { 'a/broken/napp.json': '{' })
    await host.start()
    expect(host.running).toEqual(['kytos/settings', 'a/zfine'])
    expect(told).toEqual(['+settings', '-setup', '+fine'])
    const errors = log.lines.filter(line => line.startsWith('ERROR')).join('\n')
    expect(errors).toMatch(
      /a\/import failed to start: .*main\.mjs, the main file of a\/import, cannot be loaded/,
    )
    expect(errors).toMatch(
      /a\/constructor failed to start: no luck \(\/.*main\.mjs:1:30\)\. It is retried when its napp\.json is saved/,
    )
    expect(errors).toContain(
      'a/shape failed to start: The object that the main file of a/shape creates has no setup() function. Add one.',
    )
    expect(errors).toContain('must have a default export')
    expect(errors).toMatch(/a\/schema failed to start: .*schema\.json is invalid/)
    expect(errors).toContain('a/setup failed to start: no luck')
    expect(log.lines).toContainEqual(expect.stringMatching(/^WARN host: .*a\/broken\/napp\.json is invalid/))
  })

  it('waits for no shutdown() past its patience and survives one that throws', async () => {
    const { root, host, log } = await tree()
    await enabled(
      root,
      'a/hangs',
      'export default () => ({ setup() {}, shutdown: () => new Promise(() => {}) })',
    )
    await enabled(
      root,
      'a/throws',
      'export default () => ({ setup() {}, shutdown() { throw new Error("stuck") } })',
    )
    await host.start()
    await host.stop()
    expect(told).toEqual(['+settings', '-settings'])
    expect(log.lines).toContain('ERROR a/hangs: shutdown() failed: it did not finish within 0.05 s')
    expect(log.lines).toContain('ERROR a/throws: shutdown() failed: stuck')
  })

  it('can be stopped while a setup() hangs; that NApp is shut down too', async () => {
    const { root, host, log } = await tree()
    const hangs =
      'export default () => ({ setup() { tell("hangs"); return new Promise(() => {}) }, shutdown() { tell("-hangs") } })'
    await enabled(root, 'a/hangs', hangs)
    await enabled(root, 'b/later', tells('later'))
    const started = host.start()
    await expect.poll(() => told).toContain('hangs')
    await host.stop()
    await started
    expect(told).toEqual(['+settings', 'hangs', '-hangs', '-settings'])
    expect(log.lines.filter(line => line.startsWith('ERROR'))).toEqual([])
  })
})

describe('kytos/settings that aborts the host', () => {
  it('stops everything in order, and its error is how the host ended', async () => {
    const { root, host } = await tree()
    Object.assign(globalThis, { wrong: new SettingsError('STORE_REFUSED', 'The store is another one.') })
    const main = `export default ({ abort }) => ({
      setup() { globalThis.giveUp = () => { abort(wrong); abort(new Error('later')) } }, shutdown() { tell('-settings') },
    })`
    await writeFile(join(root, 'kytos/settings/main.mjs'), main)
    await enabled(root, 'a/a', tells('a'))
    await host.start()
    Reflect.get(globalThis, 'giveUp')()
    expect(host.stopping.aborted).toBe(true)
    await expect(host.stopped).rejects.toMatchObject({ code: 'STORE_REFUSED' })
    expect(told).toEqual(['+a', '-a', '-settings'])
  })
})

describe('without kytos/settings', () => {
  it('that is enabled nothing starts, and the command that enables it is reported', async () => {
    const { root, host } = await tree()
    await disable(root, 'kytos/settings')
    await enabled(root, 'a/a', tells('a'))
    await expect(host.start()).rejects.toMatchObject({
      code: 'NAPP_DISABLED',
      message: expect.stringContaining('napps enable kytos/settings -c'),
    })
    expect(told).toEqual([])
  })

  it('whose manifest is valid nothing starts, and the problem is reported', async () => {
    const { root, host } = await tree()
    await writeFile(join(root, 'kytos/settings/napp.json'), '{')
    await expect(host.start()).rejects.toThrow(/napp\.json is invalid/)
  })

  it("but with Python's NApp of that name nothing starts, and the remedy is reported", async () => {
    const { root, host } = await tree()
    await rm(join(root, '.installed/kytos/settings/napp.json'))
    await writeFiles(root, { '.installed/kytos/settings/kytos.json': '{}' })
    await expect(host.start()).rejects.toThrow(/is the Python NApp of that name/)
  })

  it('whose setup() succeeds nothing starts, and its own error is the answer', async () => {
    const { root, host } = await tree()
    Object.assign(globalThis, { LOCKED: new SettingsError('STORE_LOCKED', 'The store is locked.') })
    await writeFile(
      join(root, 'kytos/settings/main.mjs'),
      'export default () => ({ setup() { throw LOCKED }, shutdown() { tell("-settings") } })',
    )
    await enabled(root, 'a/a', tells('a'))
    await expect(host.start()).rejects.toMatchObject({ code: 'STORE_LOCKED' })
    expect(told).toEqual(['-settings'])
  })
})

describe('in a running host', () => {
  it('enabling starts and disabling stops', async () => {
    const { root, host } = await tree()
    await installed(root, 'a/a', tells('a'))
    await host.start()
    await enable(root, 'a/a')
    await host.rescan()
    await disable(root, 'a/a')
    await host.rescan()
    expect(told).toEqual(['+settings', '+a', '-a'])
  })

  it('a change in the folder takes effect by itself', async () => {
    const { root, host } = await tree()
    await installed(root, 'a/a', tells('a'))
    await host.start()
    await enable(root, 'a/a')
    await expect.poll(() => told, { timeout: 3_000 }).toEqual(['+settings', '+a'])
  })

  it('a forgetful NApp leaves no listener behind, and can take no new one', async () => {
    const { root, host, bus, log } = await tree()
    const forgetful = `export default ({ bus }) => ({
      setup() { bus.on('x', () => tell('heard')); globalThis.late = () => bus.on('x', () => tell('late')) },
    })`
    await enabled(root, 'a/a', forgetful)
    await host.start()
    const before = bus.counts().listeners
    expect(before).toBe(1)
    await disable(root, 'a/a')
    await host.rescan()
    Reflect.get(globalThis, 'late')()
    expect(bus.counts().listeners).toBe(0)
    expect(log.lines).toContainEqual(
      expect.stringContaining('WARN a/a: Ignored a call of on(x) after the NApp was stopped'),
    )
  })

  it('a NApp that is installed again is loaded again', async () => {
    const { root, host } = await tree()
    await enabled(root, 'a/a', tells('one'))
    await host.start()
    const next = await temporaryTree()
    await writeFiles(next, {
      'napp.json': { username: 'a', name: 'a', main: 'main.mjs' },
      'main.mjs': tells('two'),
    })
    await install(root, next, true)
    await host.rescan()
    expect(told).toEqual(['+settings', '+one', '-one', '+two'])
  })

  it('a NApp whose manifest breaks keeps running, and the break is reported once', async () => {
    const { root, host, log } = await tree()
    const folder = await enabled(root, 'a/a', tells('a'))
    await host.start()
    await writeFile(join(folder, 'napp.json'), '{')
    await host.rescan()
    await host.rescan()
    expect(told).toEqual(['+settings', '+a'])
    expect(log.lines.filter(line => line.includes('napp.json is invalid'))).toHaveLength(1)
  })

  it('kytos/settings keeps running when it is disabled, with one warning', async () => {
    const { root, host, log } = await tree()
    await host.start()
    await disable(root, 'kytos/settings')
    await host.rescan()
    await host.rescan()
    expect(host.running).toEqual(['kytos/settings'])
    expect(log.lines.filter(line => line.includes('takes effect at the next start'))).toHaveLength(1)
  })

  it('a NApp that failed is left until it is repaired', async () => {
    const { root, host, log } = await tree()
    const folder = await enabled(root, 'a/a', 'export default () => { throw new Error("no luck") }')
    await host.start()
    await host.rescan()
    expect(log.lines.filter(line => line.includes('no luck'))).toHaveLength(1)
    await writeFiles(folder, {
      'main.mjs': tells('mended'),
      'napp.json': { username: 'a', name: 'a', main: 'main.mjs', version: '2' },
    })
    await host.rescan()
    expect(told).toEqual(['+settings', '+mended'])
  })

  it('a NApp that only came too early is retried until it starts', async () => {
    const { root, host, log } = await tree()
    Object.assign(globalThis, { outage: new SettingsError('STORE_UNREACHABLE', 'The store is away.') })
    const main =
      'export default () => ({ setup() { if (globalThis.outage) throw outage; tell("+patient") } })'
    await enabled(root, 'a/patient', main)
    await host.start()
    await host.rescan()
    expect(log.lines.filter(line => line.includes('The store is away'))).toHaveLength(1)
    Object.assign(globalThis, { outage: undefined })
    await host.rescan()
    expect(told).toEqual(['+settings', '+patient'])
  })

  it('the running NApps are the enabled ones, for any sequence of changes', async () => {
    const ids = ['a/a', 'a/b', 'b/c']
    const step = fc.tuple(fc.constantFrom('enable', 'disable', 'rescan'), fc.constantFrom(...ids))
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async steps => {
        told.length = 0
        const { root, host } = await tree()
        for (const id of ids) await installed(root, id, tells(id))
        await host.start()
        const on = new Set<string>()
        for (const [what, id] of steps) {
          if (what === 'enable') await enable(root, id).then(() => on.add(id))
          else if (what === 'disable') await disable(root, id).then(() => on.delete(id))
          else await host.rescan()
        }
        await host.rescan()
        expect([...host.running].sort()).toEqual([...on, 'kytos/settings'].sort())
        await host.stop()
        for (const id of ids)
          expect(told.filter(what => what === `+${id}`)).toHaveLength(
            told.filter(what => what === `-${id}`).length,
          )
      }),
      { numRuns: 25 },
    )
  })
})

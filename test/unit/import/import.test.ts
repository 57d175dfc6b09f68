import { describe, expect, it } from 'vitest'
import { ask } from '../../../events/ask.ts'
import { CLUSTER, overridesKey, parseNamespace } from '../../../model/namespace.ts'
import type { JsonObject } from '../../../model/value.ts'
import { printImportReport } from '../../../src/cli/print/import-report.ts'
import type { Ask } from '../../../src/import/ask.ts'
import { importSources } from '../../../src/import/import.ts'
import { readKytosConf } from '../../../src/import/kytos-conf.ts'
import { readOverridesJson } from '../../../src/import/overrides-json.ts'
import { readSettingsPy } from '../../../src/import/settings-py.ts'
import type { Source } from '../../../src/import/source.ts'
import type { Controller } from '../../support/controller.ts'
import { createStore, fingerprint, open, readDocument } from '../settings/stores.ts'

const NS = parseNamespace('kytos/example')
const FILE = '/napps/kytos/example/settings.py'

const py = (text: string): Source => ({
  kind: 'settings',
  file: FILE,
  namespace: NS,
  ...readSettingsPy(Buffer.from(text)),
})
const conf = (text: string): Source => ({
  kind: 'settings',
  file: 'kytos.conf',
  namespace: parseNamespace('kytos/core'),
  ...readKytosConf(text),
})
const json = (text: string): Source[] =>
  [...readOverridesJson(text).namespaces].map(([name, settings]) => ({
    kind: 'settings',
    file: 'a.json',
    namespace: parseNamespace(name),
    settings,
    problems: [],
  }))

const asker = (controller: Controller): Ask => {
  const view = controller.root.view({ type: 'import', name: 'settings.py' })
  return (name, content) => ask(view, name, content)
}
const bring = (
  controller: Controller,
  sources: readonly Source[],
  options: { overwrite?: boolean; dryRun?: boolean } = {},
) => importSources(asker(controller), sources, { overwrite: false, dryRun: false, ...options })
const dataOf = async (controller: Controller, namespace: string = NS): Promise<JsonObject> =>
  (await controller.ask('kytos.settings.retrieve', { namespace })).data

/** A secret, as it is stored and shown. */
const SEALED = { $sealed: expect.any(String) }
const SAMPLE =
  'POLLING_TIME = 3\nMASK = 0xDD00000000000000\nTIMEOUT = 5.0\nNOTHING = None\nNAPPS = {"a", "b"}\nDB = {"user": "kytos", "password": "s3cret"}\nJWT_SECRET = "hidden"\nLOCK = object()\n'

it('imports a namespace whose overrides were deleted before', async () => {
  const one = await open(createStore())
  await one.ask('kytos.settings.update', { namespace: NS, data: { was: 1 } })
  await one.ask('kytos.settings.delete', { namespace: NS })
  await bring(one, json('{"kytos/example": {"mine": 2}}'))
  expect(await dataOf(one)).toEqual({ mine: 2 })
})

it('the import of a file with more to tell than a call takes arguments is told whole', async () => {
  const problems = Array.from({ length: 200_000 }, (_, i) => ({ message: `the line ${i} is broken` }))
  const report = await bring(await open(createStore()), [{ kind: 'broken', file: 'a.json', problems }], {
    dryRun: true,
  })
  expect(report.counts).toEqual({ new: 0, changed: 0, same: 0, skipped: problems.length })
  expect(printImportReport(report).split('\n')).toHaveLength(problems.length + 2)
})

describe('the import of a settings.py', () => {
  it('gives a namespace without a schema the inferred one, with the values as defaults and secrets as overrides; again, it changes nothing', async () => {
    const store = createStore()
    const controller = await open(store)
    const trial = await bring(controller, [py(SAMPLE)], { dryRun: true })
    const report = await bring(controller, [py(SAMPLE)])
    expect(trial).toEqual({ ...report, dry_run: true })
    expect(report.counts).toEqual({ new: 7, changed: 0, same: 0, skipped: 1 })
    expect(report.items.map(({ name, action, layer, line }) => [line, name, action, layer])).toEqual([
      [1, 'POLLING_TIME', 'new', 'default'],
      [2, 'MASK', 'new', 'default'],
      [3, 'TIMEOUT', 'new', 'default'],
      [4, 'NOTHING', 'new', 'default'],
      [5, 'NAPPS', 'new', 'default'],
      [6, 'DB', 'new', 'override'],
      [7, 'JWT_SECRET', 'new', 'override'],
      [8, 'LOCK', 'skipped', undefined],
    ])
    expect(
      JSON.stringify(report, (_, value) => (typeof value === 'bigint' ? String(value) : value)),
    ).not.toMatch(/s3cret|hidden/)
    expect(await dataOf(controller)).toEqual({
      POLLING_TIME: 3,
      MASK: 0xdd00000000000000n,
      TIMEOUT: 5,
      NOTHING: null,
      NAPPS: ['a', 'b'],
      DB: { user: 'kytos', password: SEALED },
      JWT_SECRET: SEALED,
    })
    const { history } = readDocument(store, overridesKey(NS, CLUSTER))
    expect(history).toMatchObject([
      {
        data: { DB: { password: SEALED }, JWT_SECRET: SEALED },
        actor: { type: 'import', name: 'settings.py' },
        comment: `import ${FILE}:6,7`,
      },
    ])
    const before = fingerprint(store)
    expect((await bring(controller, [py(SAMPLE)])).counts).toEqual({
      new: 0,
      changed: 0,
      same: 7,
      skipped: 1,
    })
    expect(fingerprint(store)).toBe(before)
  })

  it('of a kytos.conf takes objects as they are, and says nothing of paths that the file leaves to Kytos', async () => {
    const controller = await open(createStore())
    const text =
      '[daemon]\nthread_pool_max_workers = {"sb": 64}\nevent_buffer_conf = {}\nlogging = /venv/etc/kytos/logging.ini\n'
    expect((await bring(controller, [conf(text)])).counts).toEqual({
      new: 3,
      changed: 0,
      same: 0,
      skipped: 0,
    })
    const data = await dataOf(controller, 'kytos/core')
    expect(data).toMatchObject({
      thread_pool_max_workers: { sb: 64 },
      event_buffer_conf: {},
      logging: '/venv/etc/kytos/logging.ini',
    })
    for (const left of ['workdir', 'pidfile', 'napps', 'installed_napps'])
      expect(data).not.toHaveProperty(left)
    expect(data.thread_pool_max_workers).toEqual({ sb: 64 })
    expect((await bring(controller, [conf(text)])).counts).toMatchObject({ same: 3 })
  })

  it('tries without writing anything', async () => {
    const store = createStore()
    const controller = await open(store)
    const before = fingerprint(store)
    await bring(controller, [py(SAMPLE), conf('[daemon]\nport = 6633\n')], { dryRun: true })
    expect(fingerprint(store)).toBe(before)
  })

  it('stores what differs from the defaults of a schema that is there, and never a value over another one unless told to', async () => {
    const store = createStore()
    const controller = await open(store)
    const schema = {
      type: 'object',
      properties: {
        POLLING_TIME: { type: 'integer', default: 3 },
        OTHER: { default: [1] },
        EDITED: { default: 1 },
        KEPT: { default: 'x' },
      },
    }
    await controller.ask('kytos.settings.register', { namespace: NS, schema })
    await controller.ask('kytos.settings.update', { namespace: NS, data: { EDITED: 7 } })
    const file = py('POLLING_TIME = 5\nOTHER = [1]\nEDITED = 2\nNEW = None\nKEPT = "x"\n')
    const trial = await bring(controller, [file], { dryRun: true })
    const report = await bring(controller, [file])
    expect(trial).toEqual({ ...report, dry_run: true })
    expect(
      report.items.map(({ name, action, layer, reason, old, new: now }) => ({
        name,
        action,
        layer,
        reason,
        old,
        now,
      })),
    ).toEqual([
      { name: 'POLLING_TIME', action: 'new', layer: 'override', reason: undefined, old: 3, now: 5 },
      { name: 'OTHER', action: 'same', layer: 'default', reason: undefined, old: undefined, now: undefined },
      {
        name: 'EDITED',
        action: 'skipped',
        layer: undefined,
        reason: '7 is already stored; --overwrite replaces it',
        old: 7,
        now: 2,
      },
      { name: 'NEW', action: 'new', layer: 'override', reason: undefined, old: undefined, now: null },
      { name: 'KEPT', action: 'same', layer: 'default', reason: undefined, old: undefined, now: undefined },
    ])
    expect((await controller.ask('kytos.settings.retrieve', { namespace: NS })).overrides).toEqual({
      POLLING_TIME: 5,
      EDITED: 7,
      NEW: null,
    })
    expect((await bring(controller, [file], { overwrite: true })).counts).toEqual({
      new: 0,
      changed: 1,
      same: 4,
      skipped: 0,
    })
    expect((await bring(controller, [file], { overwrite: true })).counts).toEqual({
      new: 0,
      changed: 0,
      same: 5,
      skipped: 0,
    })
    expect(await dataOf(controller)).toMatchObject({ EDITED: 2 })
  })

  it('leaves out what the schema does not take, and stores the rest', async () => {
    const controller = await open(createStore())
    const schema = {
      type: 'object',
      properties: { A: { type: 'integer', maximum: 9, default: 1 }, B: { type: 'string', default: '' } },
      additionalProperties: false,
    }
    await controller.ask('kytos.settings.register', { namespace: NS, schema })
    const report = await bring(controller, [py('A = 10\nB = "b"\nC = 1\n')])
    expect(report.items.map(({ name, action }) => [name, action])).toEqual([
      ['A', 'skipped'],
      ['B', 'new'],
      ['C', 'skipped'],
    ])
    expect(report.items[0]?.reason).toContain('9')
    expect(await dataOf(controller)).toEqual({ A: 1, B: 'b' })
  })

  it('lets an inferred schema grow with its file, and keeps edits', async () => {
    const controller = await open(createStore())
    await bring(controller, [py('A = 1\nB = {"x": 1, "y": 2}\n')])
    await controller.ask('kytos.settings.update', { namespace: NS, data: { A: 5, B: { x: 9 } } })
    const report = await bring(controller, [py('A = 2\nB = {"x": 1, "y": 3}\nC = "new"\n')])
    expect(report.items.map(({ name, action, layer }) => [name, action, layer])).toEqual([
      ['A', 'skipped', undefined],
      ['B', 'skipped', undefined],
      ['C', 'new', 'default'],
    ])
    expect(await dataOf(controller)).toEqual({ A: 5, B: { x: 9, y: 2 }, C: 'new' })
    expect((await bring(controller, [py('A = 5\nB = {"x": 9, "y": 2}\nC = "new"\n')])).counts.same).toBe(3)
  })

  it('does not register a schema that the stored overrides do not fit', async () => {
    const store = createStore()
    const controller = await open(store)
    await controller.ask('kytos.settings.create', { namespace: NS, data: { A: 'text' } })
    const before = fingerprint(store)
    expect((await bring(controller, [py('A = 1\n')])).items).toMatchObject([
      { action: 'skipped', reason: expect.stringContaining('do not match') },
    ])
    expect(fingerprint(store)).toBe(before)
    expect((await bring(controller, [py('A = "other"\nB = 1\n')])).items).toMatchObject([
      { action: 'skipped' },
      { action: 'new', layer: 'default' },
    ])
    expect(await dataOf(controller)).toEqual({ A: 'text', B: 1 })
  })

  it('decides anew when others change the namespace meanwhile, and then never takes their value', async () => {
    const controller = await open(createStore())
    await controller.ask('kytos.settings.register', {
      namespace: NS,
      schema: { type: 'object', properties: { A: { default: 1 }, B: { default: 1 } } },
    })
    const through = asker(controller)
    let raced = false
    const racing: Ask = async (name, content) => {
      if (name === 'kytos.settings.transaction' && !raced) {
        raced = true
        await controller.ask('kytos.settings.update', { namespace: NS, data: { A: 7 } })
      }
      return through(name, content)
    }
    await importSources(racing, [py('A = 2\nB = 2\n')], { overwrite: false, dryRun: false })
    expect(await dataOf(controller)).toEqual({ A: 7, B: 2 })
  })

  it('that a hook refuses is told, also by the trial, and the other namespaces come in', async () => {
    const controller = await open(createStore())
    await controller.ask('kytos.settings.register', {
      namespace: NS,
      schema: { type: 'object', properties: { A: { default: 1 } } },
    })
    controller.root
      .view({ type: 'napp', name: NS })
      .consume(NS, { changing: () => Promise.reject(new Error('not now')) })
    const sources = [py('A = 2\n'), ...json('{"kytos/other": {"B": 1}}')]
    for (const dryRun of [true, false]) {
      const { items } = await bring(controller, sources, { dryRun })
      expect(items).toMatchObject([
        { name: 'A', action: 'skipped', reason: expect.stringContaining('not now') },
        { name: 'B', action: 'new' },
      ])
    }
    expect(await dataOf(controller)).toEqual({ A: 1 })
    expect(await dataOf(controller, 'kytos/other')).toEqual({ B: 1 })
  })
})

describe('the import of other files', () => {
  it('of a kytos.conf keeps what differs from the defaults of Kytos, typed', async () => {
    const controller = await open(createStore())
    const file = conf('[daemon]\nport = 6633\napi_port = 8181\ndebug = True\njwt_secret = abc\nmine = 1\n')
    expect((await bring(controller, [file])).counts).toMatchObject({ new: 5, same: 0 })
    expect((await controller.ask('kytos.settings.retrieve', { namespace: 'kytos/core' })).overrides).toEqual({
      port: 6633,
      debug: true,
      jwt_secret: SEALED,
      mine: '1',
    })
    expect((await bring(controller, [file])).counts).toEqual({ new: 0, changed: 0, same: 5, skipped: 0 })
  })

  it('of a JSON file stores overrides as they are, with the lines of the file', async () => {
    const store = createStore()
    const controller = await open(store)
    const text =
      '{\n  "kytos/a": {\n    "x": {"y": "}"},\n\n    "big": 9007199254740993\n  },\n  "kytos/b": {"z": null}\n}'
    const report = await bring(controller, json(text))
    expect(report.items.map(({ namespace, name, line, action }) => [namespace, name, line, action])).toEqual([
      ['kytos/a', 'x', 3, 'new'],
      ['kytos/a', 'big', 5, 'new'],
      ['kytos/b', 'z', 7, 'new'],
    ])
    expect(await dataOf(controller, 'kytos/a')).toEqual({ x: { y: '}' }, big: 9007199254740993n })
    expect(await dataOf(controller, 'kytos/b')).toEqual({ z: null })
    expect(readDocument(store, overridesKey(parseNamespace('kytos/a'), CLUSTER)).history).toMatchObject([
      { comment: 'import a.json:3,5' },
    ])
    expect((await bring(controller, json(text))).counts.same).toBe(3)
    expect(readOverridesJson('{"a": 1, "a": 2}').problems).toMatchObject([
      { line: 1, message: expect.stringContaining('duplicate') },
    ])
    expect(readOverridesJson('{"kytos/a": 1}').problems).toMatchObject([{ line: 1 }])
    expect(readOverridesJson('[]').problems).toHaveLength(1)
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ask } from '../../../events/ask.ts'
import { parseNamespace } from '../../../model/namespace.ts'
import { equalJson, isObject, type Json, type JsonObject } from '../../../model/value.ts'
import type { Ask } from '../../../src/import/ask.ts'
import { importSources } from '../../../src/import/import.ts'
import { readOverridesJson } from '../../../src/import/overrides-json.ts'
import { statedTypes } from '../../../src/import/python/types.ts'
import { readSettingsPy } from '../../../src/import/settings-py.ts'
import type { Source } from '../../../src/import/source.ts'
import type { Controller } from '../../support/controller.ts'
import { createStore, fingerprint, open } from '../settings/stores.ts'

const NS = parseNamespace('kytos/example')
const FILE = '/napps/kytos/example/settings.py'

const py = (text: string): Source => ({
  kind: 'settings',
  file: FILE,
  namespace: NS,
  ...readSettingsPy(Buffer.from(text)),
})
const json = (text: string): Source[] =>
  [...readOverridesJson(text).namespaces].map(([name, settings]) => ({
    kind: 'settings',
    file: 'a.json',
    namespace: parseNamespace(name),
    settings,
    problems: [],
    isOverrides: true,
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
const dataOf = async (controller: Controller): Promise<JsonObject> =>
  (await controller.ask('kytos.settings.retrieve', { namespace: NS })).data
const schemaOf = async (controller: Controller): Promise<JsonObject> =>
  (await controller.ask('kytos.settings.describe', { namespace: NS })).schema ?? {}
const propertyOf = async (controller: Controller, name: string): Promise<Json | undefined> => {
  const { properties } = await schemaOf(controller)
  return isObject(properties) ? properties[name] : undefined
}
const actions = ({ items }: Awaited<ReturnType<typeof bring>>) =>
  items.map(({ name, action }) => [name, action])

describe('an import reports what is in force afterwards', () => {
  it.each([
    ['{"p": {"x": 1}}', '{"p": {}}', { p: {} }],
    ['{"p": {"x": 1}, "q": 2}', '{}', {}],
    ['{"a": {"b": {"c": 1, "d": 2}}}', '{"a": {"b": {"d": 3}}}', { a: { b: { d: 3 } } }],
    [
      '{"send_flow_mod": {"pace": "100/second", "strategy": "fixed-window"}}',
      '{"send_flow_mod": {"pace": "10/second"}}',
      { send_flow_mod: { pace: '10/second' } },
    ],
  ])('where shipped is %s and the file has %s, the file counts', async (shipped, own, value) => {
    const store = createStore()
    const controller = await open(store)
    await bring(controller, [py(`A = ${shipped}\nB = 1\n`)])
    const trial = await bring(controller, [py(`A = ${own}\nB = 1\n`)], { dryRun: true })
    const report = await bring(controller, [py(`A = ${own}\nB = 1\n`)])
    expect(trial).toEqual({ ...report, dry_run: true })
    expect(report.items[0]).toMatchObject({
      action: 'new',
      layer: 'override',
      new: value,
      reason: expect.stringContaining('replaces the whole default'),
    })
    expect(await dataOf(controller)).toEqual({ A: value, B: 1 })
    const before = fingerprint(store)
    expect((await bring(controller, [py(`A = ${own}\nB = 1\n`)])).counts).toMatchObject({ same: 2 })
    expect(fingerprint(store)).toBe(before)
  })

  it('after a stop between the override and the schema, the same import completes it', async () => {
    const controller = await open(createStore())
    await bring(controller, [py('A = {"p": {"x": 1}}')])
    const own = py('A = {"p": {}}')
    const through = asker(controller)
    const stopping: Ask = (name, content) => {
      if (name === 'kytos.settings.register') throw new Error('stopped')
      return through(name, content)
    }
    await importSources(stopping, [own], { overwrite: false, dryRun: false }).catch(() => {})
    expect(await dataOf(controller)).toEqual({ A: { p: { x: 1 } } })
    expect(actions(await bring(controller, [own]))).toEqual([['A', 'changed']])
    expect(await dataOf(controller)).toEqual({ A: { p: {} } })
  })

  it("a NApp's own schema and seed stay: what an override cannot say is skipped, and nothing of it is stored", async () => {
    const controller = await open(createStore())
    await controller.ask('kytos.settings.register', {
      namespace: NS,
      schema: {
        type: 'object',
        properties: { A: { type: 'object', default: { x: 1, y: 2 } }, B: { default: 1 } },
      },
      seed: { B: 5, C: { z: 1 } },
    })
    const file = py('A = {"x": 3}\nB = 1\nC = {}\n')
    const trial = await bring(controller, [file], { dryRun: true })
    const report = await bring(controller, [file])
    expect(trial).toEqual({ ...report, dry_run: true })
    expect(report.items).toMatchObject([
      { name: 'A', action: 'skipped', reason: expect.stringContaining('y') },
      { name: 'B', action: 'new', old: 5, new: 1 },
      { name: 'C', action: 'skipped' },
    ])
    expect(await dataOf(controller)).toEqual({ A: { x: 1, y: 2 }, B: 1, C: { z: 1 } })
  })

  it('names the layer of this controller that hides a value', async () => {
    const controller = await open(createStore())
    await controller.ask('kytos.settings.create', {
      namespace: NS,
      data: { A: 7 },
      scope: 'controller:controller-1',
    })
    const { items } = await bring(controller, [py('A = 2\n')])
    expect(items).toMatchObject([
      { action: 'new', reason: 'the layer "controller" of this controller hides it' },
    ])
  })

  it('an inferred default adds nothing to an override that is stored already', async () => {
    const controller = await open(createStore())
    await controller.ask('kytos.settings.create', { namespace: NS, data: { A: { x: 1 } } })
    const { items } = await bring(controller, [py('A = {"y": 2}\n')])
    expect(items).toMatchObject([{ action: 'skipped', reason: expect.stringContaining('already stored') }])
    expect(await dataOf(controller)).toEqual({ A: { x: 1 } })
    expect(actions(await bring(controller, [py('A = {"y": 2}\n')], { overwrite: true }))).toEqual([
      ['A', 'changed'],
    ])
    expect(await dataOf(controller)).toEqual({ A: { y: 2 } })
  })

  it('of exported overrides, each is one that merges with its default; again, they are the same', async () => {
    const controller = await open(createStore())
    await bring(controller, [py('A = {"x": 1, "y": 2}\nB = 1\n')])
    const exported = json('{"kytos/example": {"A": {"x": 5}, "B": 2}}')
    const report = await bring(controller, exported)
    expect(report.items).toMatchObject([{ action: 'new', new: { x: 5, y: 2 } }, { action: 'new' }])
    expect(await dataOf(controller)).toEqual({ A: { x: 5, y: 2 }, B: 2 })
    expect((await bring(controller, exported)).counts).toMatchObject({ same: 2, skipped: 0 })
  })
})

describe('a dry run and an import agree', () => {
  it('about a good setting beside one that a hook refuses, with a schema and without', async () => {
    for (const shipped of ['', 'A = 1\nB = 1\n']) {
      const controller = await open(createStore())
      if (shipped !== '') await bring(controller, [py(shipped)])
      controller.root.view({ type: 'napp', name: NS }).consume(NS, {
        changing: ({ changes }) =>
          changes.some(({ path }) => path === 'A' || path === '/A')
            ? Promise.reject(new Error('not A'))
            : undefined,
      })
      const file = py('A = 2\nB = 2\nC_PASSWORD = "x"\n')
      const trial = await bring(controller, [file], { dryRun: true })
      const report = await bring(controller, [file])
      expect(trial).toEqual({ ...report, dry_run: true })
      if (shipped === '') continue
      expect(actions(report)).toEqual([
        ['A', 'skipped'],
        ['B', 'new'],
        ['C_PASSWORD', 'new'],
      ])
      expect(await dataOf(controller)).toEqual({ A: 1, B: 2, C_PASSWORD: { $sealed: expect.any(String) } })
    }
  })

  it('about names that objects of JavaScript have', async () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'a/b', '~', '']
    const text = `{"kytos/example": {${names.map(name => `${JSON.stringify(name)}: {"x": ${name === '~' ? '{"__proto__": 1}' : 1}}`).join(', ')}}}`
    for (const file of [
      json(text),
      [
        py(
          `A = {${names.map(name => `${JSON.stringify(name)}: {"__proto__": 1}`).join(', ')}}\nconstructor = 1\ntoString = {"a": 1}\n`,
        ),
      ],
    ]) {
      const store = createStore()
      const controller = await open(store)
      const trial = await bring(controller, file, { dryRun: true })
      const report = await bring(controller, file)
      expect(trial).toEqual({ ...report, dry_run: true })
      const data = await dataOf(controller)
      for (const { name = '', action, new: value } of report.items)
        if (action === 'new')
          expect(equalJson(Object.hasOwn(data, name) ? data[name] : undefined, value)).toBe(true)
      expect(report.counts.new).toBeGreaterThan(1)
      expect((await bring(controller, file)).counts).toMatchObject({ new: 0, changed: 0 })
    }
  })
})

const key = fc.constantFrom('a', 'b', 'c', 'constructor')
/** A value as Python source. */
const { literal } = fc.letrec<{ literal: string; leaf: string; dict: string; list: string }>(tie => ({
  literal: fc.oneof({ depthSize: 'small', maxDepth: 3 }, tie('leaf'), tie('dict'), tie('list')),
  leaf: fc.constantFrom(
    '1',
    '2',
    '1.0',
    '-0.0',
    '0.0',
    '2.5',
    '"x"',
    'b"x"',
    'None',
    'True',
    '(1, 2)',
    '{1}',
    '{1: 2}',
    '{"1": 2}',
  ),
  dict: fc.dictionary(key, tie('literal'), { maxKeys: 3 }).map(
    members =>
      `{${Object.entries(members)
        .map(([name, value]) => `"${name}": ${value}`)
        .join(', ')}}`,
  ),
  list: fc
    .tuple(fc.array(tie('literal'), { maxLength: 3 }), fc.boolean())
    .map(([items, isTuple]) =>
      isTuple ? `(${items.map(item => `${item},`).join('')})` : `[${items.join(', ')}]`,
    ),
}))

it('of any two files and any stored override, the report is what is in force, the dry run says the same, types last, and a repetition changes nothing', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(literal, { minLength: 2, maxLength: 3 }),
      fc.array(literal, { minLength: 2, maxLength: 3 }),
      fc.option(literal),
      fc.boolean(),
      async (shipped, own, stored, overwrite) => {
        const store = createStore()
        const controller = await open(store)
        const file = (values: readonly string[]) =>
          py(values.map((value, i) => `S${i} = ${value}\n`).join(''))
        await bring(controller, [file(shipped)])
        if (stored !== null) {
          const [setting] = readSettingsPy(Buffer.from(`A = ${stored}`)).settings
          await controller
            .ask('kytos.settings.update', {
              namespace: NS,
              method: 'PUT',
              data: { S0: setting?.value ?? null },
            })
            .catch(() => {})
        }
        const before = await dataOf(controller)
        const source = file(own)
        const trial = await bring(controller, [source], { overwrite, dryRun: true })
        const report = await bring(controller, [source], { overwrite })
        expect(trial).toEqual({ ...report, dry_run: true })
        const after = await dataOf(controller)
        const read = source.kind === 'settings' ? source : undefined
        for (const { name = '', action } of report.items) {
          const wanted = read?.settings.find(one => one.name === name)?.value
          expect(
            equalJson(after[name], action === 'skipped' ? before[name] : wanted),
            `${name} ${action}`,
          ).toBe(true)
          if (action === 'skipped' || wanted === undefined) continue
          const properties = read?.schema?.properties
          const types = statedTypes(isObject(properties) ? properties[name] : undefined, wanted)
          expect(statedTypes(await propertyOf(controller, name), wanted)).toEqual(types)
        }
        const print = fingerprint(store)
        const again = await bring(controller, [source], { overwrite })
        expect(again.counts).toMatchObject({ new: 0, changed: 0, skipped: report.counts.skipped })
        expect(fingerprint(store)).toBe(print)
      },
    ),
    { numRuns: 40 },
  )
}, 120_000)

describe('Python types last', () => {
  const types = (text: string) => {
    const { settings, schema } = readSettingsPy(Buffer.from(text))
    const properties = isObject(schema?.properties) ? schema.properties : {}
    return Object.fromEntries(
      settings.map(({ name, value }) => [name, Object.fromEntries(statedTypes(properties[name], value))]),
    )
  }

  it('where only the place of a value tells them', () => {
    expect(
      types(
        'A = [1, 2.0, 3.5]\nB = [[1], (1,), {1}]\nC = (1, (2.0,))\nD = -0.0\nE = [1.0, -0.0]\nF = {"x": [1, {2: b"y"}]}\n',
      ),
    ).toEqual({
      A: { '/1': 'float' },
      B: { '/1': 'tuple', '/2': 'set' },
      C: { '': 'tuple', '/1': 'tuple', '/1/0': 'float' },
      D: { '': 'float -0.0' },
      E: { '/0': 'float', '/1': 'float -0.0' },
      F: { '/x/1': 'dict[int]', '/x/1/2': 'bytes' },
    })
    const large = `A = {${Array.from({ length: 200 }, (_, i) => `"k${i}": ${i === 150 ? '(1,)' : i === 160 ? '7.0' : i}`).join(', ')}}`
    expect(types(large)).toEqual({ A: { '/k150': 'tuple', '/k160': 'float' } })
    expect(
      types(`A = {${Array.from({ length: 200 }, (_, i) => `${i}: ${i}.0`).join(', ')}}`).A,
    ).toMatchObject({ '': 'dict[int]', '/7': 'float' })
    expect(
      types('A = {"x-python-type": 1.0, "default": (1,)}\nB = [{"x-python-type": 1}, {"default": 2.0}]'),
    ).toEqual({ A: { '/x-python-type': 'float', '/default': 'tuple' }, B: { '/1/default': 'float' } })
  })

  it('a changed type is a change: reported by a dry run and an import, and stored', async () => {
    const controller = await open(createStore())
    await bring(controller, [py('A = 1\nB = (1, 2)\nC = [1, 2]\nD = 0.0\n')])
    const file = py('A = 1.0\nB = [1, 2]\nC = [1, 2.0]\nD = -0.0\n')
    const trial = await bring(controller, [file], { dryRun: true })
    const report = await bring(controller, [file])
    expect(trial).toEqual({ ...report, dry_run: true })
    expect(report.items.map(({ action, reason }) => [action, reason])).toEqual([
      ['changed', 'its Python type changed: int -> float'],
      ['changed', 'its Python type changed: tuple -> list'],
      ['changed', 'its Python type changed: /1 int -> float'],
      ['changed', 'its Python type changed: float -> float -0.0'],
    ])
    expect(await propertyOf(controller, 'A')).toMatchObject({ type: 'number', 'x-python-type': 'float' })
    expect(await propertyOf(controller, 'C')).toMatchObject({ 'x-python-type': { '/1': 'float' } })
    expect((await bring(controller, [file])).counts).toMatchObject({ same: 4 })
  })
})

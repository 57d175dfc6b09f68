import { expect, it } from 'vitest'
import { ask } from '../../../events/ask.ts'
import { parseNamespace } from '../../../model/namespace.ts'
import { isObject, type JsonObject } from '../../../model/value.ts'
import type { SettingMode } from '../../../src/import/apply/apply-modes.ts'
import { withModes } from '../../../src/import/apply/mode-schema.ts'
import { importSources } from '../../../src/import/import.ts'
import { readSettingsPy } from '../../../src/import/settings-py.ts'
import type { Controller } from '../../support/controller.ts'
import { createStore, fingerprint, open } from '../settings/stores.ts'

const NS = parseNamespace('kytos/example')

/** Imports a settings.py whose setting A has this mode. */
async function bring(one: Controller, apply: SettingMode['apply'], decides: string, text = 'A = 1\nB = 2\n') {
  const view = one.root.view({ type: 'import', name: 'settings.py' })
  const read = readSettingsPy(Buffer.from(text))
  const source = {
    kind: 'settings',
    file: '/napps/kytos/example/settings.py',
    namespace: NS,
    ...read,
  } as const
  const modes = [{ namespace: NS, name: 'A', apply, way: 'attribute', decides }] as const
  const options = { overwrite: false, dryRun: false }
  await importSources((name, content) => ask(view, name, content), [withModes(source, modes)], options)
}

const propertyOf = async (one: Controller, name: string): Promise<JsonObject> => {
  const { schema } = await one.ask('kytos.settings.describe', { namespace: NS })
  const property = isObject(schema.properties) ? schema.properties[name] : undefined
  return isObject(property) ? property : {}
}

it('an import writes the modes that it read, and writes nothing the second time', async () => {
  const store = createStore()
  const one = await open(store)
  await bring(one, 'live', 'main.py:3')
  const comment = 'settings.py:1; x-apply live by main.py:3'
  expect(await propertyOf(one, 'A')).toMatchObject({ default: 1, 'x-apply': 'live', $comment: comment })
  expect(await propertyOf(one, 'B')).not.toHaveProperty('x-apply')
  const before = fingerprint(store)
  await bring(one, 'live', 'main.py:3')
  expect(fingerprint(store)).toBe(before)
})

it('an import of other code writes the other mode, also where a schema had none', async () => {
  const one = await open(createStore())
  const schema = readSettingsPy(Buffer.from('A = 1\nB = 2\n')).schema as JsonObject
  await one.ask('kytos.settings.register', { namespace: NS, schema })
  await bring(one, 'live', 'main.py:3')
  expect(await propertyOf(one, 'A')).toMatchObject({ 'x-apply': 'live' })
  await bring(one, 'reload', 'main.py:4')
  const comment = 'settings.py:1; x-apply reload by main.py:4'
  expect(await propertyOf(one, 'A')).toMatchObject({ 'x-apply': 'reload', $comment: comment })
})

it.each([
  ['without a comment', undefined],
  ['with the comment of an import', 'settings.py:1; x-apply live by main.py:3'],
])('a mode that an operator set stays, %s', async (_, comment) => {
  const one = await open(createStore())
  const read = readSettingsPy(Buffer.from('A = 1\n')).schema as JsonObject
  const own = { type: 'integer', default: 1, 'x-apply': 'never', ...(comment && { $comment: comment }) }
  await one.ask('kytos.settings.register', { namespace: NS, schema: { ...read, properties: { A: own } } })
  await bring(one, 'live', 'main.py:3', 'A = 1\n')
  expect(await propertyOf(one, 'A')).toEqual(own)
})

it('a schema that a NApp registered stays as it is', async () => {
  const one = await open(createStore())
  const schema = { properties: { A: { type: 'integer', default: 1 } } }
  await one.ask('kytos.settings.register', { namespace: NS, schema })
  await bring(one, 'live', 'main.py:3', 'A = 2\n')
  expect(await propertyOf(one, 'A')).toEqual({ type: 'integer', default: 1 })
})

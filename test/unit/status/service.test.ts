import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { FileProblem } from '../../../backends/backend.ts'
import { type Key, makeKey } from '../../../model/key.ts'
import { MAX_NAMED } from '../../../src/status/service.ts'
import { openController } from '../../support/controller.ts'
import { createFilesStage, sourceOf } from '../../support/file-problems.ts'

const X = makeKey('settings', 'kytos', 'x')
const X_HERE = makeKey('controllers', 'c1', 'kytos', 'x')
const X_THERE = makeKey('controllers', 'c2', 'kytos', 'x')
const Y = makeKey('settings', 'kytos', 'y')
const BOX = makeKey('boxes', 'net', 'a b')
const OTHER_BOX = makeKey('boxes', 'other', 'c')

/** A controller on a store whose readable files have problems; each document exists. */
async function openStage() {
  const stage = createFilesStage()
  const controller = await openController({ backend: () => stage.backend, id: 'c1' })
  onTestFinished(() => controller.close())
  for (const name of ['x', 'y'])
    await controller.ask('kytos.settings.update', { namespace: `kytos/${name}`, data: { n: 1 } })
  for (const scope of ['controller', 'controller:c2'])
    await controller.ask('kytos.settings.update', { namespace: 'kytos/x', data: { n: 2 }, scope })
  await controller.ask('kytos.storehouse.create', { namespace: 'net', box_id: 'a b', data: 1 })
  await controller.ask('kytos.storehouse.create', { namespace: 'other', box_id: 'c', data: 1 })
  return { stage, controller, ask: controller.ask }
}

describe('kytos.settings.status', () => {
  it('says how the service is, where, on which backend, and that no file has a problem', async () => {
    const { controller, ask } = await openStage()
    const { revision, since, epoch } = controller.service.health()
    expect(await ask('kytos.settings.status', {})).toEqual({
      controller: 'c1',
      backend: 'memory',
      state: 'READY',
      revision: String(revision),
      epoch,
      since,
      reason: null,
      age: expect.any(Number),
      files: [],
      napps: [],
    })
  })

  it('names each file with its document: overrides by namespace and scope, boxes by namespace and id', async () => {
    const { stage, ask } = await openStage()
    stage.add('FILE_MISSING', X, X_THERE, BOX)
    stage.add('FILE_REJECTED', Y)
    stage.add('FILE_UNWRITABLE', X_HERE)
    const file = (key: Key, code: FileProblem['code']) => ({
      code,
      source: sourceOf(key),
      message: `The file of ${key} is ${code}.`,
    })
    expect((await ask('kytos.settings.status', {})).files).toEqual([
      { namespace: 'net', box_id: 'a b', ...file(BOX, 'FILE_MISSING') },
      { namespace: 'kytos/x', scope: 'controller:c1', ...file(X_HERE, 'FILE_UNWRITABLE') },
      { namespace: 'kytos/x', scope: 'controller:c2', ...file(X_THERE, 'FILE_MISSING') },
      { namespace: 'kytos/x', scope: 'cluster', ...file(X, 'FILE_MISSING') },
      { namespace: 'kytos/y', scope: 'cluster', ...file(Y, 'FILE_REJECTED') },
    ])
  })

  it('of a namespace or scope names its files only, and refuses a namespace that is not there', async () => {
    const { stage, ask } = await openStage()
    stage.add('FILE_MISSING', X, X_HERE, X_THERE, Y, BOX, OTHER_BOX, makeKey('settings', 'kytos', 'never'))
    const sources = async (content: { readonly namespace?: string; readonly scope?: string }) =>
      (await ask('kytos.settings.status', content)).files.map(({ source }) => source)
    expect(await sources({ namespace: 'kytos/x' })).toEqual([X_HERE, X_THERE, X].map(sourceOf))
    expect(await sources({ namespace: 'kytos/x', scope: 'controller' })).toEqual([sourceOf(X_HERE)])
    expect(await sources({ scope: 'controller:c2' })).toEqual([sourceOf(X_THERE)])
    expect(await sources({ namespace: 'net' })).toEqual([sourceOf(BOX)])
    // A rejected file of a document that never came to be is a reason to ask for it.
    expect(await sources({ namespace: 'kytos/never' })).toHaveLength(1)
    await expect(ask('kytos.settings.status', { namespace: 'kytos/xx' })).rejects.toMatchObject({
      code: 'NAMESPACE_NOT_FOUND',
      details: { nearest: 'kytos/x' },
    })
    await expect(ask('kytos.settings.status', { namespace: 'nets' })).rejects.toMatchObject({
      code: 'NAMESPACE_NOT_FOUND',
    })
  })

  it('names a bounded number of files, and says how many more there are', async () => {
    const { stage, ask } = await openStage()
    stage.add(
      'FILE_MISSING',
      ...Array.from({ length: MAX_NAMED + 3 }, (_, i) => makeKey('boxes', 'many', `${i}`)),
    )
    const { files, more_files } = await ask('kytos.settings.status', {})
    expect([files.length, more_files]).toEqual([MAX_NAMED, 3])
    const { restored, more } = await ask('kytos.settings.restore_files', {})
    expect([restored.length, more]).toEqual([MAX_NAMED, 3])
    expect((await ask('kytos.settings.status', {})).files).toEqual([])
  })
})

describe('kytos.settings.restore_files', () => {
  it('writes missing files again, never others, and names their documents', async () => {
    const { stage, controller, ask } = await openStage()
    stage.add('FILE_MISSING', X, X_THERE, BOX)
    stage.add('FILE_REJECTED', Y)
    const before = controller.service.health().revision
    expect(await ask('kytos.settings.restore_files', {})).toEqual({
      restored: [
        { namespace: 'net', box_id: 'a b' },
        { namespace: 'kytos/x', scope: 'controller:c2' },
        { namespace: 'kytos/x', scope: 'cluster' },
      ],
    })
    expect(stage.calls).toEqual([undefined])
    expect((await ask('kytos.settings.status', {})).files).toMatchObject([{ namespace: 'kytos/y' }])
    expect(await ask('kytos.settings.restore_files', {})).toEqual({ restored: [] })
    expect(controller.service.health().revision).toBe(before)
    expect(
      controller.log.lines.filter(line =>
        line.includes('Restored 3 missing readable files for napp kytos/test'),
      ),
    ).toHaveLength(1)
  })

  it('takes a NApp in all scopes, and a namespace of boxes', async () => {
    const { stage, ask } = await openStage()
    stage.add('FILE_MISSING', X, X_HERE, X_THERE, Y, BOX, OTHER_BOX)
    await ask('kytos.settings.restore_files', { namespace: 'kytos/x' })
    await ask('kytos.settings.restore_files', { namespace: 'net' })
    expect(stage.calls.map(keys => [...(keys ?? [])].sort())).toEqual([[X_HERE, X_THERE, X], [BOX]])
    expect(stage.problems.map(({ key }) => key)).toEqual([OTHER_BOX, Y])
    await expect(ask('kytos.settings.restore_files', { namespace: 'kytos/z' })).rejects.toMatchObject({
      code: 'NAMESPACE_NOT_FOUND',
    })
  })

  it('passes on why a file cannot be written, and keeps the problem', async () => {
    const { stage, ask } = await openStage()
    stage.add('FILE_MISSING', X)
    stage.isReadOnly = true
    await expect(ask('kytos.settings.restore_files', {})).rejects.toMatchObject({ code: 'STORE_UNWRITABLE' })
    expect((await ask('kytos.settings.status', {})).files).toHaveLength(1)
  })

  it('restores, of any problems, exactly those that are missing and asked for; what it answers is what is gone from the status', async () => {
    const { stage, ask } = await openStage()
    const keys = [X, X_HERE, X_THERE, Y, BOX, OTHER_BOX]
    const problems = fc.uniqueArray(
      fc.record({
        key: fc.constantFrom(...keys),
        code: fc.constantFrom<FileProblem['code']>('FILE_MISSING', 'FILE_REJECTED', 'FILE_UNWRITABLE'),
      }),
      { selector: ({ key }) => key },
    )
    const asked = fc.record(
      {
        namespace: fc.constantFrom('kytos/x', 'kytos/y', 'net', 'other'),
        scope: fc.constantFrom('cluster', 'controller:c1', 'controller:c2'),
      },
      { requiredKeys: [] },
    )
    await fc.assert(
      fc.asyncProperty(problems, asked, async (found, content) => {
        stage.problems = []
        for (const { key, code } of found) stage.add(code, key)
        const nameOf = ({
          source: _s,
          code: _c,
          message: _m,
          ...name
        }: {
          readonly source: string
          readonly code: string
          readonly message: string
        }) => name
        const selected = (await ask('kytos.settings.status', content)).files
        const before = (await ask('kytos.settings.status', {})).files
        const { restored } = await ask('kytos.settings.restore_files', content)
        const after = (await ask('kytos.settings.status', {})).files
        const missing = selected.filter(({ code }) => code === 'FILE_MISSING')
        expect(restored).toEqual(missing.map(nameOf))
        expect(after).toEqual(before.filter(file => !missing.some(({ source }) => source === file.source)))
      }),
    )
  })
})

describe('kytos.settings.list', () => {
  it('marks the namespaces whose files do not show their documents, in any scope, and no others', async () => {
    const { stage, ask } = await openStage()
    expect((await ask('kytos.settings.list', {})).map(one => 'files' in one)).toEqual([false, false])
    stage.add('FILE_UNWRITABLE', X)
    stage.add('FILE_MISSING', X_HERE, X_THERE, BOX)
    expect(await ask('kytos.settings.list', {})).toMatchObject([
      { namespace: 'kytos/x', files: ['FILE_MISSING', 'FILE_UNWRITABLE'] },
      { namespace: 'kytos/y' },
    ])
    expect((await ask('kytos.settings.list', {}))[1]).not.toHaveProperty('files')
  })
})

describe('a finding about a file', () => {
  it.each(['FILE_MISSING', 'FILE_UNWRITABLE', 'FILE_REJECTED'] as const)(
    '%s is logged once, as it arises',
    async code => {
      const { controller } = await openStage()
      controller.service.report({ code, key: X, source: sourceOf(X), message: 'It is so.' })
      expect(controller.log.lines.filter(line => /^warn .*It is so\./.test(line))).toHaveLength(1)
      // A fact after it: whatever was announced before has arrived by then.
      await controller.ask('kytos.storehouse.create', { namespace: 'net', box_id: 'later', data: 1 })
      await expect
        .poll(() =>
          controller.changes.some(({ content }) => 'box_id' in content && content.box_id === 'later'),
        )
        .toBe(true)
      const rejected = controller.facts.filter(({ name }) => name === 'settings.rejected')
      expect(rejected).toMatchObject(
        code === 'FILE_REJECTED' ? [{ content: { namespace: 'kytos/x', source: sourceOf(X) } }] : [],
      )
    },
  )
})

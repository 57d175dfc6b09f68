import fc from 'fast-check'
import { expect, it, onTestFinished } from 'vitest'
import { openController } from '../../support/controller.ts'

async function openStage() {
  const controller = await openController({ id: 'c1' })
  onTestFinished(() => controller.close())
  const { ask } = controller
  return {
    ask,
    put: (namespace: string, scope: string) =>
      ask('kytos.settings.update', { namespace, data: { n: 1 }, scope }),
  }
}

it('the controller that answers is there without overrides; cluster overrides and schemas are no controller', async () => {
  const { ask, put } = await openStage()
  await put('kytos/x', 'cluster')
  await ask('kytos.settings.register', { namespace: 'kytos/y', schema: {} })
  expect(await ask('kytos.settings.controllers', {})).toEqual({
    controllers: [{ id: 'c1', self: true, running: true, namespaces: [] }],
  })
})

it('an owner of overrides is there until the last of them is deleted', async () => {
  const { ask, put } = await openStage()
  await put('kytos/y', 'controller:c2')
  await put('kytos/x', 'controller:c2')
  await put('kytos/x', 'controller')
  expect(await ask('kytos.settings.controllers', {})).toEqual({
    controllers: [
      { id: 'c1', self: true, running: true, namespaces: ['kytos/x'] },
      { id: 'c2', self: false, running: false, namespaces: ['kytos/x', 'kytos/y'] },
    ],
  })
  for (const namespace of ['kytos/x', 'kytos/y'])
    await ask('kytos.settings.delete', { namespace, scope: 'controller:c2' })
  expect((await ask('kytos.settings.controllers', {})).controllers.map(({ id }) => id)).toEqual(['c1'])
})

it('of any changes, the answer is what the stored overrides are, sorted', async () => {
  const change = fc.record({
    id: fc.constantFrom('A', 'a', 'c1', 'z-9', '0'),
    name: fc.constantFrom('b', 'a', 'B'),
    put: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 12 }), async changes => {
      const { ask, put } = await openStage()
      // Namespaces that differ only in case are refused.
      const namespaces = { a: 'kytos/a', b: 'kytos/b', B: 'other/b' }
      const stored = new Set<string>()
      for (const { id, name, put: isPut } of changes) {
        const namespace = namespaces[name as keyof typeof namespaces]
        const scope = `controller:${id}`
        if (isPut) await put(namespace, scope)
        else if (stored.has(`${id} ${namespace}`)) await ask('kytos.settings.delete', { namespace, scope })
        stored[isPut ? 'add' : 'delete'](`${id} ${namespace}`)
      }
      const { controllers } = await ask('kytos.settings.controllers', {})
      const ids = [...new Set(['c1', ...[...stored].map(one => one.split(' ')[0] ?? '')])].sort()
      expect(controllers.map(({ id }) => id)).toEqual(ids)
      expect(controllers.filter(({ self }) => self).map(({ id }) => id)).toEqual(['c1'])
      expect(controllers.flatMap(({ id, namespaces }) => namespaces.map(one => `${id} ${one}`))).toEqual(
        [...stored].sort(),
      )
    }),
    { numRuns: 40 },
  )
})

it('a scope that is none is refused', async () => {
  const { ask } = await openStage()
  await expect(ask('kytos.settings.controllers', { scope: 'c1' })).rejects.toMatchObject({
    code: 'SCOPE_MALFORMED',
  })
  expect(
    (await ask('kytos.settings.controllers', { scope: 'cluster', comment: 'why' })).controllers,
  ).toHaveLength(1)
})

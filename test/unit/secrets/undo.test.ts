import { expect, it } from 'vitest'
import { createMemoryBackend, createMemoryStore } from '../../../backends/memory/index.ts'
import { EVERYTHING } from '../../../model/key.ts'
import { openController } from '../../support/controller.ts'
import { expire, reaches } from '../pending/stage.ts'

const NAMESPACE = 'kytos/test'
const FIRST = 'canary-first'
const SECOND = 'canary-second'
const SCHEMA = {
  type: 'object',
  properties: { n: { type: 'integer' }, password: { type: 'string', 'x-sensitive': true } },
} as const

async function open() {
  const store = createMemoryStore()
  const controller = await openController({ backend: () => createMemoryBackend(undefined, store) })
  const { ask } = controller
  await ask('kytos.settings.register', { namespace: NAMESPACE, schema: SCHEMA })
  await ask('kytos.settings.update', { namespace: NAMESPACE, data: { n: 1, password: FIRST } })
  /** The secret as its NApp sees it. */
  const secret = async () => {
    const { data } = await ask('kytos.settings.retrieve', { namespace: NAMESPACE })
    return data.password
  }
  return { store, controller, ask, secret }
}

it('a change that is not confirmed in time returns to the secret before it', async () => {
  const { store, controller, ask, secret } = await open()
  await ask('kytos.settings.update', {
    namespace: NAMESPACE,
    data: { n: 2, password: SECOND },
    confirm_within: 3_600,
  })
  expect(await secret()).toBe(SECOND)
  expire(store, NAMESPACE)
  await reaches(store, NAMESPACE, 'expired')
  await expect.poll(secret).toBe(FIRST)
  await controller.close()
})

it('a rollback returns to the secret of a version, and nothing that looks back shows it', async () => {
  const { store, controller, ask, secret } = await open()
  await ask('kytos.settings.update', { namespace: NAMESPACE, data: { n: 2, password: SECOND } })
  const answers = [
    await ask('kytos.settings.rollback', { namespace: NAMESPACE, version: 1, keys: ['/password'] }),
    await ask('kytos.settings.audit', {}),
    await ask('kytos.settings.as_of', { at: '2100-01-01T00:00:00Z' }),
    await ask('kytos.settings.history', { namespace: NAMESPACE }),
  ]
  expect(await secret()).toBe(FIRST)
  const { data } = await ask('kytos.settings.retrieve', { namespace: NAMESPACE })
  expect(data.n).toBe(2)
  const stored = store.list(EVERYTHING).map(({ text }) => text)
  expect(JSON.stringify([answers, stored, controller.facts])).not.toMatch(/canary/)
  await controller.close()
})

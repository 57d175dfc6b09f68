import { describe, expect, it } from 'vitest'
import type { Controller } from '../../support/controller.ts'
import { createStore, open } from './stores.ts'

const NS = 'kytos/of_lldp'
const schemaOf = (n: number) => ({ properties: { polling_time: { type: 'integer', default: n } } })
const register = (one: Controller, n: number) =>
  one.ask('kytos.settings.register', { namespace: NS, schema: schemaOf(n), napp_version: `1.${n}` })
const remove = (one: Controller, more: { digest?: string; force?: boolean } = {}) =>
  one.ask('kytos.settings.remove_schema', { namespace: NS, ...more })

describe('stored schemas', () => {
  it('of a NApp that no controller runs are removed only by force, and the namespace with them', async () => {
    const store = createStore()
    const old = await open(store, 'old')
    for (const n of [1, 2, 3]) await register(old, n)
    await old.service.close()
    const one = await open(store, 'a')
    const two = await open(store, 'b')
    await expect(remove(one)).rejects.toMatchObject({ code: 'SCHEMA_IN_USE' })
    expect((await one.ask('kytos.settings.describe', { namespace: NS })).defaults).toEqual({
      polling_time: 3,
    })
    const { removed } = await remove(one, { force: true })
    expect(removed).toHaveLength(3)
    for (const controller of [one, two])
      await expect(
        controller.ask('kytos.settings.retrieve', { namespace: NS, fresh: true }),
      ).rejects.toMatchObject({ code: 'NAMESPACE_NOT_FOUND' })
    expect(await one.ask('kytos.settings.list', {})).toEqual([])
    await expect(remove(one, { force: true })).rejects.toMatchObject({ code: 'NAMESPACE_NOT_FOUND' })
  })

  it('of a version that was only tried are removed by digest; the one below it is in use then', async () => {
    const store = createStore()
    const old = await open(store, 'old')
    for (const n of [1, 2]) await register(old, n)
    const { digest } = await old.ask('kytos.settings.describe', { namespace: NS })
    await old.service.close()
    const one = await open(store, 'a')
    expect(await remove(one, { digest, force: true })).toEqual({ namespace: NS, removed: [digest] })
    expect((await one.ask('kytos.settings.describe', { namespace: NS })).defaults).toEqual({
      polling_time: 1,
    })
  })

  it('more than fit into one commit are all removed', async () => {
    const store = createStore()
    const old = await open(store, 'old')
    for (let n = 1; n <= 120; n++) await register(old, n)
    await old.service.close()
    const one = await open(store, 'a')
    expect((await remove(one, { force: true })).removed).toHaveLength(120)
    expect(await one.ask('kytos.settings.list', {})).toEqual([])
  })
})

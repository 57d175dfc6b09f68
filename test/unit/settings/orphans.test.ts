import { describe, expect, it } from 'vitest'
import { ask } from '../../../events/ask.ts'
import type { NAppStatus } from '../../../events/nouns.ts'
import type { Controller } from '../../support/controller.ts'
import { createStore, open } from './stores.ts'

const SCHEMA = { properties: { n: { type: 'integer', default: 1 } } }

/** A controller whose host has these NApps enabled; the list may change. */
async function openHost(store = createStore(), id = 'c1', enabled: string[] = []) {
  const napps = (): readonly NAppStatus[] =>
    enabled.map(napp => ({ napp, state: 'running', version: null, since: '', reason: null, stamp: '' }))
  const controller = await open(store, id, { napps })
  const registerAs = (napp: string) =>
    ask(controller.root.view({ type: 'napp', name: napp }), 'kytos.settings.register', {
      namespace: napp,
      schema: SCHEMA,
    })
  return { ...controller, enabled, registerAs }
}

const put = (one: Pick<Controller, 'ask'>, namespace: string, scope = 'cluster', n = 2) =>
  one.ask('kytos.settings.update', { namespace, scope, data: { n } })

describe('a namespace that no NApp of this controller uses', () => {
  const loaded = async (one: Pick<Controller, 'ask'>) =>
    Object.fromEntries(
      (await one.ask('kytos.settings.list', {})).map(({ namespace, loaded = true }) => [namespace, loaded]),
    )

  it('is marked in the list: those of enabled NApps, of registrations and of the core are not', async () => {
    const one = await openHost(createStore(), 'c1', ['kytos/free', 'kytos/lldp'])
    for (const name of ['kytos/free', 'kytos/core', 'kytos/gone']) await put(one, name)
    await one.registerAs('kytos/lldp')
    const user = one.root.view({ type: 'user', name: 'ann' })
    await ask(user, 'kytos.settings.register', { namespace: 'python/napp', schema: SCHEMA })
    expect(await loaded(one)).toEqual({
      'kytos/core': true,
      'kytos/free': true,
      'kytos/gone': false,
      'kytos/lldp': true,
      'python/napp': true,
    })
    one.enabled.pop()
    expect(await loaded(one)).toMatchObject({ 'kytos/lldp': false, 'python/napp': true })
  })

  it('is not marked by a service without a host, which knows of no NApp', async () => {
    const one = await open(createStore())
    await put(one, 'kytos/gone')
    expect(await loaded(one)).toEqual({ 'kytos/gone': true })
  })

  it('goes for good with its schema, while the service runs that its NApp was removed from', async () => {
    const one = await openHost(createStore(), 'c1', ['kytos/lldp'])
    await one.registerAs('kytos/lldp')
    const remove = { namespace: 'kytos/lldp', force: true }
    await one.ask('kytos.settings.remove_schema', remove)
    const stored = async () =>
      (await one.ask('kytos.settings.describe', { namespace: 'kytos/lldp' })).stored.length
    // Its NApp still runs, so the schema is stored again.
    await expect.poll(stored, { timeout: 15_000 }).toBe(1)
    one.enabled.pop()
    await one.ask('kytos.settings.remove_schema', remove)
    expect(await one.ask('kytos.settings.list', {})).toEqual([])
  })

  it('goes for good with a schema that a user registered and removes', async () => {
    const one = await openHost()
    const user = one.root.view({ type: 'user', name: 'ann' })
    await ask(user, 'kytos.settings.register', { namespace: 'python/napp', schema: SCHEMA })
    await ask(user, 'kytos.settings.remove_schema', { namespace: 'python/napp', force: true })
    expect(await one.ask('kytos.settings.list', {})).toEqual([])
  })
})

it('a description lists the stored schemas: the one that needs no NApp first, then from the newest', async () => {
  const one = await open(createStore())
  const register = (n: number, napp_version: string) =>
    one.ask('kytos.settings.register', {
      namespace: 'kytos/x',
      schema: { properties: { n: { default: n } } },
      napp_version,
    })
  for (const [i, version] of ['2.0', '0.9', '1.0'].entries()) await register(i, version)
  const { stored, napp_version } = await one.ask('kytos.settings.describe', { namespace: 'kytos/x' })
  expect(napp_version).toBe('1.0')
  expect(stored.map(one => one.napp_version)).toEqual(['2.0', '1.0', '0.9'])
  expect(Number(stored[1]?.revision)).toBeGreaterThan(Number(stored[2]?.revision))
})

describe('a scope of a controller that is not known', () => {
  const warnings = (answer: { readonly warnings?: readonly string[] }) => answer.warnings ?? []

  it('causes a warning with the nearest id, in reads, dry runs, changes and transactions', async () => {
    const one = await open(createStore(), 'controller-1')
    await put(one, 'kytos/x')
    await put(one, 'kytos/x', 'controller:controller-2')
    const there = { namespace: 'kytos/x', scope: 'controller:contoller-2' }
    const expected = [
      'No controller "contoller-2" is known: it is not "controller-1", which answers, and no overrides were ' +
        'stored for it before. Did you mean "controller-2"? "kytos-settings controllers" lists the known ids.',
    ]
    const data = { n: 3 }
    expect(warnings(await one.ask('kytos.settings.retrieve', there))).toEqual(expected)
    expect(warnings(await one.ask('kytos.settings.retrieve', { ...there, explain: true }))).toEqual(expected)
    const update = (more: { dry_run?: true } = {}) =>
      one.ask('kytos.settings.update', { ...there, data, ...more })
    expect(warnings(await update({ dry_run: true }))).toEqual(expected)
    const { settings } = await one.ask('kytos.settings.transaction', {
      operations: [
        { ...there, data },
        { ...there, scope: 'controller:controller-2', data },
      ],
    })
    expect(settings.map(warnings)).toEqual([expected, []])
    // Its overrides make it known.
    expect(warnings(await update())).toEqual([])
  })

  it('causes none for the cluster and for the controller that answers', async () => {
    const one = await open(createStore(), 'controller-1')
    for (const scope of ['cluster', 'controller', 'controller:controller-1'])
      expect(warnings(await put(one, 'kytos/x', scope))).toEqual([])
    expect(warnings(await put(one, 'kytos/x', 'controller:far-away'))[0]).not.toContain('Did you mean')
  })
})

describe('overrides of a controller id that is not used any more', () => {
  const warned = ({ log }: Pick<Controller, 'log'>) =>
    log.lines.filter(line => line.startsWith('warn This controller'))

  it('are logged once, by a controller that has none of its own', async () => {
    const store = createStore()
    const old = await openHost(store, 'old-host')
    expect(warned(old)).toEqual([])
    await put(old, 'kytos/x', 'controller')
    await old.close()
    const renamed = await openHost(store, 'new-host')
    expect(warned(renamed)).toEqual([
      'warn This controller, "new-host", has no overrides of its own; these have: "old-host" (kytos/x). ' +
        'If it was renamed: "kytos-settings controllers rename old-host new-host" moves them.',
    ])
    await put(renamed, 'kytos/x', 'controller')
    expect(warned(renamed)).toHaveLength(1)
    await renamed.close()
    expect(warned(await openHost(store, 'new-host'))).toEqual([])
  })
})

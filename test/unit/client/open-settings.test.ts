import { describe, expect, it, onTestFinished } from 'vitest'
import { ask } from '../../../events/ask.ts'
import type { Json } from '../../../model/value.ts'
import { openSettings } from '../../../src/client/open-settings.ts'
import { around, ID, opened, SCHEMA, stage } from './stage.ts'

describe('settings on a service', () => {
  it('registers the schema in the name of the NApp, with the version of its manifest', async () => {
    const one = await stage()
    onTestFinished(one.close)
    const actors: unknown[] = []
    one.root.on(
      'kytos.settings.register',
      ({ content }) => void actors.push(Reflect.get(Object(content), 'actor')),
    )
    const manifest = { username: 'kytos', name: 'of_lldp', main: 'main.js', priority: 100, version: '1.2' }
    const settings = await openSettings({ ...one.owner, manifest }, SCHEMA)
    expect(settings).toMatchObject({ namespace: ID, values: { polling_time: 3, vlans: [] }, state: 'READY' })
    expect(await ask(one.bus, 'kytos.settings.describe', { namespace: ID })).toMatchObject({
      napp_version: '1.2',
      schema: SCHEMA,
    })
    expect(actors).toEqual([{ type: 'napp', name: ID }])
    settings.close()
  })

  it('opens settings that a manifest registered without its own declaration, and settings without any declaration', async () => {
    const one = await stage()
    onTestFinished(one.close)
    const empty = await openSettings<{ readonly polling_time?: number }>(one.owner)
    expect(empty).toMatchObject({ values: {}, revision: '0', state: 'READY' })
    await ask(one.bus, 'kytos.settings.register', { namespace: ID, schema: SCHEMA })
    await expect.poll(() => empty.values).toEqual({ polling_time: 3, vlans: [] })
    const settings = await openSettings<{ readonly polling_time: number }>(one.owner)
    expect(settings.values.polling_time).toBe(3)
    await empty.update({ polling_time: 4 })
    expect(empty.values.polling_time).toBe(4)
    empty.close()
    settings.close()
  })

  it('receives the changes of another controller', async () => {
    const { world, settings } = await opened()
    const two = await stage(world, 'two')
    onTestFinished(two.close)
    const heard = new Promise(resolve => settings.on('polling_time', (now, before) => resolve([before, now])))
    await two.set(7)
    expect(await heard).toEqual([3, 7])
    expect(settings.revision).toBe((await two.truth()).revision)
  })

  it('leaves nothing behind when the schema is refused, nor after close()', async () => {
    const one = await stage()
    onTestFinished(one.close)
    const { listeners } = one.root.counts()
    await expect(
      openSettings(one.owner, { type: 'object', properties: { a: { type: 'string', default: 1 } } }),
    ).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
    })
    const settings = await openSettings(one.owner, SCHEMA)
    settings.close()
    expect(one.root.counts().listeners).toBe(listeners)
    await one.set(8)
    expect(settings.values.polling_time).toBe(3)
    expect(await settings.update({ polling_time: 9 })).toMatchObject({
      data: { polling_time: 9 },
      observed: false,
    })
  })

  it('undoes nothing when an old fact is delivered again', async () => {
    const { root, settings, set, facts } = await opened()
    await set(4)
    await set(5)
    const told: unknown[] = []
    settings.onChange(now => void told.push(now))
    for (const fact of facts) root.announce('settings.changed', { ...fact, origin: 'replay' })
    await set(6)
    await expect.poll(() => settings.values.polling_time).toBe(6)
    expect(told).toEqual([{ polling_time: 6, vlans: [] }])
  })
})

describe('a change while settings are opened or updated', () => {
  it('between the question and its answer is not lost, nor taken back by the answer', async () => {
    const one = await stage()
    onTestFinished(one.close)
    const bus = around(one.bus, 'kytos.settings.retrieve', { after: () => one.set(7) })
    const settings = await openSettings({ ...one.owner, bus }, SCHEMA)
    expect(settings.values.polling_time).toBe(7)
    settings.close()
  })

  it('before the declaration counts does not take it back, when its registration commits nothing', async () => {
    const one = await stage()
    onTestFinished(one.close)
    const two = await stage(one.world, 'two')
    onTestFinished(two.close)
    const register = (content: object) =>
      ask(two.bus, 'kytos.settings.register', { namespace: ID, schema: SCHEMA, ...content })
    await register({ napp_version: '1.0' })
    await register({
      napp_version: '2.0',
      schema: { ...SCHEMA, properties: { polling_time: { default: 9 } } },
    })
    await expect.poll(() => one.truth().then(({ data }) => data)).toEqual({ polling_time: 9 })
    const bus = around(one.bus, 'kytos.settings.register', {
      // Of no effect here, but a fact with a revision above all that this controller counts as the
      // namespace's.
      before: () => one.set(5, 'controller:three'),
    })
    const manifest = { username: 'kytos', name: 'of_lldp', main: 'main.js', priority: 100, version: '1.0' }
    const settings = await openSettings({ ...one.owner, bus, manifest }, SCHEMA)
    expect(settings.values).toEqual({ polling_time: 3, vlans: [] })
    settings.close()
  })

  it('is waited for by update(), also behind thousands of other listeners', async () => {
    const one = await stage()
    onTestFinished(one.close)
    for (let i = 0; i < 3_000; i++) one.bus.on('settings.changed', () => {})
    const settings = await openSettings(one.owner, SCHEMA)
    const told: number[] = []
    settings.on('polling_time', now => void told.push(now))
    expect(await settings.update({ polling_time: 8 })).not.toHaveProperty('observed')
    expect([settings.values.polling_time, ...told]).toEqual([8, 8])
    settings.close()
  })
})

describe('settings while the store is away', () => {
  it('can be opened: the declaration counts at once, and is stored when the store is back', async () => {
    const one = await stage()
    onTestFinished(one.close)
    await one.set(5)
    one.line.down = true
    one.line.cut()
    await expect.poll(() => one.service.health().state).toBe('STALE')
    const settings = await openSettings(one.owner, SCHEMA)
    const told: Json[] = []
    settings.onChange(now => void told.push(now))
    expect(settings).toMatchObject({ state: 'STALE', values: { polling_time: 5, vlans: [] } })
    await expect(settings.update({ polling_time: 6 })).rejects.toMatchObject({ code: 'STORE_STALE' })
    one.line.down = false
    await expect.poll(() => settings.state).toBe('READY')
    await expect.poll(() => one.world.entries().some(({ key }) => key.startsWith('schemas/'))).toBe(true)
    await settings.update({ polling_time: 6 })
    expect(told).toEqual([{ polling_time: 6, vlans: [] }])
  })

  it('follow into a store that was restored from a backup, whose revisions are lower, and can be guarded there', async () => {
    const { world, service, settings, set, truth } = await opened()
    for (const value of [4, 5, 6]) await set(value)
    await expect.poll(() => settings.values.polling_time).toBe(6)
    const { epoch } = settings
    const told: unknown[] = []
    settings.on('polling_time', (now, before) => void told.push([before, now]))
    world.rewind(2)
    await expect.poll(() => settings.epoch).toBeGreaterThan(epoch)
    await expect.poll(() => settings.values.polling_time).toBe(4)
    const { revision } = await truth()
    await expect.poll(() => settings.revision).toBe(revision)
    // The values come with the listing; writes are accepted once the watch after it has caught up.
    await expect.poll(() => service.health().state).toBe('READY')
    await settings.update({ polling_time: 9 }, { revision: settings.revision })
    expect(told).toEqual([
      [6, 4],
      [4, 9],
    ])
  })
})

import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ask } from '../../../events/ask.ts'
import { createBus } from '../../../events/bus.ts'
import type { Facts, Settings } from '../../../events/map.ts'
import type { Json } from '../../../model/value.ts'
import type { JsonSchema } from '../../../src/client/json-schema.ts'
import type { LiveSettings } from '../../../src/client/live-settings.ts'
import { openSettings } from '../../../src/client/open-settings.ts'
import type { SettingsOf } from '../../../src/client/settings-of.ts'
import { createService } from '../../../src/service.ts'
import { keepLog } from '../../support/controller.ts'
import { HURRIED } from '../watcher/ensemble.ts'
import { World } from '../watcher/world.ts'

const ID = 'kytos/of_lldp'
const SCHEMA = {
  type: 'object',
  properties: {
    polling_time: { type: 'integer', minimum: 0, maximum: 999, default: 3 },
    vlans: { type: 'array', items: { type: 'integer' }, default: [] },
  },
} as const satisfies JsonSchema

/** A controller with its bus in hand. */
async function stage(world = new World(), controller = 'one') {
  const log = keepLog()
  const root = createBus({ log })
  const line = world.connect()
  const service = createService(() => line, { bus: root, controller, strict: false, log, startTimeout: 5_000, pace: HURRIED })
  const close = () => service.close()
  const bus = root.view({ type: 'napp', name: ID })
  await service.start()
  const facts: Facts['settings.changed'][] = []
  root.on('settings.changed', ({ content }) => void facts.push(content))
  const set = (polling_time: number, scope = 'cluster'): Promise<Settings> =>
    ask(bus, 'kytos.settings.update', { namespace: ID, data: { polling_time }, scope })
  const truth = () => ask(bus, 'kytos.settings.retrieve', { namespace: ID })
  return { world, log, root, bus, line, service, facts, set, truth, close, owner: { id: ID, bus, log } }
}

async function opened(world?: World) {
  const one = await stage(world)
  onTestFinished(one.close)
  const settings = await openSettings(one.owner, SCHEMA)
  onTestFinished(() => settings.close())
  return { ...one, settings }
}

describe('settings on a service', () => {
  it('registers the schema in the name of the NApp, with the version of its manifest', async () => {
    const one = await stage()
    onTestFinished(one.close)
    const actors: unknown[] = []
    one.root.on('kytos.settings.register', ({ content }) => void actors.push(Reflect.get(Object(content), 'actor')))
    const manifest = { username: 'kytos', name: 'of_lldp', main: 'main.js', priority: 100, version: '1.2' }
    const settings = await openSettings({ ...one.owner, manifest }, SCHEMA)
    expect(settings).toMatchObject({ namespace: ID, values: { polling_time: 3, vlans: [] }, state: 'READY' })
    expect(await ask(one.bus, 'kytos.settings.describe', { namespace: ID })).toMatchObject({ napp_version: '1.2', schema: SCHEMA })
    expect(actors).toEqual([{ type: 'napp', name: ID }])
    settings.close()
  })

  it('opens what a manifest registered without a declaration of its own, and what nobody has declared', async () => {
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

  it('hears what another controller changes', async () => {
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
    const { listeners } = one.root.census()
    await expect(openSettings(one.owner, { type: 'object', properties: { a: { type: 'string', default: 1 } } })).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
    })
    const settings = await openSettings(one.owner, SCHEMA)
    settings.close()
    expect(one.root.census().listeners).toBe(listeners)
    await one.set(8)
    expect(settings.values.polling_time).toBe(3)
    expect(await settings.update({ polling_time: 9 })).toMatchObject({ data: { polling_time: 9 }, observed: false })
  })

  it('takes nothing back when an old fact is handed out again', async () => {
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
    const { world, settings, set, truth } = await opened()
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
    await settings.update({ polling_time: 9 }, { revision: settings.revision })
    expect(told).toEqual([
      [6, 4],
      [4, 9],
    ])
  })
})

const SOON = { interval: 2, timeout: 5_000 }

type Act = 'set' | 'own' | 'other' | 'cut' | 'rewind' | 'replay' | 'update' | 'wait'

describe('whatever happens', () => {
  it('settings end as the service has them, their place never goes back, and each listener hears a chain', async () => {
    const acts = fc.array(fc.constantFrom<Act>('set', 'set', 'own', 'other', 'cut', 'rewind', 'replay', 'update', 'wait'), { maxLength: 12 })
    await fc.assert(fc.asyncProperty(acts, fc.nat({ max: 6 }), play), { numRuns: 40 })
  })
})

/** Plays what happens, the settings being opened in the middle of it, and judges. */
async function play(acts: readonly Act[], openAt: number): Promise<void> {
  const one = await stage()
  let settings: LiveSettings<SettingsOf<typeof SCHEMA>> | undefined
  try {
    const calls: (readonly [number, number])[] = []
    const places: [number, bigint][] = []
    const pending: Promise<unknown>[] = []
    // A commit on a line that is cut, or in a store that goes back, may be refused; what counts is what came of it.
    const attempt = (work: Promise<unknown>) => pending.push(Promise.allSettled([work]))
    const open = async (): Promise<void> => {
      settings = await openSettings(one.owner, SCHEMA)
      const { values } = settings
      calls.push([values.polling_time, values.polling_time])
      settings.on('polling_time', (now, before) => void calls.push([before, now]))
    }
    const act: Record<Act, (i: number) => unknown> = {
      set: i => attempt(one.set(10 + i)),
      own: i => attempt(one.set(100 + i, 'controller')),
      other: i => attempt(one.set(200 + i, 'controller:two')),
      update: i => attempt(settings ? settings.update({ vlans: [i] }) : one.set(i)),
      cut: () => one.line.cut(),
      rewind: () => one.world.rewind(1),
      replay: () => one.facts.slice(-3).map(fact => one.root.announce('settings.changed', { ...fact, origin: 'replay' })),
      wait: () => new Promise(setImmediate),
    }
    for (const [i, name] of acts.entries()) {
      if (i === openAt) attempt(open())
      await act[name](i)
      if (settings) places.push([settings.epoch, BigInt(settings.revision)])
    }
    await Promise.all(pending)
    if (!settings) await open()
    await accepted(() => one.set(999))
    await accepted(() => one.set(998, 'controller'))
    const { data, revision, epoch } = await one.truth()
    await expect.poll(() => settings, SOON).toMatchObject({ values: data, revision, epoch, state: 'READY' })
    for (const [i, [before]] of calls.entries()) if (i > 0) expect(before).toBe(calls[i - 1]?.[1])
    expect(calls.at(-1)?.[1]).toBe(998)
    for (const [i, [epoch, revision]] of places.entries()) {
      const [earlier, below] = places[i - 1] ?? [0, 0n]
      expect(epoch > earlier || (epoch === earlier && revision >= below)).toBe(true)
    }
  } finally {
    settings?.close()
    await one.close()
  }
}

/** Resolves once the service, whose line may have been cut a moment ago, takes it. */
async function accepted(work: () => Promise<unknown>): Promise<void> {
  const isTaken = () =>
    work().then(
      () => true,
      () => false,
    )
  await expect.poll(isTaken, SOON).toBe(true)
}

import { describe, expect, it } from 'vitest'
import { createBus } from '../../../events/bus.ts'
import type { KytosEvent } from '../../../events/event.ts'
import { COMMANDS, type Facts } from '../../../events/map.ts'
import { SYSTEM } from '../../../model/actor.ts'
import { SettingsError } from '../../../model/errors.ts'
import { changedFact, settled } from './facts.ts'

const LLDP = { type: 'napp', name: 'kytos/of_lldp' } as const

describe('an event', () => {
  it('has a uuid, an ISO timestamp, a priority that is carried and no reinjections', async () => {
    const bus = createBus({ clock: () => Date.UTC(2024, 1, 29) })
    const heard: KytosEvent[] = []
    bus.on('kytos/topology.updated', event => void heard.push(event))
    const sent = bus.view(LLDP).emit('kytos/topology.updated', { links: 3 }, { priority: -7 })
    await settled()
    expect(heard).toEqual([sent])
    expect(sent).toMatchObject({
      name: 'kytos/topology.updated',
      content: { links: 3 },
      timestamp: '2024-02-29T00:00:00.000Z',
      priority: -7,
    })
    expect(sent.reinjections).toBe(0)
    expect(sent.id).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
    expect(bus.emit('a').priority).toBe(0)
  })

  it('is delivered after emit has returned, in a microtask', async () => {
    const bus = createBus()
    const steps: string[] = []
    bus.on('a', () => void steps.push('heard'))
    bus.emit('a')
    steps.push('emitted')
    await Promise.resolve()
    expect(steps).toEqual(['emitted', 'heard'])
  })

  it.each(['', '*', 'a\nb', 'a\0', 'x'.repeat(513), 7])('may not be named %j', name => {
    const bus = createBus()
    expect(() => bus.emit(name as string)).toThrow(expect.objectContaining({ code: 'CONTENT_MALFORMED' }))
    expect(() => bus.on(name as string, () => {})).toThrow(
      expect.objectContaining({ code: 'CONTENT_MALFORMED' }),
    )
  })

  it.each([null, [], 'text', 5])('may not hold %j, only an object', content => {
    expect(() => createBus().emit('a', content as unknown as object)).toThrow(
      expect.objectContaining({ code: 'CONTENT_MALFORMED' }),
    )
  })
})

describe('a listener', () => {
  it('by name hears that name only; by pattern every whole name that matches', async () => {
    const bus = createBus()
    const heard: Record<string, string[]> = {
      exact: [],
      pattern: [],
      alternatives: [],
      folded: [],
      sticky: [],
    }
    const hear = (key: string) => (event: KytosEvent) => void heard[key]?.push(event.name)
    bus.on('kytos/a.b', hear('exact'))
    bus.on(/kytos\/a\..*/, hear('pattern'))
    bus.on(/x|kytos\/a/, hear('alternatives'))
    bus.on(/KYTOS\/A/i, hear('folded'))
    bus.on(/kytos\/a/gy, hear('sticky'))
    for (let round = 0; round < 2; round++)
      for (const name of ['kytos/a.b', 'kytos/a', 'kytos/a.bc', 'net.kytos/a.b', 'x', 'xx']) bus.emit(name)
    await settled()
    const twice = (...names: string[]) => [...names, ...names]
    expect(heard).toEqual({
      exact: twice('kytos/a.b'),
      pattern: twice('kytos/a.b', 'kytos/a.bc'),
      alternatives: twice('kytos/a', 'x'),
      folded: twice('kytos/a'),
      sticky: twice('kytos/a'),
    })
  })

  it('that comes or goes later changes what a remembered name matches', async () => {
    const bus = createBus()
    const heard: string[] = []
    const stop = bus.on(/a.*/, () => void heard.push('first'))
    bus.emit('ab')
    await settled()
    bus.on(/.*b/, () => void heard.push('second'))
    bus.emit('ab')
    await settled()
    stop()
    bus.emit('ab')
    await settled()
    expect(heard).toEqual(['first', 'first', 'second', 'second'])
  })

  it('hears one event at a time: the next waits for its promise', async () => {
    const bus = createBus()
    const steps: string[] = []
    bus.on('a', async event => {
      steps.push(`begin ${(event.content as { n: number }).n}`)
      await settled()
      steps.push(`end ${(event.content as { n: number }).n}`)
    })
    for (const n of [1, 2, 3]) bus.emit('a', { n })
    for (let i = 0; i < 6; i++) await settled()
    expect(steps).toEqual(['begin 1', 'end 1', 'begin 2', 'end 2', 'begin 3', 'end 3'])
  })

  it('that emits inside its handler does not overtake what waits for others', async () => {
    const bus = createBus()
    const heard: string[] = []
    bus.on('first', () => void bus.emit('inner'))
    bus.on(/.*/, event => void heard.push(event.name))
    bus.emit('first')
    bus.emit('second')
    await settled()
    expect(heard).toEqual(['first', 'second', 'inner'])
  })

  it('that answers itself for ever leaves sockets and timers their turn', async () => {
    const bus = createBus()
    const stop = bus.on('ping', () => void bus.emit('ping'))
    bus.emit('ping')
    await settled()
    stop()
  })

  it('hears nothing more once it has unsubscribed, not even what was waiting', async () => {
    const bus = createBus()
    const heard: number[] = []
    const stop = bus.on('a', event => {
      heard.push((event.content as { n: number }).n)
      stop()
    })
    bus.emit('a', { n: 1 })
    bus.emit('a', { n: 2 })
    await settled()
    stop()
    expect(heard).toEqual([1])
  })

  it('can ask for the facts of one namespace', async () => {
    const bus = createBus()
    const heard: Facts['settings.changed'][] = []
    bus.on('settings.changed', event => void heard.push(event.content), { namespace: 'kytos/b' })
    for (const namespace of ['kytos/a', 'kytos/b', 'kytos/bc'])
      bus.announce('settings.changed', changedFact({ namespace }))
    await settled()
    expect(heard.map(({ namespace }) => namespace)).toEqual(['kytos/b'])
  })

  it('that throws, rejects or never ends harms nobody else', async () => {
    const warnings: string[] = []
    const bus = createBus({ log: { warn: message => void warnings.push(message), error: () => {} } })
    const heard: string[] = []
    bus.on('a', () => new Promise(() => {}))
    bus.on('a', () => {
      throw new SettingsError('BOX_NOT_FOUND', 'thrown')
    })
    bus.on(/a/, () => Promise.reject(new Error('rejected')), { name: 'kytos/rejecting' })
    bus.on('a', () => void heard.push('heard'))
    bus.emit('a')
    bus.emit('a')
    await settled()
    expect(heard).toEqual(['heard', 'heard'])
    const errorsOf = (name: string) =>
      bus.deadLetters.list().flatMap(({ listener, error }) => (listener === name ? [error] : []))
    expect(errorsOf(SYSTEM.name)).toEqual(Array(2).fill({ code: 'BOX_NOT_FOUND', message: 'thrown' }))
    expect(errorsOf('kytos/rejecting')).toEqual(Array(2).fill({ message: 'rejected' }))
    expect(warnings).toContain('Listener kytos/rejecting failed on "a": rejected')
  })
})

describe('a view', () => {
  it('stamps its actor on commands over the one given, in a copy', async () => {
    const bus = createBus()
    const content = { namespace: 'kytos/a', actor: { type: 'user', name: 'mallory' } }
    const seen: unknown[] = []
    bus.serve('kytos.settings.describe', (fields, { actor }) => {
      seen.push(fields, actor)
      throw new SettingsError('NAMESPACE_NOT_FOUND', 'no such')
    })
    const event = bus.view(LLDP).emit('kytos.settings.describe', content)
    bus.emit('kytos.settings.describe', { namespace: 'kytos/b' })
    await settled()
    expect(event.content).toEqual({ namespace: 'kytos/a', actor: LLDP })
    expect(content.actor.name).toBe('mallory')
    expect(seen).toEqual([{ namespace: 'kytos/a' }, LLDP, { namespace: 'kytos/b' }, SYSTEM])
  })

  it.each(['settings.changed', 'settings.anything', 'box.changed', 'kytos/settings.loaded'])(
    'may not emit %s',
    name => {
      const bus = createBus()
      expect(() => bus.view(LLDP).emit(name, {})).toThrow(expect.objectContaining({ code: 'EVENT_RESERVED' }))
      expect(() => bus.emit(name, {})).toThrow(expect.objectContaining({ code: 'EVENT_RESERVED' }))
    },
  )

  it('shows facts that nobody can alter', async () => {
    const bus = createBus()
    const seen: Facts['settings.changed'][] = []
    bus.view(LLDP).on('settings.changed', event => {
      // A NApp in plain JavaScript may try.
      const data = event.content.data as Record<string, unknown>
      data.changed = true
    })
    bus.on('settings.changed', event => void seen.push(event.content))
    bus.announce('settings.changed', changedFact({ data: { deep: { value: 1 } } }))
    await settled()
    expect(seen[0]?.data).toEqual({ deep: { value: 1 } })
    expect(Object.isFrozen(seen[0]?.data.deep)).toBe(true)
    expect(bus.deadLetters.list()).toHaveLength(1)
  })
})

describe('a bus', () => {
  it('keeps nothing of 100,000 subscriptions that ended', async () => {
    const bus = createBus()
    const empty = bus.counts()
    for (let i = 0; i < 50_000; i++) {
      const stops = [bus.on(`name.${i}`, () => {}), bus.on(/name\..*/, () => {})]
      if (i % 1_000 === 0) bus.emit(`name.${i}`)
      for (const stop of stops) stop()
    }
    const stops = Array.from({ length: 100_000 }, () => bus.on('settings.changed', () => {}))
    expect(bus.counts().listeners).toBe(100_000)
    for (const stop of stops) stop()
    await settled()
    expect(bus.counts()).toEqual(empty)
  })

  it('remembers the matches of a bounded number of names', async () => {
    const bus = createBus()
    bus.on(/never/, () => {})
    for (let i = 0; i < 5_000; i++) bus.emit(`name.${i}`)
    expect(bus.counts().cachedNames).toBe(1_000)
  })

  it('serves every command there is, each by one handler', () => {
    const bus = createBus()
    const stop = bus.serve('kytos.settings.list', () => [])
    expect(() => bus.serve('kytos.settings.list', () => [])).toThrow(/already has a handler/)
    stop()
    bus.serve('kytos.settings.list', () => [])
    stop()
    expect(bus.counts().handlers).toBe(1)
    expect(() => bus.serve('toString' as 'kytos.settings.list', () => [])).toThrow(
      expect.objectContaining({ code: 'COMMAND_NOT_FOUND' }),
    )
    expect(Object.keys(COMMANDS).length).toBeGreaterThan(10)
  })
})

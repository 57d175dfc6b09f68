import { describe, expect, it } from 'vitest'
import { createBus } from '../../../events/bus.ts'
import type { KytosEvent } from '../../../events/event.ts'
import { MAX_QUEUED_EVENTS, MAX_QUEUED_FACTS } from '../../../events/inbox.ts'
import type { Facts } from '../../../events/map.ts'
import { boxFact, changedFact, settled } from './facts.ts'

type Changed = Facts['settings.changed']

describe('a listener far behind', () => {
  it('gets one fact a namespace once more than 1,000 wait, and nobody else notices', async () => {
    const bus = createBus()
    const slow: Changed[] = []
    let release = (): void => {}
    bus.on('settings.changed', async ({ content }) => {
      slow.push(content)
      if (slow.length === 1) {
        await new Promise<void>(resolve => {
          release = resolve
        })
      }
    })
    let quick = 0
    bus.on('settings.changed', () => void quick++)
    const say = (n: number) =>
      bus.announce(
        'settings.changed',
        changedFact({ namespace: `kytos/${n % 3}`, previous: { n: n - 3 }, data: { n }, version: n }),
      )
    for (let n = 0; n <= MAX_QUEUED_FACTS + 1; n++) {
      say(n)
      if (n % 100 === 0) await settled()
    }
    await settled()
    expect(quick).toBe(MAX_QUEUED_FACTS + 2)
    release()
    await settled()
    expect(slow.map(({ namespace, previous, data, origin }) => [namespace, previous, data, origin])).toEqual([
      ['kytos/0', { n: -3 }, { n: 0 }, 'live'],
      ['kytos/0', { n: 0 }, { n: 999 }, 'resync'],
      ['kytos/1', { n: -2 }, { n: 1000 }, 'resync'],
      ['kytos/2', { n: -1 }, { n: 1001 }, 'resync'],
    ])
    expect(bus.deadLetters.list()).toEqual([])
  })

  it('that never ends holds no more than twice the subjects there are, and the newest 10,000 other events', async () => {
    const warnings: string[] = []
    const bus = createBus({ log: { warn: message => void warnings.push(message), error: () => {} } })
    let release = (): void => {}
    const heard: KytosEvent[] = []
    bus.on(
      /.*/,
      async event => {
        heard.push(event)
        if (heard.length > 1) return
        await new Promise<void>(resolve => {
          release = resolve
        })
      },
      { name: 'kytos/hanging' },
    )
    bus.emit('first')
    await settled()
    for (let n = 0; n < MAX_QUEUED_EVENTS + 5; n++) {
      bus.emit('kytos/a.b', { n })
      for (let i = 0; i < 2; i++)
        bus.announce('box.changed', boxFact({ box_id: String((2 * n + i) % 1_500) }))
    }
    expect(warnings).toEqual([expect.stringMatching(/^Listener kytos\/hanging is 1001 facts behind/)])
    const letters = bus.deadLetters.list()
    expect(letters.map(({ event, error }) => [event.content, error.code])).toEqual(
      Array.from({ length: 5 }, (_, n) => [{ n }, 'LISTENER_SLOW']),
    )
    release()
    bus.announce('settings.state', {
      state: 'READY',
      revision: '1',
      epoch: 1,
      since: '',
      reason: null,
      age: 0,
    })
    while (heard.at(-1)?.name !== 'settings.state') await settled()
    expect(
      heard.filter(({ name }) => name === 'kytos/a.b').map(({ content }) => (content as { n: number }).n),
    ).toEqual(Array.from({ length: MAX_QUEUED_EVENTS }, (_, n) => n + 5))
    expect(heard.filter(({ name }) => name === 'box.changed').length).toBeLessThanOrEqual(3_000)
  })
})

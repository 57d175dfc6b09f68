import { describe, expect, it } from 'vitest'
import { createBus } from '../../../events/bus.ts'
import { changedFact, settled } from './facts.ts'

const unknown = expect.objectContaining({ code: 'DEAD_LETTER_NOT_FOUND' })

describe('a dead letter', () => {
  it('is handed again only to the listener that failed, with one more reinjection each time', async () => {
    const bus = createBus()
    const heard: string[] = []
    let failures = 2
    bus.on('a', event => void heard.push(`calm ${event.reinjections}`))
    bus.on('a', event => {
      heard.push(`failing ${event.reinjections}`)
      if (failures-- > 0) throw new Error('not yet')
    })
    const { id } = bus.emit('a')
    for (let i = 0; i < 2; i++) {
      await settled()
      const [letter] = bus.deadLetters.list()
      expect(letter?.event).toMatchObject({ id, reinjections: i })
      bus.deadLetters.reinject(letter?.id ?? '')
    }
    await settled()
    expect(heard).toEqual(['calm 0', 'failing 0', 'failing 1', 'failing 2'])
    expect(bus.deadLetters.list()).toEqual([])
  })

  it('with an old fact is not mistaken for the newest of its namespace', async () => {
    const bus = createBus()
    const heard: number[] = []
    let release = (): void => {}
    bus.on('settings.changed', event => {
      heard.push(event.content.version)
      if (heard.length === 1) throw new Error('failed on the first')
      return heard.length === 2
        ? new Promise<void>(resolve => {
            release = resolve
          })
        : undefined
    })
    for (const version of [1, 2]) bus.announce('settings.changed', changedFact({ version }))
    await settled()
    bus.deadLetters.reinject(bus.deadLetters.list()[0]?.id ?? '')
    for (let version = 3; version <= 1_500; version++)
      bus.announce('settings.changed', changedFact({ version }))
    release()
    await settled()
    expect(heard.slice(0, 3)).toEqual([1, 2, 1])
    expect(heard.at(-1)).toBe(1_500)
  })

  it('of a listener that has gone says so, and can be dropped', async () => {
    const bus = createBus()
    const stop = bus.on('a', () => {
      throw undefined
    })
    bus.emit('a')
    await settled()
    stop()
    const [letter] = bus.deadLetters.list()
    expect(letter?.error.message).toMatch(/not an Error/)
    expect(() => bus.deadLetters.reinject(letter?.id ?? '')).toThrow(unknown)
    bus.deadLetters.drop(letter?.id ?? '')
    expect(bus.deadLetters.list()).toEqual([])
    expect(() => bus.deadLetters.drop(letter?.id ?? '')).toThrow(unknown)
    expect(() => bus.deadLetters.reinject('none')).toThrow(unknown)
  })

  it('goes, the oldest first, when there are more than 1,000', async () => {
    const bus = createBus()
    bus.on('a', () => {
      throw new Error('always')
    })
    for (let n = 0; n < 1_003; n++) bus.emit('a', { n })
    await settled()
    const contents = bus.deadLetters.list().map(({ event }) => (event.content as { n: number }).n)
    expect(contents).toHaveLength(1_000)
    expect([contents[0], contents.at(-1)]).toEqual([3, 1_002])
  })
})

import { describe, expect, it } from 'vitest'
import { ask } from '../../../events/ask.ts'
import { createBus } from '../../../events/bus.ts'
import type { KytosEvent } from '../../../events/event.ts'
import type { CommandAnswer, CommandName } from '../../../events/map.ts'
import type { Settings, Summary } from '../../../events/nouns.ts'
import { SettingsError } from '../../../model/errors.ts'
import { settled } from './facts.ts'

const LLDP = { type: 'napp', name: 'kytos/of_lldp' } as const
const SUMMARY: Summary = {
  namespace: 'kytos/a',
  revision: '1',
  version: 1,
  state: 'READY',
  schema: false,
  overrides: true,
  pending: false,
}

describe('ask', () => {
  it('gives the answer of the handler', async () => {
    const bus = createBus()
    bus.serve('kytos.settings.list', async () => [SUMMARY])
    expect(await ask(bus.view(LLDP), 'kytos.settings.list', {})).toEqual([SUMMARY])
  })

  it('gives an answer that is false, as for a box that is not there', async () => {
    const bus = createBus()
    bus.serve('kytos.storehouse.retrieve', () => false)
    expect(await ask(bus, 'kytos.storehouse.retrieve', { namespace: 'n', box_id: '1' })).toBe(false)
  })

  it('rejects with the very error of the handler, and with INTERNAL_ERROR for any other', async () => {
    const errors: string[] = []
    const bus = createBus({ log: { warn: () => {}, error: message => void errors.push(message) } })
    const refused = new SettingsError('NAMESPACE_NOT_FOUND', 'no such')
    bus.serve('kytos.settings.describe', () => {
      throw refused
    })
    bus.serve('kytos.settings.list', () => Promise.reject(new TypeError('a bug')))
    await expect(ask(bus, 'kytos.settings.describe', { namespace: 'kytos/a' })).rejects.toBe(refused)
    await expect(ask(bus, 'kytos.settings.list', {})).rejects.toMatchObject({
      code: 'INTERNAL_ERROR',
      cause: expect.any(TypeError),
    })
    expect(errors).toEqual([expect.stringContaining('TypeError: a bug')])
    expect(bus.deadLetters.list()).toEqual([])
  })

  it('says so when nobody answers, and names the nearest command for one that does not exist', async () => {
    const bus = createBus()
    await expect(ask(bus, 'kytos.settings.list', {})).rejects.toMatchObject({ code: 'SERVICE_ABSENT' })
    await expect(
      ask(bus, 'kytos.settings.updat' as CommandName, { namespace: 'kytos/a' }),
    ).rejects.toMatchObject({
      code: 'COMMAND_NOT_FOUND',
      details: { nearest: 'kytos.settings.update' },
    })
  })

  it('rejects with TIMEOUT when time is up, and ignores the answer that comes then', async () => {
    const bus = createBus()
    let answer = (_: readonly Summary[]): void => {}
    bus.serve(
      'kytos.settings.list',
      () =>
        new Promise(resolve => {
          answer = resolve
        }),
    )
    await expect(ask(bus, 'kytos.settings.list', {}, { timeout: 1 })).rejects.toMatchObject({
      code: 'TIMEOUT',
    })
    answer([])
    await settled()
    expect(bus.deadLetters.list()).toEqual([])
  })

  it('stops waiting when the signal aborts, and asks nothing when it already has', async () => {
    const bus = createBus()
    const asked: KytosEvent[] = []
    bus.on(/.*/, event => void asked.push(event))
    bus.serve('kytos.settings.list', () => new Promise(() => {}))
    const controller = new AbortController()
    const answer = ask(bus, 'kytos.settings.list', {}, { signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(answer).rejects.toThrow('enough')
    await expect(ask(bus, 'kytos.settings.list', {}, { signal: controller.signal })).rejects.toThrow('enough')
    expect(asked).toHaveLength(1)
  })
})

describe('a command', () => {
  it('is answered through its callback as in storehouse: (event, data, error)', async () => {
    const bus = createBus()
    bus.serve('kytos.storehouse.list', () => ['1', '2'])
    const calls: unknown[][] = []
    const event = bus.view(LLDP).emit('kytos.storehouse.list', {
      namespace: 'n',
      callback: (...parts: unknown[]) => void calls.push(parts),
    })
    bus.view(LLDP).emit('kytos.storehouse.delete', {
      namespace: 'n',
      box_id: '1',
      callback: (...parts: unknown[]) => void calls.push(parts),
    })
    expect(calls).toEqual([])
    await settled()
    expect(calls).toEqual([
      [
        expect.objectContaining({ name: 'kytos.storehouse.delete' }),
        false,
        expect.objectContaining({ code: 'SERVICE_ABSENT' }),
      ],
      [event, ['1', '2'], null],
    ])
  })

  it('is handled at the same time as others', async () => {
    const bus = createBus()
    const waiting: (() => void)[] = []
    bus.serve(
      'kytos.settings.list',
      () => new Promise<Summary[]>(resolve => void waiting.push(() => resolve([]))),
    )
    const answers = [ask(bus, 'kytos.settings.list', {}), ask(bus, 'kytos.settings.list', {})]
    await settled()
    expect(waiting).toHaveLength(2)
    for (const go of waiting.reverse()) go()
    await Promise.all(answers)
  })

  it('whose callback throws or rejects goes to the dead letters, and only the callback is called again', async () => {
    const bus = createBus()
    let served = 0
    let throws = true
    const answers: unknown[] = []
    bus.serve('kytos.storehouse.list', () => [String(++served)])
    bus.view(LLDP).emit('kytos.storehouse.list', {
      namespace: 'n',
      callback: async (event: KytosEvent, data: unknown) => {
        if (throws) throw new Error('callback failed')
        answers.push(data, event.reinjections)
      },
    })
    await settled()
    const [letter] = bus.deadLetters.list()
    expect(letter).toMatchObject({ listener: 'kytos/of_lldp', error: { message: 'callback failed' } })
    throws = false
    bus.deadLetters.reinject(letter?.id ?? '')
    await settled()
    expect(answers).toEqual([['1'], 1])
    expect(bus.deadLetters.list()).toEqual([])
  })

  it('that fails without a callback goes to the dead letters, and is tried again from there', async () => {
    const bus = createBus()
    bus.view(LLDP).emit('kytos.settings.delete', { namespace: 'kytos/a' })
    await settled()
    const [letter] = bus.deadLetters.list()
    expect(letter).toMatchObject({ listener: 'kytos/of_lldp', error: { code: 'SERVICE_ABSENT' } })
    const served: unknown[] = []
    bus.serve('kytos.settings.delete', (content, { actor, event }) => {
      served.push(content, actor, event.reinjections)
      return {} as Settings
    })
    bus.deadLetters.reinject(letter?.id ?? '')
    await settled()
    expect(served).toEqual([{ namespace: 'kytos/a' }, LLDP, 1])
    expect(bus.deadLetters.list()).toEqual([])
  })
})

describe('the types', () => {
  it('hold content and answers of every command to one table', async () => {
    const bus = createBus()
    bus.serve('kytos.settings.list', () => [SUMMARY])
    const summaries: CommandAnswer<'kytos.settings.list'> = await ask(bus, 'kytos.settings.list', {
      prefix: 'kytos/',
    })
    expect(summaries).toHaveLength(1)
    const neverCalled = async (): Promise<void> => {
      // @ts-expect-error a namespace is missing
      await ask(bus, 'kytos.settings.retrieve', {})
      // @ts-expect-error a method that does not exist
      await ask(bus, 'kytos.settings.update', { namespace: 'a/b', data: {}, method: 'POST' })
      // @ts-expect-error a command that does not exist
      await ask(bus, 'kytos.settings.patch', { namespace: 'a/b' })
      // @ts-expect-error revisions are text
      bus.emit('kytos.settings.delete', { namespace: 'a/b', revision: 7 })
      // @ts-expect-error an answer that is not of this command
      bus.serve('kytos.storehouse.delete', () => 'yes')
      // @ts-expect-error a fact of another shape
      bus.announce('settings.state', { state: 'GONE' })
      // @ts-expect-error the content of a fact is typed by its name
      bus.on('box.changed', event => event.content.data)
      bus.emit('kytos/a.b', { anything: 'goes' })
      const name: string = 'kytos/a.b'
      bus.emit(name)
    }
    expect(neverCalled).toBeTypeOf('function')
  })
})

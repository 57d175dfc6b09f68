import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { createMemoryBackend } from '../../backends/memory/index.ts'
import { ask } from '../../events/ask.ts'
import { createBus } from '../../events/bus.ts'
import type { CommandAnswer, CommandContent, CommandName } from '../../events/map.ts'
import { SettingsError } from '../../model/errors.ts'
import { createService } from '../../src/app/service.ts'
import { openHttp } from '../../src/http/server.ts'
import { keepLog } from '../support/controller.ts'
import { type Limits, playRound, RoundFailed } from './round.ts'
import type { Player, Stage } from './stage.ts'

/** Short for what hangs on purpose; the steps beside it have the limits of a real round. */
const SHORT = 500

const closed: string[] = []
afterEach(() => void closed.splice(0))

/** A promise that never settles, as the end of a stock client whose token expired. */
const never = (): Promise<never> => new Promise(() => {})

/** This store has no tokens. */
const noTokens = async (): Promise<never> => {
  throw new SettingsError('STORE_UNREACHABLE', 'This stage has no tokens.')
}

/** A controller on a store in memory, with its REST. */
async function openPlayer(): Promise<Player> {
  const log = keepLog()
  const root = createBus({ log })
  const service = createService(() => createMemoryBackend(), {
    bus: root,
    controller: 'one',
    strict: false,
    log,
    startTimeout: 30_000,
  })
  await service.start()
  const http = await openHttp({
    bus: root,
    feed: service.feed,
    health: service.health,
    listen: '127.0.0.1',
    port: 0,
    log,
    grace: 100,
  })
  onTestFinished(async () => {
    await http.close()
    await service.close()
  })
  const bus = root.view({ type: 'napp', name: 'kytos/chaos' })
  return {
    id: 'one',
    url: `http://127.0.0.1:${http.port}`,
    tokens: { make: noTokens, revoke: noTokens, check: noTokens },
    ask: <N extends CommandName>(name: N, content: CommandContent<N>): Promise<CommandAnswer<N>> =>
      ask(bus, name, content),
  }
}

/**
 * A stage whose parts can be replaced by others that hang; what it recorded is nothing, so the judge is never
 * content with it.
 */
async function stageWith(parts: Partial<Stage>): Promise<Stage> {
  return {
    name: 'a planted stage',
    players: [],
    faults: [{ name: 'none', weight: 1, strike: async () => undefined }],
    mayResync: false,
    calm: async () => undefined,
    collect: async () => ({ lives: [], listeners: [], finals: [] }),
    close: async () => void closed.push('stage'),
    ...parts,
  }
}

async function failureOf(
  stage: Stage | Promise<Stage>,
  limits: Partial<Limits>,
  signal?: AbortSignal,
): Promise<RoundFailed> {
  const failure = await playRound({
    open: async () => stage,
    seed: 1,
    seconds: 1,
    limits,
    ...(signal && { signal }),
  }).then(
    () => undefined,
    error => error,
  )
  expect(failure).toBeInstanceOf(RoundFailed)
  return failure as RoundFailed
}

describe('A round ends, and names what did not, when', () => {
  it('the stage does not open; one that opens later is closed', async () => {
    let open: (stage: Stage) => void = () => undefined
    const late = new Promise<Stage>(resolve => (open = resolve))
    expect((await failureOf(late, { open: SHORT })).message).toContain(
      'the start of the stage did not end within 0.5 s',
    )
    open(await stageWith({}))
    await expect.poll(() => closed).toEqual(['stage'])
  })

  it('a reader never gets an answer', async () => {
    const mute = createServer().listen(0, '127.0.0.1')
    await once(mute, 'listening')
    onTestFinished(() => void mute.close())
    const address = mute.address()
    const player = {
      ...(await openPlayer()),
      url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    }
    const { message } = await failureOf(stageWith({ players: [player] }), { reader: SHORT })
    expect(message).toContain('the first connection of one sse 1 did not end')
    expect(closed).toEqual(['stage'])
  })

  it('a fault does not end', async () => {
    const faults = [{ name: 'quorum killed', weight: 1, strike: never }]
    const failure = await failureOf(stageWith({ players: [await openPlayer()], faults }), { strike: SHORT })
    expect(failure.message).toContain('the fault "quorum killed" did not end')
    expect(failure.seen.faults).toEqual(['quorum killed'])
    expect(failure.seen.commands.length).toBeGreaterThan(0)
    expect(failure.seen.listeners.map(({ name }) => name)).toEqual(['one sse 1', 'one sse 2'])
    expect(closed).toEqual(['stage'])
  })

  it('a command is never answered, and names the command', async () => {
    const player = await openPlayer()
    const ask: Player['ask'] = (name, content) =>
      name === 'kytos.storehouse.delete' ? never() : player.ask(name, content)
    // Until one of the writers has chosen it.
    const strike = () => new Promise<void>(resolve => setTimeout(resolve, 100))
    const stage = await stageWith({
      players: [{ ...player, ask }],
      faults: [{ name: 'time', weight: 1, strike }],
    })
    const failure = await playRound({
      open: async () => stage,
      seed: 1,
      seconds: 3,
      limits: { answers: SHORT },
    }).catch(error => error)
    expect(failure.message).toMatch(
      /the answers to the commands under way did not end.*Still under way: one kytos\.storehouse\.delete \{.*box_id/,
    )
    expect(closed).toEqual(['stage'])
  })

  it.each(['calm', 'collect'] as const)('%s() does not end', async part => {
    const { message } = await failureOf(stageWith({ players: [await openPlayer()], [part]: never }), {
      [part]: SHORT,
    })
    expect(message).toMatch(
      /the (calm after the faults|collection of what was seen) did not end within 0.5 s/,
    )
    expect(closed).toEqual(['stage'])
  })

  it('close() does not end: then the verdict of the round is kept, and says so', async () => {
    const stage = await stageWith({ players: [await openPlayer()], close: never })
    const { verdict } = await playRound({
      open: async () => stage,
      seed: 1,
      seconds: 1,
      limits: { close: SHORT },
    })
    expect(verdict.violations).toContainEqual(
      expect.stringContaining('the end of the stage (a planted stage) did not end within 0.5 s'),
    )
    expect(verdict.acked).toBeGreaterThan(0)
  })

  it('it is stopped in the middle of a fault', async () => {
    const stop = new AbortController()
    const strike = () => {
      stop.abort(new Error('stopped by the test'))
      return never()
    }
    const faults = [{ name: 'none', weight: 1, strike }]
    const failure = await failureOf(stageWith({ players: [await openPlayer()], faults }), {}, stop.signal)
    expect(failure.cause).toBe(stop.signal.reason)
    expect(closed).toEqual(['stage'])
  })
})

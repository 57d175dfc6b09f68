import { setTimeout as sleep } from 'node:timers/promises'
import { isSettingsError } from '../../model/errors.ts'
import type { Command, Outcome } from './history.ts'
import type { Random } from './random.ts'
import type { Player } from './stage.ts'
import { BoxActs } from './workload/box-acts.ts'
import { ConfirmedActs } from './workload/confirmed-acts.ts'
import { Recorder } from './workload/recorder.ts'
import { SettingsActs } from './workload/settings-acts.ts'
import { checkAllTokens, TokenActs, TokenPool } from './workload/token-acts.ts'
import { TransactionActs } from './workload/transaction-acts.ts'

/** Longest pause of a writer between two commands, and after a refusal, in ms. */
const PAUSE = 25
const REFUSED_PAUSE = 150
/** Milliseconds within which every confirmed commit ends once all is calm, and between two looks. */
const ALL_ENDED = 60_000
const ENDED_GLANCE = 100

/** Writers on every controller; all that they ask and are answered is kept. */
export interface Workload {
  /** What was asked so far; a round that fails before its end is recorded from it. */
  readonly commands: readonly Command[]
  /** Ends once every command under way has been answered. */
  stop(): Promise<void>
  /**
   * Once all is calm: lets the time of confirmed commits pass, looks up what became of changes whose answer
   * was lost, and shows every token to every controller. Gives all commands.
   */
  settle(): Promise<readonly Command[]>
}

/** Starts writers that choose by their own share of the random numbers. */
export function startWorkload(
  players: readonly Player[],
  random: Random,
  writers: number,
  pause = PAUSE,
): Workload {
  const commands: Command[] = []
  const pool = new TokenPool()
  const controllers = players.map(({ id }) => id)
  const end = new AbortController()
  const running = players.flatMap(player =>
    Array.from({ length: writers }, (_, i) => {
      const name = `${player.id}/${i}`
      return runWriter(
        actsOf(player, controllers, name, random.fork(name), commands, pool),
        pause,
        end.signal,
      )
    }),
  )
  return {
    commands,
    stop: async () => {
      end.abort()
      await Promise.all(running)
    },
    settle: async () => {
      await allEnded(players)
      return [...(await resolveUnknown(commands, players)), ...(await checkAllTokens(players, pool))]
    },
  }
}

/** Resolves when no controller shows a change that waits for its confirmation. @throws Error after 60 s. */
async function allEnded(players: readonly Player[]): Promise<void> {
  const late = performance.now() + ALL_ENDED
  for (const player of players) {
    for (;;) {
      const { pending = [] } = await player.ask('kytos.settings.status', {})
      if (pending.length === 0) break
      if (performance.now() > late) {
        const names = pending
          .flatMap(({ documents }) => documents)
          .map(one => `${one.namespace} (${one.scope})`)
        throw new Error(`${player.id} never ended the changes that wait: ${names.join(', ')}.`)
      }
      await sleep(ENDED_GLANCE)
    }
  }
}

/** Looks up in the history what became of changes whose answer was lost. */
async function resolveUnknown(commands: readonly Command[], players: readonly Player[]): Promise<Command[]> {
  return Promise.all(
    commands.map(async command => {
      const { outcome, kind, key } = command
      const player = players.find(({ id }) => id === command.controller)
      if (
        !player ||
        outcome.type !== 'unknown' ||
        outcome.writeId === undefined ||
        (kind !== 'update' && kind !== 'delete')
      )
        return command
      return { ...command, outcome: { ...outcome, found: await isInHistory(player, key, outcome.writeId) } }
    }),
  )
}

async function isInHistory(player: Player, key: string, writeId: string): Promise<boolean> {
  const parts = key.split('/')
  const [namespace, scope] = [
    decodeURIComponent(parts.slice(-2).join('/')),
    parts[0] === 'controllers' ? `controller:${parts[1]}` : 'cluster',
  ]
  try {
    const records = await player.ask('kytos.settings.history', { namespace, scope, limit: 1_000 })
    return records.some(record => record.write_id === writeId)
  } catch (error) {
    if (isSettingsError(error, 'NAMESPACE_NOT_FOUND')) return false
    throw error
  }
}

/** What a writer does, and how often each beside the others. */
interface Acts {
  readonly random: Random
  readonly choices: readonly (readonly [weight: number, act: () => Promise<Outcome>])[]
}

function actsOf(
  player: Player,
  controllers: readonly string[],
  name: string,
  random: Random,
  commands: Command[],
  pool: TokenPool,
): Acts {
  const recorder = new Recorder(player, name, commands)
  const settings = new SettingsActs(player, controllers, name, random, recorder)
  const transactions = new TransactionActs(player, name, random, recorder, settings)
  const boxes = new BoxActs(player, name, random, recorder)
  const tokens = new TokenActs(player, random, recorder, pool)
  const confirmed = new ConfirmedActs(player, name, random, recorder, settings)
  return {
    random,
    choices: [
      [40, () => settings.patch('cluster')],
      [12, () => settings.patch('controller')],
      [4, () => settings.patch('cluster', true)],
      [5, () => settings.guarded()],
      [4, () => transactions.patch()],
      [4, () => transactions.mix()],
      [4, () => transactions.advance()],
      [4, () => settings.patch(settings.anyScope())],
      [6, () => settings.come()],
      [4, () => settings.go()],
      [18, () => settings.advance()],
      [9, () => boxes.create()],
      [3, () => boxes.replace()],
      [4, () => boxes.patch()],
      [4, () => boxes.advance()],
      [8, () => boxes.delete()],
      [3, () => boxes.read()],
      [2, () => tokens.make()],
      [2, () => tokens.revoke()],
      [3, () => tokens.check()],
      [6, () => confirmed.arm()],
      [4, () => confirmed.leave()],
      [2, () => confirmed.drop()],
      [3, () => confirmed.patch()],
      [5, () => confirmed.end('confirm')],
      [3, () => confirmed.end('cancel')],
    ],
  }
}

async function runWriter({ random, choices }: Acts, pause: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { type } = await random.pick(choices, ([weight]) => weight)[1]()
    await sleep(random.next() * (type === 'ok' ? pause : Math.max(pause, REFUSED_PAUSE)))
  }
}

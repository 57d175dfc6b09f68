import { setTimeout as sleep } from 'node:timers/promises'
import { check } from './check.ts'
import type { Command, Heard, History, Verdict } from './history.ts'
import { createRandom, type Random } from './random.ts'
import { openSseReader, type SseReader } from './sse-reader.ts'
import type { Player, Rival, Stage } from './stage.ts'
import { startWorkload } from './workload.ts'

/** What a command may be refused with while everything around breaks; any other code is a fault of ours. */
const REFUSALS: ReadonlySet<string> = new Set([
  'BOX_UNKNOWN',
  'CHANGE_VETOED',
  'CONTENTION',
  'DOCUMENT_EXISTS',
  'NAMESPACE_UNKNOWN',
  'REVISION_MISMATCH',
  'SERVICE_ABSENT',
  'SERVICE_STOPPING',
  'STORE_FULL',
  'STORE_REFUSED',
  'STORE_STALE',
  'STORE_UNREACHABLE',
  'TOKEN_UNKNOWN',
])
/** Seconds in which every command has to be answered, whatever is broken: 5 to reach the store, 5 of lost races, 30 for a watch that stands but lags. */
const LONGEST_ANSWER = 45
const WRITERS = 4
/** Longest pause between two faults, in ms. */
const RESPITE = 600
/** Milliseconds that the readers have to hear the last fact of all. */
const LAST_WORD = 30_000

export interface RoundOptions {
  readonly open: (random: Random) => Promise<Stage>
  readonly seed: number
  /** How long faults strike, in seconds. */
  readonly seconds: number
  /** Told of each fault as it begins. */
  readonly onFault?: (name: string) => void
}

/** One round as it was judged. */
export interface Judged {
  readonly stage: string
  readonly seed: number
  /** How often each fault struck. */
  readonly faults: ReadonlyMap<string, number>
  readonly verdict: Verdict
  readonly rival: Rival | undefined
  /** Seconds that the slowest answer took. */
  readonly slowest: number
}

/** The same with what it was judged by. */
export interface Round extends Judged {
  readonly history: History
}

/** Lets writers and readers at a fresh store, strikes it for so long, waits for calm, and judges what everybody saw. */
export async function playRound({ open, seed, seconds, onFault }: RoundOptions): Promise<Round> {
  const random = createRandom(seed)
  const stage = await open(random.fork('stage'))
  const readers: SseReader[] = []
  try {
    for (const player of stage.players) {
      for (const n of [1, 2]) readers.push(await openSseReader(player, `${player.id} sse ${n}`, random.fork(`${player.id} sse ${n}`)))
    }
    const workload = startWorkload(stage.players, random.fork('workload'), Math.ceil((3 * WRITERS) / stage.players.length), stage.pause)
    let faults: ReadonlyMap<string, number>
    try {
      faults = await strike(stage, random.fork('faults'), seconds, onFault)
    } finally {
      await workload.stop()
    }
    await stage.calm()
    const commands = [...(await workload.settle()), ...(await lastWord(stage, readers))]
    await Promise.all(readers.map(reader => reader.stop()))
    const { lives, listeners, finals, rival, hands, removals } = await stage.collect()
    const heard = [...listeners, ...readers.map(({ listener }) => listener)]
    const byHand = { ...(hands && { hands }), ...(removals && { removals }) }
    const history: History = { lives, commands, listeners: heard, finals, ...byHand, mayResync: stage.mayResync }
    return { stage: stage.name, seed, faults, verdict: judge(history), rival, slowest: slowestAnswer(commands), history }
  } finally {
    await Promise.all(readers.map(reader => reader.stop()))
    await stage.close()
  }
}

async function strike(stage: Stage, random: Random, seconds: number, onFault: RoundOptions['onFault']): Promise<ReadonlyMap<string, number>> {
  const struck = new Map<string, number>()
  const end = performance.now() + seconds * 1_000
  await sleep(RESPITE)
  for (let n = 0; performance.now() < end; n++) {
    const fault = random.pick(stage.faults, ({ weight }) => weight)
    onFault?.(fault.name)
    struck.set(fault.name, (struck.get(fault.name) ?? 0) + 1)
    // Of its own, so that the next choices do not depend on how far this one came.
    await fault.strike(random.fork(`${n}`))
    await sleep(random.next() * RESPITE)
  }
  return struck
}

/** One more change, which everybody has to hear: then they have heard everything. */
async function lastWord(stage: Stage, readers: readonly SseReader[]): Promise<Command[]> {
  const [player] = stage.players
  if (!player) throw new Error('A stage has a player.')
  const id = 'last word'
  const sent = process.hrtime.bigint()
  const settings = await say(player, id)
  await stage.calm()
  const late = AbortSignal.timeout(LAST_WORD)
  const isIt = ({ content }: Heard) => content.comment === id || holdsIt(content.namespaces)
  // Who does not hear it in time is found by the judge.
  await Promise.allSettled(readers.map(reader => reader.heard(isIt, late)))
  const outcome = { type: 'ok', settings } as const
  return [
    {
      id,
      controller: player.id,
      kind: 'update',
      key: 'settings/kytos/last',
      sent,
      answered: process.hrtime.bigint(),
      data: { last: id },
      outcome,
    },
  ]
}

function say(player: Player, id: string) {
  return player.ask('kytos.settings.update', { namespace: 'kytos/last', data: { last: id }, comment: id })
}

/** True for the namespaces of a snapshot that came after the last word. */
function holdsIt(namespaces: Heard['content'][string] | undefined): boolean {
  return typeof namespaces === 'object' && namespaces !== null && 'kytos/last' in namespaces
}

function judge(history: History): Verdict {
  const verdict = check(history)
  const wrong = history.commands.flatMap(({ id, outcome }) =>
    outcome.type === 'refused' && !REFUSALS.has(outcome.code) ? [`${id} was refused with ${outcome.code}: ${outcome.message}`] : [],
  )
  const slow = slowestAnswer(history.commands)
  if (slow > LONGEST_ANSWER) wrong.push(`An answer took ${slow.toFixed(1)} s.`)
  return { ...verdict, violations: [...verdict.violations, ...wrong] }
}

function slowestAnswer(commands: readonly Command[]): number {
  return commands.reduce((most, { sent, answered }) => Math.max(most, answered === undefined ? 0 : Number(answered - sent) / 1e9), 0)
}

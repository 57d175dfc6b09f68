import { setTimeout as sleep } from 'node:timers/promises'
import { check } from './check.ts'
import type { Command, Heard, History, Listener, Verdict } from './history.ts'
import { createRandom, type Random } from './random.ts'
import { createSseReader, type SseReader } from './sse-reader.ts'
import type { Player, Rival, Stage } from './stage.ts'
import { trackPlayers } from './tracked-players.ts'
import { type Ending, endAll, within } from './within.ts'
import { startWorkload } from './workload.ts'

/*
 * Invariant: a round ends. Every step has its limit, and so has the end of everything that was started; what
 * did not end is named.
 */

/** What a command may be refused with while everything around breaks; any other code is a fault of ours. */
const REFUSALS: ReadonlySet<string> = new Set([
  'BOX_NOT_FOUND',
  'CHANGE_VETOED',
  'CONTENTION',
  'DOCUMENT_EXISTS',
  'NAMESPACE_NOT_FOUND',
  'NOT_PENDING',
  'PENDING',
  'REVISION_MISMATCH',
  'SERVICE_ABSENT',
  'SERVICE_STOPPING',
  'STORE_FULL',
  'STORE_REFUSED',
  'STORE_STALE',
  'STORE_UNREACHABLE',
  'TOKEN_NOT_FOUND',
])
/**
 * Seconds in which every command has to be answered, whatever is broken: 5 to reach the store, 5 of lost
 * races, 30 for a watch that stands but lags.
 */
const LONGEST_ANSWER = 45
const WRITERS = 4
/** Longest pause between two faults, in ms. */
const RESPITE = 600
/**
 * How long each step of a round may take, in milliseconds: far above what a loaded machine needs, so that
 * only what hangs takes all of it.
 */
const LIMITS = {
  open: 180_000,
  /** A reader's first connection. */
  reader: 60_000,
  /** One fault, with the restart of what it ended. */
  strike: 180_000,
  /** The answers to all commands under way, once no more are sent. */
  answers: 120_000,
  calm: 180_000,
  lookUp: 120_000,
  lastWord: 240_000,
  collect: 180_000,
  /** The end of each reader. */
  end: 30_000,
  close: 300_000,
}
export type Limits = typeof LIMITS
/** Milliseconds that the readers have to hear the last fact of all. */
const LAST_WORD = 30_000

export interface RoundOptions {
  readonly open: (random: Random) => Promise<Stage>
  readonly seed: number
  /** How long faults strike, in seconds. */
  readonly seconds: number
  /** Told of each fault as it begins. */
  readonly onFault?: (name: string) => void
  /** Ends the round early, with its reason as the error; what was started is ended all the same. */
  readonly signal?: AbortSignal
  readonly limits?: Partial<Limits>
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

/** What was recorded of a round until it failed. */
export interface RoundSoFar {
  readonly seed: number
  /** Names of the faults, in order. */
  readonly faults: readonly string[]
  readonly commands: readonly Command[]
  /** Readers only: what the controllers heard is collected at the end of a round. */
  readonly listeners: readonly Listener[]
}

/** A round that did not get to its verdict. */
export class RoundFailed extends Error {
  readonly seen: RoundSoFar

  constructor(message: string, seen: RoundSoFar, cause: unknown) {
    super(message, { cause })
    this.seen = seen
  }
}

/** What a round has begun, so that it can be ended and recorded whatever happens. */
class Scene {
  readonly faults: string[] = []
  readonly readers: SseReader[] = []
  readonly #seed: number
  readonly #signal: AbortSignal | undefined
  commands: readonly Command[] = []
  pending: () => readonly string[] = () => []

  constructor({ seed, signal }: RoundOptions) {
    this.#seed = seed
    this.#signal = signal
  }

  /** @throws StepOverdue; the reason of the round's signal. */
  step<T>(name: string, limit: number, work: () => Promise<T>): Promise<T> {
    return within(name, limit, work, { signal: this.#signal, pending: this.pending })
  }

  /** Ends all of them at once. @throws Error with each that failed. */
  async stopReaders(limit: number): Promise<void> {
    const endings = this.readers.map(reader => ({ name: reader.listener.name, end: () => reader.stop() }))
    const failures = (await Promise.all(endings.map(ending => endAll([ending], limit)))).flat()
    if (failures.length > 0) throw new Error(failures.join('\n'))
  }

  get seen(): RoundSoFar {
    const { faults, commands, readers } = this
    return { seed: this.#seed, faults, commands, listeners: readers.map(({ listener }) => listener) }
  }
}

/**
 * Lets writers and readers at a fresh store, strikes it for so long, waits for calm, and judges what
 * everybody saw. What was started is ended in any case.
 * @throws RoundFailed
 */
export async function playRound(options: RoundOptions): Promise<Round> {
  const limits = { ...LIMITS, ...options.limits }
  const random = createRandom(options.seed)
  const scene = new Scene(options)
  const ends: Ending[] = []
  let round: Round | undefined
  let failure: unknown
  try {
    const stage = await openStage(scene, () => options.open(random.fork('stage')), limits.open)
    ends.push({ name: `the stage (${stage.name})`, end: () => stage.close() })
    round = await play(stage, random, scene, options, limits)
  } catch (error) {
    failure = error
  }
  const stopped = await endAll(
    [{ name: 'the readers', end: () => scene.stopReaders(limits.end) }],
    limits.close,
  )
  const left = [...stopped, ...(await endAll(ends, limits.close))]
  if (!round)
    throw new RoundFailed(
      [failure instanceof Error ? failure.stack : failure, ...left].join('\n'),
      scene.seen,
      failure,
    )
  return { ...round, verdict: { ...round.verdict, violations: [...round.verdict.violations, ...left] } }
}

async function openStage(scene: Scene, open: () => Promise<Stage>, limit: number): Promise<Stage> {
  let opening: Promise<Stage> | undefined
  try {
    return await scene.step('the start of the stage', limit, () => (opening = open()))
  } catch (error) {
    // One that opens after its limit is closed, not left running.
    void opening?.then(late => late.close()).catch(() => undefined)
    throw error
  }
}

async function play(
  stage: Stage,
  random: Random,
  scene: Scene,
  options: RoundOptions,
  limits: Limits,
): Promise<Round> {
  const { seed } = options
  const { players, pending } = trackPlayers(stage.players)
  scene.pending = pending
  for (const player of players) {
    for (const n of [1, 2]) {
      const name = `${player.id} sse ${n}`
      const reader = createSseReader(player, name, random.fork(name))
      scene.readers.push(reader)
      await scene.step(`the first connection of ${name}`, limits.reader, () => reader.begun)
    }
  }
  const workload = startWorkload(
    players,
    random.fork('workload'),
    Math.ceil((3 * WRITERS) / players.length),
    stage.pause,
  )
  scene.commands = workload.commands
  let faults: ReadonlyMap<string, number>
  try {
    faults = await strike(stage, random.fork('faults'), scene, options, limits.strike)
  } finally {
    // Also when the round is stopped: then its commands end with the stage.
    const answered = workload.stop()
    await scene.step('the answers to the commands under way', limits.answers, () => answered)
  }
  await scene.step('the calm after the faults', limits.calm, () => stage.calm())
  const found = await scene.step('the look-up of lost answers', limits.lookUp, () => workload.settle())
  const last = await scene.step('the last change of all', limits.lastWord, () =>
    lastWord(stage, players, scene.readers),
  )
  await scene.stopReaders(limits.end)
  const { lives, listeners, finals, rival, hands, removals } = await scene.step(
    'the collection of what was seen',
    limits.collect,
    () => stage.collect(),
  )
  const commands = [...found, ...last]
  const heard = [...listeners, ...scene.readers.map(({ listener }) => listener)]
  const byHand = { ...(hands && { hands }), ...(removals && { removals }) }
  const history: History = {
    lives,
    commands,
    listeners: heard,
    finals,
    ...byHand,
    mayResync: stage.mayResync,
  }
  return {
    stage: stage.name,
    seed,
    faults,
    verdict: judge(history),
    rival,
    slowest: slowestAnswer(commands),
    history,
  }
}

async function strike(
  stage: Stage,
  random: Random,
  scene: Scene,
  { seconds, onFault }: RoundOptions,
  limit: number,
): Promise<ReadonlyMap<string, number>> {
  const struck = new Map<string, number>()
  const end = performance.now() + seconds * 1_000
  await sleep(RESPITE)
  // At least once, however late a loaded machine gets here: a round without a fault shows nothing.
  for (let n = 0; n === 0 || performance.now() < end; n++) {
    const fault = random.pick(stage.faults, ({ weight }) => weight)
    onFault?.(fault.name)
    scene.faults.push(fault.name)
    struck.set(fault.name, (struck.get(fault.name) ?? 0) + 1)
    // Of its own, so that the next choices do not depend on how far this one came.
    await scene.step(`the fault "${fault.name}"`, limit, () => fault.strike(random.fork(`${n}`)))
    await sleep(random.next() * RESPITE)
  }
  return struck
}

/** One more change, which everybody has to hear: then they have heard everything. */
async function lastWord(
  stage: Stage,
  players: readonly Player[],
  readers: readonly SseReader[],
): Promise<Command[]> {
  const [player] = players
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
    outcome.type === 'refused' && !REFUSALS.has(outcome.code)
      ? [`${id} was refused with ${outcome.code}: ${outcome.message}`]
      : [],
  )
  const slow = slowestAnswer(history.commands)
  if (slow > LONGEST_ANSWER) wrong.push(`An answer took ${slow.toFixed(1)} s.`)
  return { ...verdict, violations: [...verdict.violations, ...wrong] }
}

function slowestAnswer(commands: readonly Command[]): number {
  return commands.reduce(
    (most, { sent, answered }) => Math.max(most, answered === undefined ? 0 : Number(answered - sent) / 1e9),
    0,
  )
}

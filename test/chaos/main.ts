import { constants } from 'node:os'
import { Command, InvalidArgumentError, Option } from 'commander'
import { ETCD_KINDS, openEtcdStage } from './etcd/stage.ts'
import { KINDS as FILESYSTEM_KINDS, openFilesystemStage } from './filesystem/stage.ts'
import type { Random } from './random.ts'
import { type Judged, playRound, type Round, RoundFailed } from './round.ts'
import { saveRecord } from './save-record.ts'
import type { Stage } from './stage.ts'
import { printConfirmations, printFaults, printTable } from './table.ts'

/*
 * `npm run chaos`: round after round on a fresh store under faults, each judged from what everybody saw,
 * until the time is up.
 *
 * Invariant: the run ends with its table, its verdict and an exit code, whatever happens in a round: each
 * step of a round has its limit, an error outside any step fails the round it comes in, a signal ends the
 * round, and what still keeps the process alive then does not count. The exit code is 0 when every round was
 * sound, 1 when anything was wrong in any of them, else 130 or 143 after SIGINT or SIGTERM. A second signal
 * ends at once.
 */

interface Options {
  readonly backend: 'etcd' | 'filesystem'
  readonly minutes: number
  readonly seed: number
  readonly kind?: string
  readonly faults?: readonly string[]
  readonly rounds: number
  readonly seconds: number
  readonly bail: boolean
}

const program = new Command('npm run chaos --')
  .description(
    'Lets faults strike controllers at work and proves from what everybody saw that nothing was lost, doubled or reordered.',
  )
  .addOption(
    new Option('--backend <name>', 'the store').choices(['etcd', 'filesystem']).makeOptionMandatory(),
  )
  .option('--minutes <n>', 'how long to begin new rounds', parsePositive, 20)
  .option(
    '--seed <n>',
    'seed of the first round; the next ones count up',
    parseWhole,
    Math.floor(Math.random() * 1e9),
  )
  .option(
    '--kind <name>',
    `only this kind of faults (etcd: ${ETCD_KINDS.join(', ')}; filesystem: ${FILESYSTEM_KINDS.join(', ')})`,
  )
  .option(
    '--faults <names>',
    'only these of its faults, as the last line names them, with commas between',
    text => text.split(','),
  )
  .option('--rounds <n>', 'how many rounds at most', parsePositive, Number.POSITIVE_INFINITY)
  .option('--seconds <n>', 'how long faults strike in a round', parsePositive, 30)
  .option('--bail', 'stop after the first round that goes wrong', false)
  .addHelpText(
    'after',
    `
A seed chooses faults, their order and what is written; which of two threads is faster it does not choose.
ETCD_BINARY names another etcd than the one on the PATH, such as one that scripts/etcd-build.mjs made.

Examples:
  npm run chaos -- --backend etcd --minutes 20
  npm run chaos -- --backend filesystem --kind power --seed 7 --rounds 1`,
  )

const options = program.parse().opts<Options>()
const kinds: readonly string[] = options.backend === 'etcd' ? ETCD_KINDS : FILESYSTEM_KINDS
if (options.kind !== undefined && !kinds.includes(options.kind))
  program.error(`--kind ${options.kind}: ${options.backend} has ${kinds.join(', ')}.`)

/**
 * Milliseconds that a round may take to end what it started, once a signal or a stray error has stopped it.
 */
const STOP = 60_000

const start = performance.now()
const played: Judged[] = []
let begun = 0
let failed = 0
let wrong = 0
let signalled: NodeJS.Signals | undefined
/** Stops the round that is played. */
let round = new AbortController()

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopFor(signal))
for (const event of ['uncaughtException', 'unhandledRejection'] as const)
  process.on(event, error => failFor(event, error))
// A reader that is gone, such as `head`, is no reason to go on; the exit code still tells the verdict.
process.stdout.on('error', () => process.exit(exitCode()))
await playAll(options)
end()

function stopFor(signal: NodeJS.Signals): void {
  if (signalled) end()
  signalled = signal
  abandon(new Error(`The run was stopped by ${signal}.`))
}

/** An error that no step of a round waits for fails the round in which it comes. */
function failFor(event: string, error: unknown): void {
  const told = `${event}: ${error instanceof Error ? error.stack : error}`
  clearLine()
  console.log(told)
  if (round.signal.aborted) failed++
  else abandon(new Error(told))
}

function abandon(reason: Error): void {
  const { signal } = round
  round.abort(reason)
  setTimeout(() => {
    if (round.signal !== signal) return
    console.log(`The round did not end within ${STOP / 1_000} s after it was stopped: ${reason.message}`)
    if (!signalled) failed++
    end()
  }, STOP).unref()
}

/** Prints the table and the verdict, and ends the process with what they say. */
function end(): never {
  clearLine()
  console.log(
    `\n${options.backend}, seeds ${options.seed} to ${options.seed + Math.max(begun, 1) - 1}, ${((performance.now() - start) / 60_000).toFixed(1)} minutes\n`,
  )
  console.log(
    `${printTable(played)}\n\nfaults: ${printFaults(played)}\n\nconfirmed commits: ${printConfirmations(played)}`,
  )
  console.log(`\n${verdict()}`)
  // Written by then: standard output is synchronous for files, terminals and pipes on Linux.
  process.exit(exitCode())
}

function verdict(): string {
  const judged = `${played.length} ${played.length === 1 ? 'round' : 'rounds'} judged`
  const stopped = signalled ? `, stopped by ${signalled}` : ''
  return isSound()
    ? `verdict: ok, ${judged}${stopped}`
    : `verdict: not ok, ${judged}, ${wrong} of them wrong; ${failed} did not get to their end${stopped}`
}

function isSound(): boolean {
  return wrong + failed === 0
}

function exitCode(): number {
  if (!isSound()) return 1
  return signalled ? 128 + constants.signals[signalled] : 0
}

async function playAll({
  backend,
  minutes,
  seed,
  kind,
  faults,
  rounds,
  seconds,
  bail,
}: Options): Promise<void> {
  for (
    let n = 0;
    n < rounds && (isSound() || !bail) && !signalled && performance.now() - start < minutes * 60_000;
    n++
  ) {
    begun++
    round = new AbortController()
    // The kind follows from the seed, so that the seed alone plays a round again.
    const chosen = kind ?? (kinds[(seed + n) % kinds.length] as string)
    const again = `npm run chaos -- --backend ${backend} --kind ${chosen} --seed ${seed + n} --rounds 1 --seconds ${seconds}${faults ? ` --faults '${faults.join(',')}'` : ''}`
    try {
      const open = async (random: Random) => only(await openStage(backend, chosen, random), faults)
      const one = await playRound({
        open,
        seed: seed + n,
        seconds,
        onFault: showFault(n),
        signal: round.signal,
      })
      // Not its history, which is hundreds of megabytes.
      const { history: _, ...judged } = one
      played.push(judged)
      // An error outside of every step, as late as this.
      if (round.signal.aborted && !signalled) failed++
      if (!(await tell(one, n, again))) wrong++
    } catch (error) {
      // One that was stopped by a signal says nothing of itself.
      if (signalled && error instanceof RoundFailed && error.cause === round.signal.reason) break
      failed++
      await tellFailure(error, n, chosen, again)
    }
  }
}

async function tellFailure(error: unknown, n: number, kind: string, again: string): Promise<void> {
  clearLine()
  const message =
    error instanceof RoundFailed ? error.message : error instanceof Error ? error.stack : String(error)
  console.log(
    `\nround ${n + 1}, ${kind}: it did not get to its end.\n  ${message}\n  play it again: ${again}`,
  )
  if (error instanceof RoundFailed)
    console.log(`  what was seen until then: ${await saveRecord('round-so-far', error.seen)}`)
}

function openStage(backend: Options['backend'], kind: string, random: Random): Promise<Stage> {
  // Checked against the kinds of this backend above.
  if (backend === 'etcd') return openEtcdStage({ kind: kind as (typeof ETCD_KINDS)[number], random })
  return openFilesystemStage({ kind: kind as (typeof FILESYSTEM_KINDS)[number], random })
}

/** The stage with these of its faults only. @throws Error when it has none of them. */
async function only(stage: Stage, names: readonly string[] | undefined): Promise<Stage> {
  if (!names) return stage
  const faults = stage.faults.filter(({ name }) => names.includes(name))
  if (faults.length === 0) {
    await stage.close()
    throw new Error(
      `--faults ${names.join(',')}: ${stage.name} has ${stage.faults.map(({ name }) => name).join(', ')}.`,
    )
  }
  return Object.defineProperty(stage, 'faults', { value: faults })
}

/** Says how a round went, and keeps what was seen when it went wrong. */
async function tell(
  { stage, seed, verdict, faults, history }: Round,
  n: number,
  again: string,
): Promise<boolean> {
  const struck = [...faults.values()].reduce((sum, times) => sum + times, 0)
  const { writes, acked, ambiguous, resyncs, violations } = verdict
  clearLine()
  console.log(
    `round ${n + 1}, ${stage}, seed ${seed}: ${struck} faults, ${writes} writes, ${acked} acked, ${ambiguous} ambiguous, ${resyncs} resyncs: ${violations.length === 0 ? 'ok' : 'WRONG'}`,
  )
  if (violations.length === 0) return true
  for (const violation of violations) console.log(`  ${violation}`)
  console.log(`  play it again: ${again}\n  what was seen: ${await saveRecord('history', history)}`)
  return false
}

function showFault(round: number): (name: string) => void {
  return name => {
    if (!process.stdout.isTTY) return
    clearLine()
    process.stdout.write(`${((performance.now() - start) / 1_000).toFixed(0)} s, round ${round + 1}: ${name}`)
  }
}

function clearLine(): void {
  if (process.stdout.isTTY) process.stdout.write('\r\u001b[2K')
}

function parsePositive(text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('It has to be a number above 0.')
  return value
}

function parseWhole(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 0 || value > 0xffffffff)
    throw new InvalidArgumentError('It has to be a whole number from 0 to 4294967295.')
  return value
}

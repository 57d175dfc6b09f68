import { Command, InvalidArgumentError, Option } from 'commander'
import { ETCD_KINDS, openEtcdStage } from './etcd/stage.ts'
import { KINDS as FILESYSTEM_KINDS, openFilesystemStage } from './filesystem/stage.ts'
import type { Random } from './random.ts'
import { type Judged, playRound, type Round } from './round.ts'
import { saveRecord } from './save-record.ts'
import type { Stage } from './stage.ts'
import { printFaults, printTable } from './table.ts'

/*
 * `npm run chaos`: round after round on a fresh store under faults, each judged from what everybody saw, until the time is up; one table at the end. Ends
 * with 1 when anything was wrong in any round, and says how to play that round again.
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
  .description('Lets faults strike controllers at work and proves from what everybody saw that nothing was lost, doubled or reordered.')
  .addOption(new Option('--backend <name>', 'the store').choices(['etcd', 'filesystem']).makeOptionMandatory())
  .option('--minutes <n>', 'how long to begin new rounds', parsePositive, 20)
  .option('--seed <n>', 'seed of the first round; the next ones count up', parseWhole, Math.floor(Math.random() * 1e9))
  .option('--kind <name>', `only this kind of faults (etcd: ${ETCD_KINDS.join(', ')}; filesystem: ${FILESYSTEM_KINDS.join(', ')})`)
  .option('--faults <names>', 'only these of its faults, as the last line names them, with commas between', text => text.split(','))
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
if (options.kind !== undefined && !kinds.includes(options.kind)) program.error(`--kind ${options.kind}: ${options.backend} has ${kinds.join(', ')}.`)
process.exitCode = (await playAll(options)) ? 0 : 1

/** True when every round was as it has to be. */
async function playAll({ backend, minutes, seed, kind, faults, rounds, seconds, bail }: Options): Promise<boolean> {
  const start = performance.now()
  const played: Judged[] = []
  let sound = true
  for (let n = 0; n < rounds && (sound || !bail) && performance.now() - start < minutes * 60_000; n++) {
    // The kind follows from the seed, so that the seed alone plays a round again.
    const chosen = kind ?? (kinds[(seed + n) % kinds.length] as string)
    const again = `npm run chaos -- --backend ${backend} --kind ${chosen} --seed ${seed + n} --rounds 1 --seconds ${seconds}${faults ? ` --faults '${faults.join(',')}'` : ''}`
    try {
      const open = async (random: Random) => only(await openStage(backend, chosen, random), faults)
      const round = await playRound({ open, seed: seed + n, seconds, onFault: showFault(start, n) })
      sound = (await tell(round, n, again)) && sound
      // Not its history, which is hundreds of megabytes.
      const { history: _, ...judged } = round
      played.push(judged)
    } catch (error) {
      sound = false
      console.log(
        `\nround ${n + 1}, ${chosen}: it did not get to its end.\n  ${error instanceof Error ? error.stack : error}\n  play it again: ${again}`,
      )
    }
  }
  console.log(`\n${backend}, seeds ${seed} to ${seed + played.length - 1}, ${((performance.now() - start) / 60_000).toFixed(1)} minutes\n`)
  console.log(`${printTable(played)}\n\nfaults: ${printFaults(played)}`)
  return sound
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
    throw new Error(`--faults ${names.join(',')}: ${stage.name} has ${stage.faults.map(({ name }) => name).join(', ')}.`)
  }
  return Object.defineProperty(stage, 'faults', { value: faults })
}

/** Says how a round went, and keeps what was seen when it went wrong. */
async function tell({ stage, seed, verdict, faults, history }: Round, n: number, again: string): Promise<boolean> {
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

function showFault(start: number, round: number): (name: string) => void {
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

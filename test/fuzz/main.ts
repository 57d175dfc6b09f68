import { constants } from 'node:os'
import { Command, InvalidArgumentError, Option } from 'commander'
import { createRandom } from '../chaos/random.ts'
import { BACKENDS, type FuzzedBackend, startFuzzedService } from './fuzzed-service.ts'
import { Record } from './record.ts'
import { runCrowd } from './run-crowd.ts'
import { runScenario, SCENARIOS, scenarioOf } from './run-scenario.ts'

/*
 * `npm run fuzz`: generated requests, frames and connections of a reader and a writer against a service of
 * the built package, until the time is up.
 *
 * Invariant: the run ends with its table, its verdict and an exit code: 0 without a finding, 1 with one, else
 * 130 or 143 after SIGINT or SIGTERM. Each finding has the command that repeats it.
 */

interface Options {
  readonly seconds: number
  readonly seed: number
  readonly from: number
  readonly scenarios: number
  readonly backend: FuzzedBackend
  readonly kind?: string
  readonly crowds: boolean
}

/** Scenarios between two crowds, which run at once. */
const CROWD_EVERY = 40

const options = new Command('npm run fuzz --')
  .description('Looks for a request of a reader or a writer that costs the others too much.')
  .option('--seconds <n>', 'how long to begin new scenarios', parseWhole, 60)
  .option('--seed <n>', 'seed of all scenarios', parseWhole, Math.floor(Math.random() * 1e9))
  .option('--from <n>', 'number of the first scenario', parseWhole, 0)
  .option('--scenarios <n>', 'how many scenarios at most', parseWhole, Number.MAX_SAFE_INTEGER)
  .option('--kind <text>', 'only scenarios whose name contains this text')
  .option('--no-crowds', 'no concurrent connections between the scenarios')
  .addOption(new Option('--backend <name>', 'the store').choices(BACKENDS).default('filesystem'))
  .parse()
  .opts<Options>()

const kinds = SCENARIOS.filter(({ name }) => name.includes(options.kind ?? ''))
const record = new Record()
const start = performance.now()
let signalled: NodeJS.Signals | undefined
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    if (signalled) process.exit(128 + constants.signals[signal])
    signalled = signal
  })

const { seed, from, scenarios, backend } = options
const again = `npm run fuzz -- --seed ${seed} --backend ${backend}${options.kind ? ` --kind '${options.kind}'` : ''}`
let service = await startFuzzedService(backend)
try {
  for (let n = from; n < from + scenarios && isTime(); n++) {
    record.addScenario(
      await runScenario(service, scenarioOf(n, kinds), seed, n),
      `${again} --from ${n} --scenarios 1`,
    )
    if (options.crowds && n % CROWD_EVERY === CROWD_EVERY - 1)
      record.addCrowd(await runCrowd(service, createRandom(seed).fork(`crowd ${n}`)), `${again} --from ${n}`)
    // The end of the service is one finding, not the end of the search.
    if (!service.isAlive()) {
      await service.close()
      service = await startFuzzedService(backend)
    }
  }
} finally {
  await service.close()
}
console.log(`\nseed ${seed}, ${backend}, ${((performance.now() - start) / 1_000).toFixed(0)} s\n`)
console.log(record.print())
process.exit(record.findings > 0 ? 1 : signalled ? 128 + constants.signals[signalled] : 0)

function isTime(): boolean {
  return !signalled && performance.now() - start < options.seconds * 1_000
}

function parseWhole(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new InvalidArgumentError('It must be a whole number.')
}

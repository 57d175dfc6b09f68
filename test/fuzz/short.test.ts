import { expect, it, onTestFinished } from 'vitest'
import { createRandom } from '../chaos/random.ts'
import { startFuzzedService } from './fuzzed-service.ts'
import { runCrowd } from './run-crowd.ts'
import { runScenario, SCENARIOS } from './run-scenario.ts'

/*
 * The short form of `npm run fuzz`: each kind of scenario once and a crowd, always the same. It counts the CPU
 * time of the service, which other load on the machine does not change.
 */

const SEED = 20_261_201

it('A reader and a writer cannot cost the others more than docs/security.md allows.', async () => {
  const service = await startFuzzedService('filesystem')
  onTestFinished(() => service.close())
  for (const [number, scenario] of [...new Set(SCENARIOS)].entries())
    expect((await runScenario(service, scenario, SEED, number)).findings, scenario.name).toEqual([])
  expect((await runCrowd(service, createRandom(SEED))).findings).toEqual([])
}, 600_000)

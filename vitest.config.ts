import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Files that take a minute or more: were they begun last, the other workers would have nothing to do meanwhile. */
const LONG = ['integration/settings-crowd', 'integration/migration', 'chaos/mutants', 'chaos/rounds', 'integration/import-command']

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification): boolean => LONG.some(name => moduleId.endsWith(`/test/${name}.test.ts`))
    const sorted = await super.sort(files)
    return [...sorted.filter(isLong), ...sorted.filter(file => !isLong(file))]
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Machines are shared: what takes a second on a quiet one took twenty on a busy one. Only what hangs takes all of this.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 10_000 } },
    setupFiles: ['test/support/seed.ts'],
    sequence: { sequencer: LongFirst },
    pool: 'forks',
    maxWorkers: 4,
  },
})

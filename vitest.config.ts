import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * Files that take a minute or more: were they begun last, the other workers would have nothing to do
 * meanwhile.
 */
const LONG = [
  'integration/settings-crowd',
  'integration/migration',
  'chaos/mutants',
  'integration/import-command',
]
/** It shows what holds on time as well: last, when little runs beside it. */
const QUIET = 'chaos/rounds'

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId, project }: TestSpecification): number => {
      const is = (name: string): boolean => moduleId.endsWith(`/test/${name}.test.ts`)
      if (is(QUIET)) return 3
      return LONG.some(is) ? 0 : project.name === 'chaos' ? 1 : 2
    }
    return (await super.sort(files)).sort((a, b) => place(a) - place(b))
  }
}

export default defineConfig({
  // NApps import the package by its name; in tests it is these sources.
  resolve: {
    alias: {
      'kytos-settings/backend': join(import.meta.dirname, 'backends/public.ts'),
      'kytos-settings/conformance': join(import.meta.dirname, 'conformance/suite.ts'),
      'kytos-settings': join(import.meta.dirname, 'src/public.ts'),
    },
  },
  test: {
    // Machines are shared: what takes a second on a quiet one took twenty on a busy one. Only what hangs
    // takes all of this.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 10_000 } },
    setupFiles: ['test/support/seed.ts'],
    pool: 'forks',
    maxWorkers: 4,
    sequence: { sequencer: LongFirst },
    projects: [
      // Files share the modules that their worker has loaded: to load them for each took half of the time of
      // the unit tests. So no module keeps what one file needs.
      {
        extends: true,
        test: {
          name: 'shared',
          include: ['test/{unit,conformance,integration}/**/*.test.ts'],
          isolate: false,
        },
      },
      // What measures memory and kills processes has a process of its own.
      { extends: true, test: { name: 'chaos', include: ['test/{chaos,fuzz}/**/*.test.ts'] } },
    ],
  },
})

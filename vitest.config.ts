import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Machines are shared: what takes a second on a quiet one took twenty on a busy one. Only what hangs takes all of this.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 10_000 } },
    setupFiles: ['test/support/seed.ts'],
    pool: 'forks',
    maxWorkers: 4,
  },
})

import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

/** The pages of docs/admin, whose commands are executed: `npm run test:guides`, beside `npm test`. */
export default defineConfig({
  test: {
    root: join(import.meta.dirname, '../..'),
    include: ['test/guides/**/*.guide.ts'],
    testTimeout: 300_000,
    hookTimeout: 60_000,
    setupFiles: ['test/support/seed.ts'],
    pool: 'forks',
    // The machines that run this have two processors, and every page starts several etcds.
    maxWorkers: 2,
  },
})

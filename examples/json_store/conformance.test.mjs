import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { suite } from 'kytos-settings/conformance'
import { create } from './json-store.mjs'

// Run it with `node --test`. The suite needs the package fast-check.
suite(
  {
    title: 'json-store',
    supports: { sharing: false, durability: true, handEdits: false },
    crash: true,
    forget: false,
    lossy: false,
    ttl: 1,
    timeoutMs: 15_000,
    async create() {
      const folder = await mkdtemp(join(tmpdir(), 'json-store-'))
      /** @param {string} name */
      const at = name => create({ file: join(folder, name), history: 10_000 }, { report: () => {} })
      return {
        backend: () => at('store.json'),
        async afterCrash() {
          await cp(join(folder, 'store.json'), join(folder, 'crashed.json'))
          return at('crashed.json')
        },
        remove: () => rm(folder, { recursive: true }),
      }
    },
  },
  { describe, it },
)

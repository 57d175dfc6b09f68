import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import type { Place } from './case.ts'
import { suite } from './suite.ts'

const report = (): void => {}

suite({
  title: 'filesystem',
  supports: { sharing: false, durability: true, handEdits: true },
  crash: true,
  forget: false,
  ttl: 0.3,
  patience: 8_000,
  create: filesystemPlace,
})

/** A store in a temporary folder. What the folder holds at a moment is what a process would find if the one that wrote it were killed then. */
async function filesystemPlace(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'kytos-conformance-'))
  const at = (name: string) => createFilesystemBackend({ path: join(folder, name) }, { report })
  return {
    backend: () => at('store'),
    async afterCrash() {
      await cp(join(folder, 'store'), join(folder, 'crashed'), { recursive: true })
      return at('crashed')
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

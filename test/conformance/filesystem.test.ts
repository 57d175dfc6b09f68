import { cpSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import type { Place } from '../../conformance/harness/case.ts'
import { declareSuite } from './declare-suite.ts'

const report = (): void => {}

declareSuite({
  title: 'filesystem',
  supports: { sharing: false, durability: true, handEdits: true },
  crash: true,
  forget: false,
  lossy: false,
  ttl: 1,
  timeoutMs: 15_000,
  create: filesystemPlace,
})

/**
 * A store in a temporary folder. What the folder holds at a moment is what a process would find if the one
 * that wrote it were killed then.
 */
async function filesystemPlace(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'kytos-conformance-'))
  const at = (name: string) => createFilesystemBackend({ path: join(folder, name) }, { report })
  return {
    backend: () => at('store'),
    async afterCrash() {
      freeze()
      cpSync(join(folder, 'store'), join(folder, 'crashed'), { recursive: true })
      return at('crashed')
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

/**
 * Stops this process until the file system calls under way have come back; none follows them until the folder
 * has been copied.
 */
function freeze(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
}

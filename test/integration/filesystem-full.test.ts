import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import { isSettingsError } from '../../model/errors.ts'
import { makeKey } from '../../model/key.ts'

const folder = mkdtempSync(join(tmpdir(), 'kytos-full-'))
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', folder]).status === 0

afterAll(() => {
  if (mounted) spawnSync('umount', [folder])
  rmSync(folder, { recursive: true, force: true })
})

// Needs a file system that can be filled: a tmpfs of 2 MiB, which only root may mount.
describe.skipIf(!mounted)('A full disk', () => {
  it('rejects with STORE_FULL a commit that does not fit, keeps all acknowledged commits, and continues once there is space', async () => {
    const ballast = join(folder, 'ballast')
    await writeFile(ballast, Buffer.alloc(512 * 1024))
    const path = join(folder, 'store')
    const store = createFilesystemBackend({ path }, { report: () => {} })
    await store.open()
    const acked: number[] = []
    const codes = new Set<string>()
    const commit = async (count: number): Promise<void> => {
      const put = JSON.stringify({ count, padding: 'x'.repeat(20_000) })
      try {
        await store.commit([
          { key: makeKey('meta', `a${count}`), put },
          { key: makeKey('meta', `b${count}`), put },
        ])
        acked.push(count)
      } catch (error) {
        codes.add(isSettingsError(error) ? error.code : String(error))
      }
    }
    for (let round = 0; round < 30; round++)
      await Promise.all(Array.from({ length: 4 }, (_, writer) => commit(round * 4 + writer)))
    expect([...codes]).toEqual(['STORE_FULL'])
    expect(await present(store)).toEqual(acked)

    await rm(ballast)
    await commit(1_000)
    expect(acked.at(-1)).toBe(1_000)
    await store.close()

    const again = createFilesystemBackend({ path }, { report: () => {} })
    await again.open()
    expect(await present(again)).toEqual(acked)
    await again.close()
  })
})

/** The counts whose both keys are there. */
async function present(store: ReturnType<typeof createFilesystemBackend>): Promise<number[]> {
  const found: number[] = []
  for (let count = 0; count <= 1_000; count++) {
    const [a, b] = [
      await store.get(makeKey('meta', `a${count}`)),
      await store.get(makeKey('meta', `b${count}`)),
    ]
    expect(a?.text).toBe(b?.text)
    if (a) found.push(count)
  }
  return found
}

import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import { toSettingsError } from '../../model/errors.ts'
import { makeKey } from '../../model/key.ts'

const quiet = { report: () => {} }

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kytos-open-'))
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true, force: true })
})

describe('Opening a store', () => {
  it('makes its folders, with all parents, for this user only', async () => {
    const path = join(folder, 'a', 'b')
    const store = createFilesystemBackend({ path }, quiet)
    await store.open()
    for (const name of ['a', 'a/b', 'a/b/journal', 'a/b/settings'])
      expect((await stat(join(folder, name))).mode & 0o777).toBe(0o700)
    await store.close()
  })

  it.each([
    ['is a file', 'file'],
    ['goes through a file', 'file/below'],
    ['cannot be made', '/proc/kytos'],
  ])('whose path %s is refused as STORE_UNWRITABLE', async (_, name) => {
    await writeFile(join(folder, 'file'), '')
    const path = name.startsWith('/') ? name : join(folder, name)
    expect(await refusal(path)).toMatchObject({
      code: 'STORE_UNWRITABLE',
      message: expect.stringContaining(path),
    })
  })

  it('without the flock command is rejected, with the package to install', async () => {
    vi.stubEnv('PATH', folder)
    expect(await refusal(join(folder, 'store'))).toMatchObject({
      code: 'STORE_REFUSED',
      message: expect.stringContaining('util-linux'),
    })
  })

  it('that failed can be retried; a closed store stays closed', async () => {
    const path = join(folder, 'store')
    const [first, second] = [
      createFilesystemBackend({ path }, quiet),
      createFilesystemBackend({ path }, quiet),
    ]
    await first.open()
    expect(await second.open().catch(toSettingsError)).toMatchObject({ code: 'STORE_LOCKED' })
    await first.close()
    await second.open()
    await second.close()
    expect(await second.open().catch(toSettingsError)).toMatchObject({ code: 'STORE_UNREACHABLE' })
  })

  it('lets no time pass while it is closed, and deletes keys when they expire after that', async () => {
    const path = join(folder, 'store')
    const [short, long] = [makeKey('armed', 'short'), makeKey('armed', 'long')]
    const first = createFilesystemBackend({ path }, quiet)
    await first.open()
    await first.commit([
      { key: short, put: '1', ttl: 0.05 },
      { key: long, put: '1', ttl: 3_600 },
    ])
    await first.close()
    const second = createFilesystemBackend({ path }, quiet)
    await second.open()
    await vi.waitFor(async () => expect(await second.get(short)).toBeUndefined(), 10_000)
    expect(await second.get(long)).toBeDefined()
    await second.close()
  })
})

async function refusal(path: string) {
  return createFilesystemBackend({ path }, quiet).open().catch(toSettingsError)
}

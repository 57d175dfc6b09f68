import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Backend } from '../../../../backends/backend.ts'
import { createFilesystemBackend } from '../../../../backends/filesystem/index.ts'
import { makeKey } from '../../../../model/key.ts'

/** The time within which a test expects what it waits for. */
const SOON = { timeout: 20_000, interval: 20 }
const KEY = makeKey('armed', 'a')

let folder: string
const open: Backend[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kytos-expiry-'))
})
afterEach(async () => {
  vi.restoreAllMocks()
  await Promise.all(open.splice(0).map(store => store.close()))
  await rm(folder, { recursive: true, force: true })
})

async function openStore(name: string): Promise<Backend> {
  const store = createFilesystemBackend({ path: join(folder, name) }, { report() {} })
  open.push(store)
  await store.open()
  return store
}

/** Copies the folder as it is now, as a kill of its process would leave it. */
async function copyOf(name: string, copy: string): Promise<void> {
  await cp(join(folder, name), join(folder, copy), { recursive: true })
  await rm(join(folder, copy, 'journal/lock'), { force: true })
}

const timesOf = (name: string) => join(folder, name, 'journal/times.json')

describe('the time of a key on the filesystem', () => {
  it('does not follow the clock of the machine', async () => {
    const store = await openStore('store')
    await store.commit([{ key: KEY, put: '1', ttl: 60 }])
    const now = Date.now()
    for (const hours of [-24, 24]) {
      vi.spyOn(Date, 'now').mockReturnValue(now + hours * 3_600_000)
      // Another expiry makes the store look at all of them.
      await store.commit([{ key: makeKey('armed', 'b'), put: '1', ttl: 0.01 }])
      await vi.waitFor(async () => expect(await store.get(makeKey('armed', 'b'))).toBeUndefined(), SOON)
      expect(await store.timeToLive(KEY)).toBeGreaterThan(30)
      expect(await store.timeToLive(KEY)).toBeLessThanOrEqual(60)
    }
  })

  it('continues after a kill with what was left at the last note, and after a closing with what was left', async () => {
    const store = await openStore('store')
    await store.commit([{ key: KEY, put: '1', ttl: 600 }])
    await vi.waitFor(
      async () => expect(JSON.parse(await readFile(timesOf('store'), 'utf8'))[KEY]).toBeDefined(),
      SOON,
    )
    const [revision, left] = JSON.parse(await readFile(timesOf('store'), 'utf8'))[KEY]
    expect(left).toBeLessThan(600_000)
    await copyOf('store', 'killed')
    await writeFile(timesOf('killed'), JSON.stringify({ [KEY]: [revision, 300_000] }))
    const killed = await openStore('killed')
    expect(await killed.timeToLive(KEY)).toBeGreaterThan(240)
    expect(await killed.timeToLive(KEY)).toBeLessThanOrEqual(300)
    await killed.close()
    await store.close()
    const again = await openStore('store')
    expect(await again.timeToLive(KEY)).toBeLessThan(600)
  })

  it('is the whole time where the note is of another put, or is no note', async () => {
    const store = await openStore('store')
    await store.commit([{ key: KEY, put: '1', ttl: 600 }])
    await store.close()
    for (const note of [
      JSON.stringify({ [KEY]: ['999', 5_000] }),
      '{"ar',
      '[]',
      'null',
      JSON.stringify({ [KEY]: 7 }),
    ]) {
      await writeFile(timesOf('store'), note)
      await copyOf('store', 'copy')
      const again = await openStore('copy')
      expect(await again.timeToLive(KEY)).toBeGreaterThan(590)
      await again.close()
      await rm(join(folder, 'copy'), { recursive: true })
    }
  })

  it('is at least 2 s after an opening, then the key is deleted, and no note is left', async () => {
    const store = await openStore('store')
    await store.commit([{ key: KEY, put: '1', ttl: 0.5 }])
    await store.close()
    const again = await openStore('store')
    const begun = performance.now()
    expect(await again.timeToLive(KEY)).toBeGreaterThan(1.5)
    await vi.waitFor(async () => expect(await again.get(KEY)).toBeUndefined(), SOON)
    expect(performance.now() - begun).toBeGreaterThan(1_500)
    await vi.waitFor(() => expect(readFile(timesOf('store'))).rejects.toThrow('ENOENT'), SOON)
  })
})

import fs, { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { Layout } from '../../../../backends/filesystem/format/layout.ts'
import { DEFAULT_PARTS } from '../../../../backends/filesystem/index.ts'
import { FilesystemStore } from '../../../../backends/filesystem/store.ts'
import { makeKey } from '../../../../model/key.ts'

let layout = new Layout('')
beforeEach(async () => {
  layout = new Layout(await mkdtemp(join(tmpdir(), 'kytos-walks-')))
})
afterEach(() => rm(layout.path, { recursive: true, force: true, maxRetries: 5 }))

/** Somebody writes a file that is none of ours, again and again. */
async function noise(pause: number, until: () => boolean): Promise<void> {
  for (let n = 0; !until(); n++) {
    await writeFile(join(layout.root('settings'), 'notes.txt'), `${n}`)
    await sleep(pause)
  }
}

describe('The walks over the readable files', () => {
  it('are not put off for ever by somebody who writes beside them all the time', async () => {
    const store = await FilesystemStore.open(layout, DEFAULT_PARTS, () => {})
    onTestFinished(() => store.close())
    const key = makeKey('controllers', 'one', 'kytos', 'of_lldp')
    const began = performance.now()
    const noisy = noise(10, () => store.state.has(key) || performance.now() - began > 20_000)
    await mkdir(dirname(layout.file(key)), { recursive: true })
    await writeFile(layout.file(key), '{"a":1}')
    await noisy
    expect(store.state.get(key)?.text).toBe('{"a":1}')
    expect(performance.now() - began).toBeLessThan(15_000)
  })

  it('that are asked for while one goes on are one: it does not get later and later', async () => {
    const store = await FilesystemStore.open(layout, DEFAULT_PARTS, () => {})
    onTestFinished(() => store.close())
    let walks = 0
    const { readdir } = fs
    const slow = vi.spyOn(fs, 'readdir').mockImplementation((async (path: string, options: never) => {
      if (path === layout.root('boxes')) {
        walks++
        await sleep(500)
      }
      return readdir(path, options)
    }) as never)
    syncBuiltinESMExports()
    onTestFinished(() => {
      slow.mockRestore()
      syncBuiltinESMExports()
    })
    const end = performance.now() + 2_000
    await noise(100, () => performance.now() > end)
    const before = walks
    await sleep(2_500)
    expect(before).toBeGreaterThan(0)
    // The one that was due, and perhaps one of the last noise.
    expect(walks - before).toBeLessThanOrEqual(2)
  })
})

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Outcome } from '../../../../backends/backend.ts'
import { ReadableFiles } from '../../../../backends/filesystem/files/readable-files.ts'
import { FolderWatch } from '../../../../backends/filesystem/files/scan.ts'
import { Layout, type ReadableKind } from '../../../../backends/filesystem/format/layout.ts'
import { DEFAULT_PARTS } from '../../../../backends/filesystem/index.ts'
import { State } from '../../../../backends/filesystem/journal/state.ts'
import { FilesystemStore } from '../../../../backends/filesystem/store.ts'
import { toSettingsError } from '../../../../model/errors.ts'
import { makeKey } from '../../../../model/key.ts'

let layout = new Layout('')
beforeEach(async () => {
  layout = new Layout(await mkdtemp(join(tmpdir(), 'kytos-closing-')))
})
afterEach(() => rm(layout.path, { recursive: true, force: true }))

describe('A store that is closed', () => {
  it('writes nothing into its journal any more: another process may have it open', async () => {
    const store = await FilesystemStore.open(layout, DEFAULT_PARTS, () => {})
    const put = (name: string) => store.commit([{ key: makeKey('settings', 'kytos', name), put: '{}' }])
    const before = put('before')
    const closing = store.close()
    expect(await before).toMatchObject({ committed: true })
    await closing
    const [names, log] = [
      await readdir(layout.journal),
      await readFile(join(layout.journal, '000000000001.log')),
    ]
    expect(await put('after').catch(toSettingsError)).toMatchObject({ code: 'STORE_UNREACHABLE' })
    expect([await readdir(layout.journal), await readFile(join(layout.journal, '000000000001.log'))]).toEqual(
      [names, log],
    )
  })

  it('has made all its notes of the readable files, however long one of them takes', async () => {
    const state = new State()
    const notes: ((outcome: Outcome) => void)[] = []
    const commit = () => new Promise<Outcome>(resolve => notes.push(resolve))
    const files = new ReadableFiles({ state, commit, layout, entryBytes: 1000, report: () => {} })
    await files.open(new Map())
    const change = (name: string) => {
      const key = makeKey('settings', 'kytos', name)
      state.restore({ key, text: '{}', modRevision: 1n, createRevision: 1n }, undefined)
      files.committed(key)
    }
    change('slowly-noted')
    await vi.waitUntil(() => notes.length === 1, 5_000)
    change('noted-meanwhile')
    // Longer than notes are gathered for: the second one is due, and waits for the first.
    await new Promise(resolve => setTimeout(resolve, 700))
    let closed = false
    const closing = files.close().then(() => {
      closed = true
    })
    await new Promise(resolve => setTimeout(resolve, 100))
    expect([notes.length, closed]).toEqual([1, false])
    notes[0]?.({ committed: true, revision: 1n })
    await vi.waitUntil(() => notes.length === 2, 5_000)
    expect(closed).toBe(false)
    notes[1]?.({ committed: true, revision: 1n })
    await closing
    expect(notes).toHaveLength(2)
  })

  it('watches no folder any more, also when it was just looking them over', async () => {
    const follow = vi.spyOn(FolderWatch.prototype, 'follow')
    onTestFinished(() => follow.mockRestore())
    let walking = () => {}
    class Told extends Layout {
      override root(kind: ReadableKind): string {
        walking()
        return super.root(kind)
      }
    }
    const commit = () => Promise.resolve<Outcome>({ committed: true, revision: 1n })
    const files = new ReadableFiles({
      state: new State(),
      commit,
      layout: new Told(layout.path),
      entryBytes: 1000,
      report: () => {},
    })
    await files.open(new Map())
    await new Promise<void>((resolve, reject) => {
      walking = () => {
        walking = () => {}
        files.close().then(resolve, reject)
      }
    })
    expect(follow.mock.lastCall).toEqual([[]])
  })
})

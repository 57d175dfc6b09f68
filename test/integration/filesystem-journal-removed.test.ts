import { existsSync, renameSync, rmSync } from 'node:fs'
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Backend, Problem } from '../../backends/backend.ts'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import { EVERYTHING, type Key, makeKey } from '../../model/key.ts'

const SOON = { timeout: 20_000, interval: 50 }
/** A kind without a readable file, so that only the journal has it. */
const TOKEN = makeKey('tokens', 'one')
const LLDP = makeKey('settings', 'kytos', 'of_lldp')

let folder = ''
let path = ''
let problems: Problem[] = []
let store: Backend

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kytos-journal-'))
  path = join(folder, 'store')
  problems = []
  store = await open(path)
})
afterEach(async () => {
  await store.close()
  await rm(folder, { recursive: true, force: true })
})

async function open(place: string): Promise<Backend> {
  const backend = createFilesystemBackend({ path: place }, { report: problem => problems.push(problem) })
  await backend.open()
  return backend
}

async function put(key: Key, text: string): Promise<bigint> {
  const outcome = await store.commit([{ key, put: text }])
  return outcome.committed ? outcome.revision : expect.fail('no guard can fail')
}

async function contents(backend: Backend): Promise<unknown> {
  const { revision, pages } = await backend.list(EVERYTHING)
  const entries = []
  for await (const page of pages) entries.push(...page)
  return { revision, entries }
}

/** What a process would find that opened the store now, after the death of this one. */
async function reopened(): Promise<unknown> {
  const copy = join(folder, 'copy')
  await rm(copy, { recursive: true, force: true })
  await cp(path, copy, { recursive: true })
  const backend = await open(copy)
  try {
    return await contents(backend)
  } finally {
    await backend.close()
  }
}

const journal = () => join(path, 'journal')

describe('A journal that is removed while its store is open', () => {
  it.each([
    ['as a whole', () => rmSync(journal(), { recursive: true })],
    ['by its current log', () => rmSync(join(journal(), '000000000001.log'))],
    ['by moving it away', () => renameSync(journal(), join(folder, 'elsewhere'))],
  ])('%s is written again by itself, with everything, and said', async (_, remove) => {
    await put(TOKEN, '{"hash":1}')
    await put(LLDP, '{"a":1}')
    const before = await contents(store)
    remove()
    await expect.poll(() => problems.map(({ code }) => code), SOON).toContain('JOURNAL_REMOVED')
    await expect.poll(() => existsSync(journal()), SOON).toBe(true)
    await expect.poll(reopened, SOON).toEqual(before)
    await put(LLDP, '{"a":2}')
    const later = await contents(store)
    await store.close()
    store = await open(path)
    expect(await contents(store)).toEqual(later)
    expect(problems.filter(({ code }) => code !== 'JOURNAL_REMOVED')).toEqual([])
    expect((await readdir(path)).filter(name => name.startsWith('journal'))).toEqual(['journal'])
  })

  it('loses no commit that was acknowledged, however close to the removal', async () => {
    for (let n = 1; n <= 12; n++) {
      const commits = Array.from({ length: 6 }, (_, i) => put(makeKey('tokens', `${n}-${i}`), `{"n":${n}}`))
      if (n % 3 > 0) await Promise.race(commits)
      rmSync(journal(), { recursive: true })
      await Promise.all([...commits, put(TOKEN, `{"n":${n}}`)])
      expect(await reopened(), `round ${n}`).toEqual(await contents(store))
    }
  })

  it('is written again by the last moment of a store that is closed', async () => {
    await put(TOKEN, '{"hash":1}')
    const before = await contents(store)
    rmSync(journal(), { recursive: true })
    await store.close()
    store = await open(path)
    expect(await contents(store)).toEqual(before)
  })

  it('is not created where its store is gone: commits are refused, and nothing is reported as written', async () => {
    await put(TOKEN, '{"hash":1}')
    renameSync(path, join(folder, 'away'))
    await expect(put(TOKEN, '{"hash":2}')).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
    expect((await store.get(TOKEN))?.text).toBe('{"hash":1}')
    renameSync(join(folder, 'away'), path)
    await put(TOKEN, '{"hash":3}')
    expect(await reopened()).toEqual(await contents(store))
  })
})

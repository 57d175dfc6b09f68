import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Backend, Batch, Problem } from '../../backends/backend.ts'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import { isSettingsError } from '../../model/errors.ts'
import { EVERYTHING, makeKey } from '../../model/key.ts'
import { watchSteps } from '../chaos/filesystem-steps.ts'

const SMALL = { compaction: { log: 32 * 1024, tail: 64 * 1024, ratio: 2 } }
const WRITERS = 16
const COMMITS = 400

let path = ''
let backends: Backend[] = []
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'kytos-compaction-'))
})
afterEach(async () => {
  for (const backend of backends) await backend.close()
  backends = []
  await rm(path, { recursive: true, force: true })
})

describe('Compaction', () => {
  it('under load loses no commit, no batch and no revision, and makes the journal small', {
    timeout: 40_000,
  }, async () => {
    const store = await open(SMALL)
    const seen: bigint[] = []
    const end = new AbortController()
    const reading = (async () => {
      for await (const { revision, changes } of store.watch(0n, end.signal)) {
        if (changes.length > 0) seen.push(revision)
        if (revision === BigInt(WRITERS * COMMITS)) end.abort()
      }
    })()
    await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(store, writer)))
    const before = await picture(store)
    expect(before.revision).toBe(BigInt(WRITERS * COMMITS))
    await reading
    await store.close()
    expect(seen).toEqual(Array.from({ length: WRITERS * COMMITS }, (_, at) => BigInt(at + 1)))

    const names = await readdir(join(path, 'journal'))
    expect(names.filter(name => name.endsWith('.snapshot'))).toHaveLength(1)
    expect(names.filter(name => name.endsWith('.log')).length).toBeGreaterThan(2)

    const again = await open(SMALL)
    expect(await picture(again)).toEqual(before)
    expect(await again.commit([{ key: makeKey('meta', 'next'), put: '1' }])).toEqual({
      committed: true,
      revision: before.revision + 1n,
    })
    expect((await follow(again, before.revision - 50n)).map(({ revision }) => revision)).toHaveLength(51)
  })

  it('that is refused is reported once, costs nothing, and is made up for', { timeout: 40_000 }, async () => {
    const fail = () => {
      throw Object.assign(new Error('EBUSY, as the test wanted'), { code: 'EBUSY' })
    }
    let refused = 0
    const stop = watchSteps(path, ({ name }) =>
      /^rename to .*\.snapshot$/.test(name) && ++refused ? { share: 0, end: fail } : undefined,
    )
    const problems: Problem[] = []
    const store = createFilesystemBackend({ path }, { report: problem => problems.push(problem) }, SMALL)
    backends.push(store)
    await store.open()
    for (let writer = 0; writer < 2; writer++) await write(store, writer)
    await expect
      .poll(() => problems.map(({ code, source }) => [code, source]))
      .toEqual([['FILE_UNWRITABLE', join(path, 'journal')]])
    await write(store, 2)
    const before = await picture(store)
    await store.close()
    stop()
    expect(refused).toBeGreaterThan(0)
    expect(problems).toHaveLength(1)
    expect((await readdir(join(path, 'journal'))).filter(name => name.includes('snapshot'))).toEqual([])
    expect(await picture(await open(SMALL))).toEqual(before)
  })

  it('whose leftovers cannot be removed does not keep the store from opening, and reports them', async () => {
    const store = await open(SMALL)
    await store.commit([{ key: makeKey('meta', 'a'), put: '1' }])
    await store.close()
    await writeFile(join(path, 'journal', '000000000002.snapshot.tmp'), 'half')
    const fail = () => {
      throw Object.assign(new Error('EPERM, as the test wanted'), { code: 'EPERM' })
    }
    const stop = watchSteps(path, ({ name }) =>
      name.startsWith('remove journal/') ? { share: 0, end: fail } : undefined,
    )
    const problems: Problem[] = []
    const again = createFilesystemBackend({ path }, { report: problem => problems.push(problem) }, SMALL)
    backends.push(again)
    await again.open()
    stop()
    expect((await again.get(makeKey('meta', 'a')))?.text).toBe('1')
    expect(problems).toMatchObject([
      { code: 'FILE_UNWRITABLE', source: join(path, 'journal', '000000000002.snapshot.tmp') },
    ])
  })

  it('keeps steps for watches within the window, and calls older ones lost', {
    timeout: 40_000,
  }, async () => {
    const store = await open({ ...SMALL, window: { batches: 100, bytes: 1e9 } })
    for (let writer = 0; writer < 2; writer++) await write(store, writer)
    const { revision } = await picture(store)
    expect(await follow(store, revision - 100n)).toHaveLength(100)
    const error = await follow(store, revision - 101n).catch((reason: unknown) => reason)
    expect(isSettingsError(error, 'HISTORY_LOST')).toBe(true)
  })

  it('that was interrupted by a kill leaves no obstacle for the next process', async () => {
    const store = await open({})
    await write(store, 1)
    const before = await picture(store)
    await store.close()
    await writeFile(join(path, 'journal', '000000000002.snapshot.tmp'), 'half')
    await writeFile(join(path, 'journal', '000000000002.log'), '38 0000')
    expect(await picture(await open({}))).toEqual(before)
    // The times are those of keys that expire in a far future.
    const names = ['000000000001.log', 'lock', 'times.json']
    expect((await readdir(join(path, 'journal'))).sort()).toEqual(names)
    expect((await stat(join(path, 'journal', '000000000001.log'))).mode & 0o077).toBe(0)
  })
})

async function open(parts: Parameters<typeof createFilesystemBackend>[2]): Promise<Backend> {
  const backend = createFilesystemBackend(
    { path },
    { report: problem => expect.fail(problem.message) },
    parts,
  )
  backends.push(backend)
  await backend.open()
  return backend
}

/** Commits one after another: keys that change, come, and go, and expire in a far future. */
async function write(store: Backend, writer: number): Promise<void> {
  for (let count = 1; count <= COMMITS; count++) {
    const key = makeKey('meta', `${writer}-${count % 3}`)
    const text = JSON.stringify({ count, padding: 'x'.repeat(100) })
    const gone = makeKey('history', 'of', `${writer}-${count - 2}`)
    await store.commit([
      { key, put: text, ...(count % 5 === 0 ? { ttl: 3_600 } : {}) },
      { key: makeKey('history', 'of', `${writer}-${count}`), put: text, expected: 'absent' },
      { key: gone, delete: true },
    ])
  }
}

async function picture(store: Backend) {
  const { revision, pages } = await store.list(EVERYTHING)
  const entries = []
  for await (const page of pages) entries.push(...page)
  return { revision, entries }
}

async function follow(store: Backend, since: bigint): Promise<Batch[]> {
  const end = new AbortController()
  const batches: Batch[] = []
  for await (const batch of store.watch(since, end.signal)) {
    if (batch.changes.length === 0) end.abort()
    else batches.push(batch)
  }
  return batches
}

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Backend, Operation } from '../../../../../backends/backend.ts'
import { createFilesystemBackend } from '../../../../../backends/filesystem/index.ts'
import { replay } from '../../../../../backends/filesystem/journal/replay.ts'
import type { State } from '../../../../../backends/filesystem/journal/state.ts'
import { isSettingsError } from '../../../../../model/errors.ts'
import { type Key, makeKey } from '../../../../../model/key.ts'

const LIMITS = { batches: 1_000, bytes: 1e9 }
const KEYS = ['a', 'b', 'c'].map(name => makeKey('meta', name))

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kytos-replay-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const step = fc.array(
  fc.record({ key: fc.constantFrom(...KEYS), text: fc.option(fc.json({ maxDepth: 1 }), { nil: undefined }) }),
  {
    minLength: 1,
    maxLength: 3,
  },
)

describe('A journal', () => {
  it('cut at any byte gives the commits before the cut whole and nothing of the others', async () => {
    let run = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 4 }), async steps => {
        const store = join(folder, String(run++))
        const { log, states } = await record(store, steps)
        const bytes = await readFile(log)
        for (let length = bytes.indexOf('\n') + 1; length <= bytes.length; length++) {
          await writeFile(log, bytes.subarray(0, length))
          const found = await replay(join(store, 'journal'), LIMITS, () => false)
          const whole = bytes.subarray(0, length).toString('latin1').split('\n').length - 2
          expect(shown(found.state)).toEqual(states[whole])
          expect(found.state.revision).toBe(BigInt(whole))
          expect((found.torn?.lost ?? 0) + (found.current?.length ?? 0)).toBe(length)
        }
      }),
      { numRuns: 8 },
    )
  }, 60_000)

  it('with an unfinished write at its end is cut there, says so, and goes on', async () => {
    const { log } = await record(folder, [one('a', 1), one('a', 2)])
    const bytes = await readFile(log)
    await writeFile(log, bytes.subarray(0, bytes.length - 3))
    const reports: string[] = []
    const backend = createFilesystemBackend(
      { path: folder },
      { report: problem => reports.push(problem.code) },
    )
    await backend.open()
    expect(reports).toEqual(['JOURNAL_TORN'])
    expect((await backend.get(makeKey('meta', 'a')))?.text).toBe('1')
    expect(await backend.commit(one('a', 3))).toEqual({ committed: true, revision: 2n })
    await backend.close()
    expect((await replay(join(folder, 'journal'), LIMITS, () => false)).torn).toBeUndefined()
  })

  it('with a bad byte before sound records of later writes is damaged, and is left as it is', async () => {
    const { log } = await record(folder, [one('a', 1), one('b', 2), one('c', 3)])
    const bytes = await readFile(log)
    const last = bytes.lastIndexOf('\n', bytes.length - 2) + 1
    for (let at = 0; at < last; at++) {
      const bad = Buffer.from(bytes)
      bad[at] = (bad[at] ?? 0) ^ 1
      await writeFile(log, bad)
      expect(await codeOf(replay(join(folder, 'journal'), LIMITS, () => false)), `byte ${at}`).toBe(
        'STORE_DAMAGED',
      )
    }
    const backend = createFilesystemBackend({ path: folder }, { report: () => {} })
    const before = await contents(join(folder, 'journal'))
    expect(await codeOf(backend.open())).toBe('STORE_DAMAGED')
    expect(await contents(join(folder, 'journal'))).toEqual(before)
  }, 60_000)

  it('whose last write lost a page in its middle is torn, not damaged: it was one write, and never acknowledged', async () => {
    const backend = createFilesystemBackend({ path: folder }, { report: () => {} })
    await backend.open()
    await backend.commit(one('a', 1))
    const together = await Promise.all(['x', 'y', 'z'].map(name => backend.commit(one(name, 2))))
    expect(together.every(outcome => outcome.committed)).toBe(true)
    await backend.close()
    const log = join(folder, 'journal', '000000000001.log')
    const bytes = await readFile(log)
    bytes.fill(0, bytes.indexOf('meta/y') - 5, bytes.indexOf('meta/y') + 5)
    await writeFile(log, bytes)
    const { state, torn } = await replay(join(folder, 'journal'), LIMITS, () => false)
    expect(torn).toBeDefined()
    expect([state.has(makeKey('meta', 'a')), state.has(makeKey('meta', 'z'))]).toEqual([true, false])
  })

  it('without its first log or its snapshot is damaged', async () => {
    await record(folder, [one('a', 1)], { log: 1, tail: 1e9, ratio: 1 })
    await rm(join(folder, 'journal', '000000000001.log'))
    expect(await codeOf(replay(join(folder, 'journal'), LIMITS, () => false))).toBe('STORE_DAMAGED')
  })

  it('of a newer format is refused', async () => {
    const { log } = await record(folder, [one('a', 1)])
    const { encodeFrame } = await import('../../../../../backends/filesystem/format/frame.ts')
    await writeFile(log, encodeFrame('{"format":2,"number":1,"revision":"0"}'))
    expect(await codeOf(replay(join(folder, 'journal'), LIMITS, () => false))).toBe('STORE_FORMAT')
  })
})

type Steps = readonly (readonly { readonly key: Key; readonly text: string | undefined }[])[]

/** Commits the steps one after another and gives what the store held after each record. */
async function record(
  path: string,
  steps: Steps | readonly (readonly Operation[])[],
  compaction?: { log: number; tail: number; ratio: number },
) {
  const backend = createFilesystemBackend({ path }, { report: () => {} }, compaction ? { compaction } : {})
  await backend.open()
  const states = [await entriesOf(backend)]
  for (const changes of steps) {
    const operations = changes.map((change): Operation => {
      if (!('text' in change)) return change
      return change.text === undefined
        ? { key: change.key, delete: true }
        : { key: change.key, put: change.text }
    })
    const unique = [...new Map(operations.map(operation => [operation.key, operation])).values()]
    const before = (await backend.commit([{ key: makeKey('meta', 'none'), delete: true }])) as {
      revision: bigint
    }
    const after = (await backend.commit(unique)) as { revision: bigint }
    if (after.revision > before.revision) states.push(await entriesOf(backend))
  }
  await backend.close()
  return { log: join(path, 'journal', '000000000001.log'), states }
}

function one(name: string, value: number): readonly Operation[] {
  return [{ key: makeKey('meta', name), put: String(value) }]
}

async function entriesOf(backend: Backend): Promise<unknown> {
  return Object.fromEntries(
    (await Promise.all(KEYS.map(async key => [key, (await backend.get(key))?.text] as const))).filter(
      ([, text]) => text,
    ),
  )
}

function shown(state: State): unknown {
  return Object.fromEntries([...state.entries()].map(({ key, text }) => [key, text]))
}

async function contents(path: string): Promise<unknown> {
  const names = (await readdir(path)).filter(name => name !== 'lock')
  return Promise.all(names.map(async name => [name, await readFile(join(path, name), 'latin1')]))
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'none',
    error => (isSettingsError(error) ? error.code : String(error)),
  )
}

import { cpSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Backend, Operation } from '../../backends/backend.ts'
import { hasFile } from '../../backends/filesystem/format/layout.ts'
import { readableText } from '../../backends/filesystem/format/readable.ts'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import { replay } from '../../backends/filesystem/journal/replay.ts'
import { isSettingsError, toSettingsError } from '../../model/errors.ts'
import { type Key, makeKey } from '../../model/key.ts'
import { readableFiles } from './filesystem-judge.ts'
import { inParallel, LONG, SEED, sample } from './filesystem-sample.ts'
import { fileOf } from './filesystem-script.ts'
import { type Interruption, type Step, watchSteps } from './filesystem-steps.ts'

/**
 * How a step fails: after how much of it, with what, and whether everything after it fails as well until the
 * disk is mended.
 */
interface Failure {
  readonly step: number
  readonly errno: 'ENOSPC' | 'EIO' | 'EACCES'
  readonly share: Interruption['share']
  readonly lasts: boolean
}

type Told = 'acked' | 'refused' | 'unknown'

const ROUNDS = 9
const LIMITS = { log: 1_200, tail: 1_800, ratio: 0.2 }
const LLDP = makeKey('settings', 'kytos', 'of_lldp')
const SOON = { timeout: 15_000, interval: 60 }
const WINDOW = { batches: 10_000, bytes: 1e9 }

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kytos-errors-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('A disk that fails at any step', () => {
  it('makes no answer a lie, and once it is mended the store goes on without a restart', {
    timeout: 900_000,
  }, async () => {
    const whole = await work(join(folder, 'whole'), undefined)
    expect(whole.codes).toEqual([])
    const ways = whole.steps.flatMap((name, at): Omit<Failure, 'lasts'>[] => {
      const step = at + 1
      const shares = name.startsWith('write') ? ([0, 0.5, 1] as const) : ([0, 1] as const)
      return [
        ...shares.map(share => ({ step, errno: 'EIO', share }) as const),
        ...(name.startsWith('write') ? ([0, 0.5] as const) : ([0] as const)).map(
          share => ({ step, errno: 'ENOSPC', share }) as const,
        ),
        { step, errno: 'EACCES', share: 0 },
      ]
    })
    const all = ways.flatMap(way => [true, false].map((lasts): Failure => ({ ...way, lasts })))
    // CHAOS_CASE='{"step":230,...}' plays one of them again.
    const failures = all.filter(
      failure => process.env.CHAOS_CASE === undefined || process.env.CHAOS_CASE === JSON.stringify(failure),
    )
    const codes = new Map<string, number>()
    await inParallel(sample(failures, 60), 10, async failure => {
      const path = join(folder, Object.values(failure).join('-'))
      for (const code of (await work(path, failure)).codes) codes.set(code, (codes.get(code) ?? 0) + 1)
      await rm(path, { recursive: true })
    })
    const possible = ['OUTCOME_UNKNOWN', 'STORE_FULL', 'STORE_UNREACHABLE', 'STORE_UNWRITABLE']
    // Which ones a sample comes by depends on what runs beside what.
    if (failures.length > 1) expect(possible).toEqual(expect.arrayContaining([...codes.keys()]))
    if (failures.length > 1) expect(codes.size).toBeGreaterThan(1)
    if (LONG && failures.length > 1) expect([...codes.keys()].sort()).toEqual(possible)
  })
})

/**
 * Works on a store while its disk fails and is mended; checks every answer, and everything there is in the
 * end.
 */
async function work(path: string, failure: Failure | undefined) {
  const disk = createDisk(path, failure)
  const what = `seed ${SEED}, ${JSON.stringify(failure)}`
  const told = new Map<string, Told>()
  const codes: string[] = []
  const store = createFilesystemBackend(
    { path },
    { report: () => {} },
    { compaction: LIMITS, window: WINDOW },
  )
  const note = (tag: string, error: unknown): void => {
    if (!isSettingsError(error)) throw new Error(`${what}: not one of ours`, { cause: error })
    const full = failure?.errno === 'ENOSPC'
    const allowed = [
      full ? 'STORE_FULL' : 'STORE_UNREACHABLE',
      ...(failure?.lasts ? ['OUTCOME_UNKNOWN'] : []),
    ]
    expect(allowed, what).toContain(error.code)
    told.set(tag, error.code === 'OUTCOME_UNKNOWN' ? 'unknown' : 'refused')
    codes.push(error.code)
  }
  const commit = (tag: string, name: string): Promise<void> =>
    store.commit(operationsOf(tag, name)).then(
      () => void told.set(tag, 'acked'),
      error => note(tag, error),
    )
  try {
    await store.open().catch(async error => {
      expect(error, what).toMatchObject({ code: 'STORE_UNWRITABLE' })
      codes.push(error.code)
      disk.mend()
      await store.open()
    })
    for (let round = 1; round <= ROUNDS; round++) {
      const before = codes.length
      await Promise.all(['a', 'b'].map(name => commit(`${name}${round}`, name)))
      if (codes.length > before) {
        await expectTruth(path, told, what)
        // Whoever comes next while the disk is still bad is told the same.
        await commit(`again${round}`, 'a')
        await expectTruth(path, told, what)
        disk.mend()
        await commit(`mended${round}`, 'a')
        expect(told.get(`mended${round}`), `${what}: after it was mended`).toBe('acked')
      }
      if (round === 3) await shown(path, store, what, 800).catch(() => disk.mend())
      if (round === 3) writeFileSync(fileOf(path, LLDP), '{"hand":1}')
    }
    disk.mend()
    await vi.waitFor(
      async () => expect((await store.get(LLDP))?.text, `${what}: the edit by hand`).toContain('"hand":1'),
      SOON,
    )
    await shown(path, store, what)
    await store.close()
    await expectTruth(path, told, what)
  } catch (error) {
    throw new Error(`${what}, which struck "${disk.struck()}": ${toSettingsError(error).message}`, {
      cause: error,
    })
  } finally {
    disk.release()
    await store.close()
  }
  await expectReopens(path, told, what)
  return { steps: disk.steps, codes }
}

function createDisk(path: string, failure: Failure | undefined) {
  const steps: string[] = []
  let mended = false
  const at = ({ number, name }: Step): Interruption | undefined => {
    steps.push(name)
    if (!failure || mended || number < failure.step || (number > failure.step && !failure.lasts))
      return undefined
    return { share: number === failure.step ? failure.share : 0, end: () => fail(failure.errno, name) }
  }
  const release = watchSteps(path, at)
  return {
    steps,
    release,
    struck: () => (failure ? steps[failure.step - 1] : undefined),
    mend: () => {
      mended = true
    },
  }
}

function fail(code: string, name: string): never {
  throw Object.assign(new Error(`${code}, as the test wanted: ${name}`), { code })
}

function operationsOf(tag: string, name: string): Operation[] {
  const keys: Key[] = [
    makeKey('settings', 'kytos', name),
    makeKey('boxes', 'net', name),
    makeKey('history', 'of', tag),
  ]
  const all = tag === 'a1' ? [...keys, LLDP] : keys
  return all.map(key => ({ key, put: JSON.stringify({ tag, padding: 'x'.repeat(100) }) }))
}

/**
 * What a process that started at this moment would find in the journal: all that was acked, whole, and
 * nothing that was refused.
 */
async function expectTruth(path: string, told: ReadonlyMap<string, Told>, what: string): Promise<void> {
  const copy = copyJournal(path)
  const { window, state } = await replay(copy, WINDOW, hasFile)
  await rm(copy, { recursive: true })
  const seen: string[] = []
  for (let at = window.after(window.floor), batch = window.at(at); batch; batch = window.at(++at)) {
    const tags = batch.changes.flatMap(change => (change.type === 'put' ? [tagOf(change.entry.text)] : []))
    expect(new Set(tags).size, `${what}: a commit in pieces`).toBe(1)
    if (tags.length >= 3) seen.push(tags[0] ?? '')
  }
  expect(new Set(seen).size, `${what}: one twice in ${seen}`).toBe(seen.length)
  for (const [tag, answer] of told) {
    const there = state.has(makeKey('history', 'of', tag))
    if (answer !== 'unknown') expect(there, `${what}: ${tag} was ${answer}`).toBe(answer === 'acked')
    if (there && window.floor === 0n) expect(seen, what).toContain(tag)
  }
}

/** An image of the journal as it is at one moment, for this process is at a standstill while it is made. */
function copyJournal(path: string): string {
  const copy = `${path}.copy`
  for (let tries = 1; ; tries++) {
    try {
      cpSync(join(path, 'journal'), copy, { recursive: true })
      return copy
    } catch (error) {
      // Another thread was just removing or renaming a file.
      rmSync(copy, { recursive: true, force: true })
      if (tries === 10) throw error
    }
  }
}

async function expectReopens(path: string, told: ReadonlyMap<string, Told>, what: string): Promise<void> {
  const problems: string[] = []
  const store = createFilesystemBackend({ path }, { report: ({ code }) => problems.push(code) })
  await store.open()
  for (const [tag, answer] of told) {
    const entry = await store.get(makeKey('history', 'of', tag))
    if (answer !== 'unknown')
      expect(entry !== undefined, `${what}: ${tag} was ${answer}, opened again`).toBe(answer === 'acked')
  }
  expect((await store.get(LLDP))?.text, what).toContain('"hand":1')
  await store.close()
  expect(problems, what).toEqual([])
}

/** Resolves when the readable files say what the store holds. */
async function shown(path: string, store: Backend, what: string, timeout = SOON.timeout): Promise<void> {
  const keys = [
    LLDP,
    ...['a', 'b'].flatMap(name => [makeKey('settings', 'kytos', name), makeKey('boxes', 'net', name)]),
  ]
  await vi.waitFor(
    async () => {
      const expected: Record<string, string> = {}
      for (const key of keys) {
        const entry = await store.get(key)
        if (entry) expected[`${key}.json`] = readableText(entry.text)
      }
      expect(await readableFiles(path), `${what}: the readable files`).toEqual(expected)
    },
    { ...SOON, timeout },
  )
}

function tagOf(text: string): string {
  return /"tag":"(\w+)"/.exec(text)?.[1] ?? text
}

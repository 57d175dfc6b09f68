import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Backend, Batch, Problem } from '../../backends/backend.ts'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import { isSettingsError } from '../../model/errors.ts'
import { makeKey, makePrefix } from '../../model/key.ts'

const WRITER = fileURLToPath(new URL('filesystem-writer.ts', import.meta.url))

let folder = ''
let children: ChildProcess[] = []
let backends: Backend[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kytos-crash-'))
})
afterEach(async () => {
  for (const child of children) await kill(child)
  for (const backend of backends) await backend.close()
  children = []
  backends = []
  await rm(folder, { recursive: true, force: true })
})

describe('A process killed in the middle of its work', () => {
  it('leaves every acknowledged commit, whole, and nothing of any other', { timeout: 60_000 }, async () => {
    let highest = 0n
    const acked = new Map<string, number>()
    for (const lifetime of [300, 150, 500, 50, 250]) {
      const { child, lines } = writer(folder, 16)
      await until(lines, line => line.startsWith('open'))
      setTimeout(() => child.kill('SIGKILL'), lifetime)
      for await (const line of lines) {
        const [who = '', count, revision] = line.split(' ')
        if (who === 'report') expect(line).toBe('report JOURNAL_TORN')
        else if (BigInt(revision ?? 0) > highest) highest = BigInt(revision ?? 0)
        acked.set(who, Number(count))
      }
      acked.delete('report')
      const { backend, problems } = await opened(folder)
      expect(problems.filter(problem => problem.code !== 'JOURNAL_TORN')).toEqual([])
      for (const [who, count] of acked) await checkWriter(backend, who, count)
      const { revision } = await backend.list(makePrefix('meta'))
      expect(revision >= highest).toBe(true)
      await expectHistory(backend, revision)
      await backend.close()
    }
    expect(acked.size).toBe(16)
  })

  it('leaves the lock free at once, though its children live on', async () => {
    const { child, lines } = writer(folder, 0)
    await until(lines, line => line.startsWith('open'))
    const refused = await refusal(folder)
    expect(refused.code).toBe('STORE_LOCKED')
    expect(refused.message).toContain(`process ${child.pid}`)
    await kill(child)
    const { backend } = await opened(folder)
    const grandchild = spawn('sleep', ['30'], { stdio: 'ignore' })
    children.push(grandchild)
    await backend.close()
    await (await opened(folder)).backend.close()
  })
})

describe('A store that is open', () => {
  it('is refused to a second backend of the same process, and free once closed', async () => {
    const { backend } = await opened(folder)
    expect((await refusal(folder)).message).toContain(`process ${process.pid}`)
    await backend.close()
    await opened(folder)
  })
})

async function checkWriter(backend: Backend, who: string, count: number): Promise<void> {
  const keys = [makeKey('settings', 'kytos', `n${who}`), makeKey('meta', who), makeKey('boxes', 'net', who)]
  const entries = await Promise.all(keys.map(key => backend.get(key)))
  const texts = new Set(entries.map(entry => entry?.text))
  expect(texts.size).toBe(1)
  expect(new Set(entries.map(entry => entry?.modRevision)).size).toBe(1)
  expect(Number(JSON.parse([...texts][0] ?? '{}').count)).toBeGreaterThanOrEqual(count)
}

/** The batches of the watch have no gap up to the newest revision, and each batch is whole. */
async function expectHistory(backend: Backend, revision: bigint): Promise<void> {
  const since = revision > 50n ? revision - 50n : 0n
  const end = new AbortController()
  const batches: Batch[] = []
  for await (const batch of backend.watch(since, end.signal)) {
    if (batch.changes.length === 0) end.abort()
    else batches.push(batch)
  }
  expect(batches.map(batch => batch.revision)).toEqual(
    Array.from({ length: Number(revision - since) }, (_, at) => since + BigInt(at + 1)),
  )
  expect(batches.every(batch => batch.changes.length === 3)).toBe(true)
}

function writer(path: string, writers: number) {
  const child = spawn(process.execPath, ['--import', 'tsx', WRITER, path, String(writers)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  if (!child.stdout) throw new Error('a child without an output')
  return { child, lines: createInterface({ input: child.stdout }) }
}

async function until(
  lines: ReturnType<typeof createInterface>,
  wanted: (line: string) => boolean,
): Promise<void> {
  for (;;) {
    const [line] = await once(lines, 'line')
    if (wanted(String(line))) return
  }
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

async function opened(path: string) {
  const problems: Problem[] = []
  const backend = createFilesystemBackend({ path }, { report: problem => problems.push(problem) })
  backends.push(backend)
  await backend.open()
  return { backend, problems }
}

async function refusal(path: string) {
  const second = createFilesystemBackend({ path }, { report: () => {} })
  const error = await second.open().catch((reason: unknown) => reason)
  if (!isSettingsError(error)) throw new Error('a store that is open was opened again')
  return error
}

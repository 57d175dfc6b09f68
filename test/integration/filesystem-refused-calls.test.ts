import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmdirSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Backend, Problem } from '../../backends/backend.ts'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import { type Key, makeKey } from '../../model/key.ts'
import { type Step, watchSteps } from '../chaos/filesystem-steps.ts'

const SETTINGS = makeKey('settings', 'kytos', 'of_lldp')
const BOX = makeKey('boxes', 'net', 'one')
const SOON = { timeout: 10_000, interval: 20 }

let path = ''
let store: Backend
let problems: Problem[] = []

beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'kytos-refused-'))
  problems = []
})
afterEach(async () => {
  await store.close()
  await rm(path, { recursive: true, force: true })
})

describe.each([SETTINGS, BOX])('Where link(2) is refused, %s', key => {
  it.each(['EPERM', 'EXDEV', 'EMLINK', 'EBUSY'])(
    'is kept up to date without it, and is there after a restart (%s)',
    async errno => {
      refuse(errno, ({ name }) => name.startsWith('link '))
      await open()
      await put(key, '{"a":1}')
      await shows(key, { a: 1 })
      await edit(key, '{"a":9}')
      await holds(key, { a: 9 })
      await put(key, '{"a":9,"b":2}')
      await shows(key, { a: 9, b: 2 })
      await store.close()
      await open()
      await holds(key, { a: 9, b: 2 })
      await shows(key, { a: 9, b: 2 })
      expect((await store.get(key))?.modRevision).toBe(3n)
      expect(problems).toEqual([])
      await store.close()
      expect((await readdir(dirname(fileOf(key)))).filter(name => name.startsWith('.'))).toEqual([])
    },
  )
})

describe('A file that was taken away and could not be written', () => {
  it('is written by the next process, and its absence does not count as a removal', async () => {
    let refused = false
    refuse(
      'EIO',
      ({ name }) =>
        refused &&
        (name === 'link settings/kytos/of_lldp.json' || /^open settings.*\/of_lldp.json$/.test(name)),
    )
    await open()
    await put(SETTINGS, '{"a":1}')
    await shows(SETTINGS, { a: 1 })
    await edit(SETTINGS, '{"a":9}')
    await holds(SETTINGS, { a: 9 })
    await shows(SETTINGS, { a: 9 })
    await sleep(500)
    refused = true
    await put(SETTINGS, '{"a":9,"b":2}')
    await reported(1)
    // Longer than a person's deletion takes to count, and long enough for more attempts.
    await sleep(2_500)
    expect(problems.map(({ code, key }) => [code, key])).toEqual([['FILE_UNWRITABLE', SETTINGS]])
    expect(await readdir(dirname(fileOf(SETTINGS)))).toContain('.of_lldp.json.replaced')
    await store.close()
    refused = false
    await open()
    await holds(SETTINGS, { a: 9, b: 2 })
    await shows(SETTINGS, { a: 9, b: 2 })
    expect((await store.get(SETTINGS))?.modRevision).toBe(3n)
    await vi.waitFor(
      async () => expect(await readdir(dirname(fileOf(SETTINGS)))).toEqual(['of_lldp.json']),
      SOON,
    )
  })

  it('contains the start of a text after an interrupted write, which does not count as an edit', async () => {
    await open()
    await put(SETTINGS, '{"a":1,"b":2}')
    await shows(SETTINGS, { a: 1, b: 2 })
    await store.close()
    const file = fileOf(SETTINGS)
    const whole = await readFile(file, 'utf8')
    await writeFile(join(dirname(file), '.of_lldp.json.tmp'), whole)
    await writeFile(file, whole.slice(0, 9))
    await open()
    await shows(SETTINGS, { a: 1, b: 2 })
    expect(problems).toEqual([])
    expect((await store.get(SETTINGS))?.modRevision).toBe(1n)
  })
})

describe('A file whose removal failed with an error, but took place', () => {
  it('keeps its old content beside it until it is in its place again', async () => {
    const old = join(dirname(fileOf(SETTINGS)), '.of_lldp.json.replaced')
    const exposed: string[] = []
    onTestFinished(
      watchSteps(path, ({ name }) => {
        if (name === 'remove settings/kytos/.of_lldp.json.replaced' && !existsSync(fileOf(SETTINGS)))
          exposed.push(name)
        if (name !== 'rename to settings/kytos/.of_lldp.json.replaced') return undefined
        const end = (): never => {
          throw Object.assign(new Error(`EIO, as the test wanted: ${name}`), { code: 'EIO' })
        }
        return { share: 1, end }
      }),
    )
    await open()
    await put(SETTINGS, '{"a":1}')
    await shows(SETTINGS, { a: 1 })
    await edit(SETTINGS, '{"a":9}')
    await holds(SETTINGS, { a: 9 })
    await put(SETTINGS, '{"a":9,"b":2}')
    await shows(SETTINGS, { a: 9, b: 2 })
    await vi.waitFor(() => expect(existsSync(old)).toBe(false), SOON)
    expect(exposed).toEqual([])
  })
})

describe('The names of folders', () => {
  it('are durable up to the store when the journal records the content of their files', async () => {
    const steps: string[] = []
    onTestFinished(
      watchSteps(path, ({ name }) => {
        steps.push(name)
        return undefined
      }),
    )
    await open()
    await put(SETTINGS, '{"a":1}')
    await shows(SETTINGS, { a: 1 })
    const written = steps.length
    await vi.waitFor(
      () => expect(steps.slice(written).some(name => name.startsWith('write journal/'))).toBe(true),
      SOON,
    )
    const noted = written + steps.slice(written).findIndex(name => name.startsWith('write journal/'))
    expect(steps.slice(0, noted)).toEqual(
      expect.arrayContaining(['sync settings/kytos', 'sync settings', 'sync ']),
    )
  })
})

describe('The remains of a killed process beside a file', () => {
  it('show that it removed the file, also in a folder that returns while the service runs', async () => {
    await open()
    await put(SETTINGS, '{"a":1}')
    await shows(SETTINGS, { a: 1 })
    await store.close()
    const folder = dirname(fileOf(SETTINGS))
    await rename(fileOf(SETTINGS), join(folder, '.of_lldp.json.replaced'))
    await rename(folder, join(path, 'away'))
    await open()
    expect(store.fileProblems().map(({ code }) => code)).toEqual(['FILE_MISSING'])
    await rename(join(path, 'away'), folder)
    await shows(SETTINGS, { a: 1 })
    await vi.waitFor(async () => expect(await readdir(folder)).toEqual(['of_lldp.json']), SOON)
    expect([store.fileProblems(), (await store.get(SETTINGS))?.modRevision]).toEqual([[], 1n])
  })

  it('that cannot be removed neither keep the store from opening nor are imported twice', async () => {
    await open()
    await put(SETTINGS, '{"a":1,"b":1}')
    await shows(SETTINGS, { a: 1, b: 1 })
    await store.close()
    const old = join(dirname(fileOf(SETTINGS)), '.of_lldp.json.replaced')
    await writeFile(old, '{"a":2,"b":1}')
    const stop = refuse('EPERM', ({ name }) => name === 'remove settings/kytos/.of_lldp.json.replaced')
    await open()
    await holds(SETTINGS, { a: 2, b: 1 })
    await put(SETTINGS, '{"a":5,"b":1}')
    await shows(SETTINGS, { a: 5, b: 1 })
    await edit(SETTINGS, '{"a":5,"b":7}')
    await holds(SETTINGS, { a: 5, b: 7 })
    await store.close()
    stop()
    await open()
    await holds(SETTINGS, { a: 5, b: 7 })
    expect((await store.get(SETTINGS))?.modRevision).toBe(4n)
    await vi.waitFor(async () => expect(await readdir(dirname(old))).toEqual(['of_lldp.json']), SOON)
    expect(problems.map(({ code, source }) => [code, source])).toEqual([
      ['FILE_UNWRITABLE', fileOf(SETTINGS)],
    ])
  })
})

describe('A temporary file that cannot be removed', () => {
  it('is removed as soon as it can be, without another change of the document', async () => {
    let refused = true
    refuse('EIO', ({ name }) => refused && /^remove .*\.tmp$/.test(name))
    await open()
    await put(SETTINGS, '{"a":1}')
    await shows(SETTINGS, { a: 1 })
    await sleep(100)
    expect(await readdir(dirname(fileOf(SETTINGS)))).toContain('.of_lldp.json.tmp')
    refused = false
    await vi.waitFor(
      async () => expect(await readdir(dirname(fileOf(SETTINGS)))).toEqual(['of_lldp.json']),
      SOON,
    )
    expect(problems).toEqual([])
  })
})

describe('An imported text beside a file', () => {
  it('is not imported again while it can neither be removed nor replaced', async () => {
    await open()
    await put(SETTINGS, '{"a":1,"b":1}')
    await shows(SETTINGS, { a: 1, b: 1 })
    await store.close()
    await writeFile(join(dirname(fileOf(SETTINGS)), '.of_lldp.json.replaced'), '{"a":2,"b":1}')
    refuse('EBUSY', ({ name }) => /^(remove|rename to|link) .*\.replaced$/.test(name))
    await open()
    await holds(SETTINGS, { a: 2, b: 1 })
    await put(SETTINGS, '{"a":5,"b":1}')
    await sleep(3_000)
    await holds(SETTINGS, { a: 5, b: 1 })
    expect((await store.get(SETTINGS))?.modRevision).toBe(3n)
  })
})

const canMount = mayMount()

// Only root may mount, and not in every container.
describe.skipIf(!canMount)('A file that is a mount point of its own', () => {
  it('is reported once as impossible to update, can still be edited by hand, and is right after a restart', async () => {
    await open()
    await put(SETTINGS, '{"a":1}')
    await shows(SETTINGS, { a: 1 })
    const file = fileOf(SETTINGS)
    expect(spawnSync('mount', ['--bind', file, file]).status).toBe(0)
    const unmount = () => spawnSync('umount', [file])
    onTestFinished(() => void unmount())
    await edit(SETTINGS, '{"a":2}')
    await holds(SETTINGS, { a: 2 })
    await sleep(500)
    // It shows the document, as the person laid it out.
    expect(problems).toEqual([])
    await put(SETTINGS, '{"a":2,"b":1}')
    await reported(1)
    await sleep(2_500)
    expect(problems.map(({ code, key, source }) => [code, key, source])).toEqual([
      ['FILE_UNWRITABLE', SETTINGS, file],
    ])
    expect(problems[0]?.message).toContain('EBUSY')
    await store.close()
    await open()
    await reported(2)
    await holds(SETTINGS, { a: 2, b: 1 })
    expect(readFileSync(file, 'utf8')).toBe('{"a":2}')
    await edit(SETTINGS, '{"a":2,"c":3}')
    await holds(SETTINGS, { a: 2, b: 1, c: 3 })
    await store.close()
    unmount()
    await open()
    await shows(SETTINGS, { a: 2, b: 1, c: 3 })
    expect((await store.get(SETTINGS))?.modRevision).toBe(4n)
  })
})

function mayMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'kytos-mount-'))
  const mounts = spawnSync('mount', ['--bind', folder, folder]).status === 0
  if (mounts) spawnSync('umount', [folder])
  rmdirSync(folder)
  return mounts
}

/** Makes steps of the store fail until the returned function is called, or the test ends. */
function refuse(code: string, isRefused: (step: Step) => boolean): () => void {
  const fail = (name: string): never => {
    throw Object.assign(new Error(`${code}, as the test wanted: ${name}`), { code })
  }
  const stop = watchSteps(path, step =>
    isRefused(step) ? { share: 0, end: () => fail(step.name) } : undefined,
  )
  onTestFinished(stop)
  return stop
}

async function open(): Promise<void> {
  store = createFilesystemBackend({ path }, { report: problem => problems.push(problem) })
  await store.open()
}

async function put(key: Key, value: string): Promise<void> {
  expect((await store.commit([{ key, put: value }])).committed).toBe(true)
}

async function edit(key: Key, content: string): Promise<void> {
  await writeFile(fileOf(key), content)
}

async function holds(key: Key, value: object): Promise<void> {
  await vi.waitFor(
    async () => expect(JSON.parse((await store.get(key))?.text ?? 'null')).toEqual(value),
    SOON,
  )
}

async function shows(key: Key, value: object): Promise<void> {
  await vi.waitFor(
    async () => expect(await readFile(fileOf(key), 'utf8')).toBe(`${JSON.stringify(value, null, 2)}\n`),
    SOON,
  )
}

async function reported(count: number): Promise<void> {
  await vi.waitFor(() => expect(problems).toHaveLength(count), SOON)
}

function fileOf(key: Key): string {
  return `${join(path, ...key.split('/'))}.json`
}

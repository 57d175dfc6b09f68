import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, describe, expect, it as plainIt, vi } from 'vitest'
import type { Backend, Problem } from '../../backends/backend.ts'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import { toSettingsError } from '../../model/errors.ts'
import { EVERYTHING, type Key, makeKey } from '../../model/key.ts'

const X = makeKey('settings', 'kytos', 'x')
const Y = makeKey('settings', 'kytos', 'y')
/** A walk over the files that took 100 ms on a busy machine is followed by a pause of 5 s. */
const SOON = { timeout: 30_000, interval: 20 }
/** Longer than a missing file has to be gone (1 s), and than the pause between two walks (1 s). */
const AGES = 2_600

/** A store in a folder of its own, and what people do to its files. */
class Stage {
  readonly path: string
  store: Backend
  problems: Problem[] = []
  readonly #mounts = new Set<string>()

  constructor(path: string) {
    this.path = path
    this.store = this.#create({})
  }

  async open(parts: Parameters<typeof createFilesystemBackend>[2] = {}): Promise<void> {
    this.problems = []
    this.store = this.#create(parts)
    await this.store.open()
  }

  async reopen(): Promise<void> {
    await this.store.close()
    await this.open()
  }

  async close(): Promise<void> {
    await this.store.close()
    for (const folder of this.#mounts) spawnSync('umount', [folder])
    await rm(this.path, { recursive: true, force: true })
  }

  async put(key: Key, value: string): Promise<void> {
    expect((await this.store.commit([{ key, put: value }])).committed).toBe(true)
  }

  /** Commits a document, and waits until its file shows it. */
  async written(key: Key, value: string): Promise<void> {
    await this.put(key, value)
    await this.shows(key, `${JSON.stringify(JSON.parse(value), null, 2)}\n`)
  }

  text = async (key: Key): Promise<string | undefined> => (await this.store.get(key))?.text

  async revision(): Promise<bigint> {
    return (await this.store.list(EVERYTHING)).revision
  }

  missing(): readonly Key[] {
    return this.store.fileProblems().flatMap(({ code, key }) => (code === 'FILE_MISSING' ? key : []))
  }

  async holds(key: Key, value: string | undefined): Promise<void> {
    await vi.waitFor(async () => expect(await this.text(key)).toBe(value), SOON)
  }

  async shows(key: Key, content: string): Promise<void> {
    await vi.waitFor(async () => expect(await this.read(key)).toBe(content), SOON)
  }

  read(key: Key): Promise<string> {
    return readFile(this.fileOf(key), 'utf8')
  }

  fileOf(key: Key): string {
    return `${join(this.path, ...key.split('/'))}.json`
  }

  /** Puts another folder in the place of one, which is then in its place no longer. */
  async replace(folder: string, by: string): Promise<void> {
    await rename(folder, `${by}-before`)
    await rename(by, folder)
  }

  /** Mounts an empty file system over a folder; false when this user may not. */
  mount(folder: string): boolean {
    const isMounted = spawnSync('mount', ['-t', 'tmpfs', 'none', folder]).status === 0
    if (isMounted) this.#mounts.add(folder)
    return isMounted
  }

  unmount(folder: string): void {
    expect(spawnSync('umount', [folder]).status).toBe(0)
    this.#mounts.delete(folder)
  }

  #create(parts: Parameters<typeof createFilesystemBackend>[2]): Backend {
    return createFilesystemBackend(
      { path: this.path },
      { report: problem => this.problems.push(problem) },
      parts,
    )
  }
}

const it = plainIt.extend<{ s: Stage }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of the fixtures that a fixture needs from its pattern.
  s: async ({}, use) => {
    const stage = new Stage(await mkdtemp(join(tmpdir(), 'kytos-absence-')))
    await stage.open()
    await use(stage)
    await stage.close()
  },
})
describe.concurrent('A folder that is missing for one start', { timeout: 90_000 }, () => {
  it.for<readonly [string, Key, Key]>([
    ['settings', X, Y],
    ['boxes', makeKey('boxes', 'net', 'one'), makeKey('boxes', 'net', 'two')],
    ['controllers', makeKey('controllers', 'c-1', 'kytos', 'x'), makeKey('controllers', 'c-1', 'kytos', 'y')],
  ])(
    '(%s) deletes nothing, and its files are taken for what they are when they are back',
    async ([, one, two], { s }) => {
      await s.written(one, '{"a":1}')
      await s.written(two, '{"b":1}')
      const before = await s.revision()
      await s.store.close()
      await rename(dirname(s.fileOf(one)), join(s.path, 'away'))
      await s.open()
      expect([await s.text(one), await s.text(two)]).toEqual(['{"a":1}', '{"b":1}'])
      expect(s.missing()).toEqual([one, two])
      expect(s.problems).toMatchObject([
        { code: 'FILE_MISSING', message: expect.stringContaining('kytos-settings files restore') },
      ])
      await sleep(AGES)
      expect(existsSync(dirname(s.fileOf(one)))).toBe(false)
      await s.reopen()
      expect(s.missing()).toEqual([one, two])
      await s.store.close()
      await rename(join(s.path, 'away'), dirname(s.fileOf(one)))
      await s.open()
      await sleep(AGES)
      expect([await s.text(one), await s.text(two)]).toEqual(['{"a":1}', '{"b":1}'])
      expect(await files(dirname(s.fileOf(one)))).toEqual(
        [one, two].map(key => `${key}.json`.split('/').at(-1)),
      )
      expect([await s.revision(), s.store.fileProblems(), s.problems]).toEqual([before, [], []])
      await s.reopen()
      expect([await s.revision(), s.problems]).toEqual([before, []])
    },
  )

  it('may be that of all settings: it is not made, so that it can be put back', async ({ s }) => {
    await s.written(X, '{"a":1}')
    await s.written(Y, '{"a":1}')
    await s.store.close()
    await rename(join(s.path, 'settings'), join(s.path, 'away'))
    await s.open()
    await sleep(AGES)
    expect(existsSync(join(s.path, 'settings'))).toBe(false)
    expect(s.missing()).toEqual([X, Y])
    await rename(join(s.path, 'away'), join(s.path, 'settings'))
    await vi.waitFor(() => expect(s.missing()).toEqual([]), SOON)
    expect([await s.text(X), await s.revision()]).toEqual(['{"a":1}', 2n])
  })

  it('and whose files cannot be read, keeps its documents; its files show the concurrent commits in the end', async ({
    s,
  }) => {
    await s.written(X, '{"a":1}')
    await s.written(Y, '{"a":1}')
    await s.store.close()
    await rename(join(s.path, 'settings', 'kytos'), join(s.path, 'away'))
    // A link to itself: each path below it is an error, and not merely absent.
    await symlink(join(s.path, 'settings', 'kytos'), join(s.path, 'settings', 'kytos'))
    await s.open()
    await s.put(X, '{"a":2}')
    await vi.waitFor(
      () =>
        expect(s.store.fileProblems().map(({ code }) => code)).toEqual([
          'FILE_UNWRITABLE',
          'FILE_UNWRITABLE',
        ]),
      SOON,
    )
    await sleep(AGES)
    await rm(join(s.path, 'settings', 'kytos'))
    await rename(join(s.path, 'away'), join(s.path, 'settings', 'kytos'))
    await s.shows(X, '{\n  "a": 2\n}\n')
    await vi.waitFor(() => expect(s.store.fileProblems()).toEqual([]), SOON)
    expect([await s.text(X), await s.text(Y), await s.revision()]).toEqual(['{"a":2}', '{"a":1}', 3n])
  })
})

describe.concurrent('A folder that is missing after a crash', { timeout: 90_000 }, () => {
  it.for<readonly [string, boolean]>([
    ['while the service runs', true],
    ['after one more restart', false],
  ])(
    'and comes back %s with a file that was not written before it undoes no acked commit',
    async ([, running], { s }) => {
      await s.written(X, '{"limit":1}')
      // The journal has noted by now that the file holds that.
      await sleep(700)
      const before = await s.read(X)
      await s.put(X, '{"limit":2}')
      await cp(join(s.path, 'journal'), join(s.path, 'crashed'), { recursive: true })
      await s.store.close()
      await rm(join(s.path, 'journal'), { recursive: true })
      await rename(join(s.path, 'crashed'), join(s.path, 'journal'))
      await writeFile(s.fileOf(X), before)
      await rename(join(s.path, 'settings'), join(s.path, 'away'))
      await s.open()
      expect([await s.text(X), s.missing()]).toEqual(['{"limit":2}', [X]])
      // The journal has noted by now that the file is missing.
      await sleep(700)
      if (!running) await s.store.close()
      await rename(join(s.path, 'away'), join(s.path, 'settings'))
      if (!running) await s.open()
      await s.shows(X, '{\n  "limit": 2\n}\n')
      expect([await s.text(X), await s.revision(), s.store.fileProblems()]).toEqual(['{"limit":2}', 2n, []])
      expect(existsSync(`${s.fileOf(X)}.rejected`)).toBe(false)
    },
  )
})

describe.concurrent('One file that is missing when the store is opened', { timeout: 90_000 }, () => {
  beforeEach<{ s: Stage }>(async ({ s }) => {
    await s.written(X, '{"a":1}')
    await s.written(Y, '{"a":1}')
    await s.store.close()
    await rename(s.fileOf(X), join(s.path, 'x.json'))
    await s.open()
    expect([await s.text(X), s.missing()]).toEqual(['{"a":1}', [X]])
    expect(s.problems).toMatchObject([{ code: 'FILE_MISSING', key: X, source: s.fileOf(X) }])
    expect(s.problems[0]?.message).toContain('kytos-settings delete kytos/x')
    expect(s.problems[0]?.message).toContain('kytos-settings files restore kytos/x')
    await s.reopen()
    expect(s.missing()).toEqual([X])
  })

  it('is no edit when it comes back', async ({ s }) => {
    await rename(join(s.path, 'x.json'), s.fileOf(X))
    await vi.waitFor(() => expect(s.missing()).toEqual([]), SOON)
    expect([await s.text(X), await s.revision()]).toEqual(['{"a":1}', 2n])
  })

  it('is an edit when it comes back as another one', async ({ s }) => {
    await rm(join(s.path, 'x.json'))
    await writeFile(s.fileOf(X), '{"a":1,"b":7}')
    await s.holds(X, '{"a":1,"b":7}')
    await s.shows(X, '{\n  "a": 1,\n  "b": 7\n}\n')
    expect(s.missing()).toEqual([])
  })

  it('is written with the next change of its document', async ({ s }) => {
    await s.put(X, '{"a":2}')
    await s.shows(X, '{\n  "a": 2\n}\n')
    expect(s.missing()).toEqual([])
    await s.reopen()
    expect([await s.text(X), s.missing(), s.problems]).toEqual(['{"a":2}', [], []])
  })

  it('is written when a person decides so, and only then; one that is deleted is missed no more', async ({
    s,
  }) => {
    expect(await s.store.restoreFiles([Y])).toEqual([])
    expect(await s.store.restoreFiles([X])).toEqual([X])
    await s.shows(X, '{\n  "a": 1\n}\n')
    expect([s.missing(), await s.store.restoreFiles(), await s.revision()]).toEqual([[], [], 2n])
    await s.store.close()
    await rm(s.fileOf(X))
    await s.open()
    await s.store.commit([{ key: X, delete: true }])
    await vi.waitFor(() => expect(s.missing()).toEqual([]), SOON)
    await s.reopen()
    expect([await s.text(X), s.missing(), s.problems]).toEqual([undefined, [], []])
  })

  it('that cannot be written is reported to the caller', async ({ s }) => {
    await s.store.close()
    await rm(dirname(s.fileOf(X)), { recursive: true })
    await writeFile(dirname(s.fileOf(X)), 'in the way')
    await s.open()
    expect(s.missing()).toEqual([X, Y])
    expect(await s.store.restoreFiles([X]).catch(toSettingsError)).toMatchObject({ code: 'STORE_UNWRITABLE' })
    expect(s.store.fileProblems().map(({ code, key }) => [code, key])).toEqual([
      ['FILE_UNWRITABLE', X],
      ['FILE_MISSING', Y],
    ])
  })
})

describe.concurrent('While the service runs', { timeout: 90_000 }, () => {
  it('an empty mount over the folder deletes nothing, and its end undoes nothing', async ({ s, skip }) => {
    const settings = join(s.path, 'settings')
    for (const key of [X, Y]) await s.written(key, '{"limit":1}')
    if (!s.mount(settings)) skip('mounting takes root')
    await vi.waitFor(() => expect(s.missing()).toEqual([X, Y]), SOON)
    await s.put(X, '{"limit":2}')
    await s.shows(X, '{\n  "limit": 2\n}\n')
    expect(s.missing()).toEqual([Y])
    expect(await s.text(Y)).toBe('{"limit":1}')
    await vi.waitFor(() => expect(s.problems).toHaveLength(1), SOON)
    s.unmount(settings)
    await s.shows(X, '{\n  "limit": 2\n}\n')
    await vi.waitFor(() => expect(s.missing()).toEqual([]), SOON)
    expect(await readFile(`${s.fileOf(X)}.rejected`, 'utf8')).toBe('{\n  "limit": 1\n}\n')
    expect([await s.text(X), await s.text(Y), await s.revision()]).toEqual(['{"limit":2}', '{"limit":1}', 3n])
    expect(s.problems.map(({ code }) => code)).toEqual(['FILE_MISSING', 'FILE_REJECTED'])
  })

  it('a mount that ends within a second is not seen, and the next one is waited for as long as the first', async ({
    s,
    skip,
  }) => {
    const settings = join(s.path, 'settings')
    await s.written(X, '{"limit":1}')
    for (let times = 0; times < 4; times++) {
      if (!s.mount(settings)) skip('mounting takes root')
      await sleep(400)
      s.unmount(settings)
      await sleep(400)
    }
    expect([await s.text(X), await s.revision(), s.problems]).toEqual(['{"limit":1}', 1n, []])
  })

  it.for<readonly [string, string]>([
    ['its folder', 'settings/kytos'],
    ['the folder of its kind', 'settings'],
  ])(
    '%s, moved away and made anew, deletes nothing, be it that of one document or of three',
    async ([, folder], { s }) => {
      const Z = makeKey('settings', 'other', 'z')
      for (const key of [X, Y, Z]) await s.written(key, '{"a":1}')
      await rename(join(s.path, folder), join(s.path, 'away'))
      await mkdir(join(s.path, folder), { recursive: true })
      await vi.waitFor(() => expect(s.missing()).toEqual(folder === 'settings' ? [X, Y, Z] : [X, Y]), SOON)
      await sleep(AGES)
      await rm(join(s.path, folder), { recursive: true })
      await rename(join(s.path, 'away'), join(s.path, folder))
      await vi.waitFor(() => expect(s.missing()).toEqual([]), SOON)
      expect([await s.text(X), await s.text(Y), await s.text(Z), await s.revision()]).toEqual([
        '{"a":1}',
        '{"a":1}',
        '{"a":1}',
        3n,
      ])
    },
  )

  it('a folder with one file that is removed and created again at once deletes nothing', async ({ s }) => {
    await s.written(X, '{"a":1}')
    await rm(dirname(s.fileOf(X)), { recursive: true })
    await mkdir(dirname(s.fileOf(X)))
    await vi.waitFor(() => expect(s.missing()).toEqual([X]), SOON)
    await sleep(AGES)
    expect(await s.text(X)).toBe('{"a":1}')
  })

  it('up to half of the files of a folder, removed at once, are the wish of a person; more than half are not', async ({
    s,
  }) => {
    const keys = [1, 2, 3, 4, 5, 6, 7].map(n => makeKey('boxes', 'net', `b${n}`))
    for (const key of keys) await s.written(key, '{"data":1}')
    for (const key of keys.slice(0, 3)) await rm(s.fileOf(key))
    await vi.waitFor(
      async () =>
        expect(await Promise.all(keys.map(s.text))).toEqual([
          undefined,
          undefined,
          undefined,
          ...Array(4).fill('{"data":1}'),
        ]),
      SOON,
    )
    expect(s.problems).toEqual([])
    for (const key of keys.slice(3, 6)) await rm(s.fileOf(key))
    await vi.waitFor(() => expect(s.missing()).toEqual(keys.slice(3, 6)), SOON)
    expect(await s.text(keys[3] ?? X)).toBe('{"data":1}')
    await vi.waitFor(() => expect(s.problems).toHaveLength(1), SOON)
  })

  it('the only file of a folder is removed by its removal, after a second and not before', async ({ s }) => {
    await s.written(X, '{"a":1}')
    const content = await readFile(s.fileOf(X))
    await rm(s.fileOf(X))
    await sleep(500)
    await writeFile(s.fileOf(X), content)
    await sleep(AGES)
    expect([await s.text(X), await s.revision()]).toEqual(['{"a":1}', 1n])
    await rm(s.fileOf(X))
    await s.holds(X, undefined)
    await writeFile(s.fileOf(X), content)
    await s.holds(X, '{"a":1}')
    expect([s.problems, s.store.fileProblems()]).toEqual([[], []])
  })

  it('as many files as a branch of git has are edits when they are replaced, removals when they are few', async ({
    s,
  }) => {
    const keys = [1, 2, 3, 4, 5].map(n => makeKey('settings', 'kytos', `napp_${n}`))
    const made = makeKey('settings', 'kytos', 'made')
    for (const key of keys) await s.written(key, '{"a":1}')
    const [first = X, ...others] = keys
    for (const key of others) {
      await rm(s.fileOf(key))
      await writeFile(s.fileOf(key), '{"a":2}')
    }
    await rm(s.fileOf(first))
    await writeFile(s.fileOf(made), '{"new":1}')
    for (const key of others) await s.holds(key, '{"a":2}')
    await s.holds(made, '{"new":1}')
    await s.holds(first, undefined)
    expect(s.problems).toEqual([])
  })

  it('many missing files are reported in one message', async ({ s }) => {
    const keys = Array.from({ length: 40 }, (_, n) => makeKey('boxes', `net ${n % 20}`, `b${n}`))
    await Promise.all(keys.map(key => s.put(key, '{"data":1}')))
    await Promise.all(keys.map(key => s.shows(key, '{\n  "data": 1\n}\n')))
    await sleep(700)
    await s.store.close()
    for (const folder of await readdir(join(s.path, 'boxes')))
      await rm(join(s.path, 'boxes', folder), { recursive: true })
    await s.open()
    expect(s.missing()).toHaveLength(40)
    expect(s.problems).toMatchObject([
      {
        code: 'FILE_MISSING',
        source: join(s.path, 'boxes'),
        message: expect.stringContaining('40 readable files'),
      },
    ])
    expect(await s.store.restoreFiles()).toHaveLength(40)
    expect(s.store.fileProblems()).toEqual([])
  })
})

describe.concurrent('An older text of this store', { timeout: 90_000 }, () => {
  it.for([
    ['while the service runs', true],
    ['while it is stopped', false],
  ])('that comes back with a folder that was away, %s, is no edit', async ([, running], { s }) => {
    await s.written(X, '{"limit":1}')
    await s.written(Y, '{"limit":1}')
    await rename(dirname(s.fileOf(X)), join(s.path, 'away'))
    await vi.waitFor(() => expect(s.missing()).toEqual([X, Y]), SOON)
    await s.put(X, '{"limit":2}')
    await s.shows(X, '{\n  "limit": 2\n}\n')
    if (!running) await s.store.close()
    await rm(dirname(s.fileOf(X)), { recursive: true })
    await rename(join(s.path, 'away'), dirname(s.fileOf(X)))
    if (!running) await s.open()
    await vi.waitFor(async () => expect(await s.read(X)).toBe('{\n  "limit": 2\n}\n'), SOON)
    await vi.waitFor(() => expect(s.store.fileProblems()).toEqual([]), SOON)
    expect([await s.text(X), await s.text(Y), await s.revision()]).toEqual(['{"limit":2}', '{"limit":1}', 3n])
    expect(await readFile(`${s.fileOf(X)}.rejected`, 'utf8')).toBe('{\n  "limit": 1\n}\n')
    expect(s.problems.at(-1)).toMatchObject({
      code: 'FILE_REJECTED',
      key: X,
      source: `${s.fileOf(X)}.rejected`,
    })
  })

  it('is known again after a restart with a new log and a snapshot, and if the folder was never missed', async ({
    s,
  }) => {
    await s.store.close()
    await s.open({ compaction: { log: 500, tail: 500, ratio: 0.1 } })
    await s.written(X, '{"limit":1}')
    await cp(dirname(s.fileOf(X)), join(s.path, 'copy'), { recursive: true })
    for (let limit = 2; limit < 8; limit++) {
      await s.written(X, `{"limit":${limit}}`)
      await sleep(700)
    }
    expect((await readdir(join(s.path, 'journal'))).some(name => name.endsWith('.snapshot'))).toBe(true)
    await s.store.close()
    await rename(dirname(s.fileOf(X)), join(s.path, 'away'))
    await rename(join(s.path, 'copy'), dirname(s.fileOf(X)))
    await s.open()
    await vi.waitFor(async () => expect(await s.read(X)).toBe('{\n  "limit": 7\n}\n'), SOON)
    expect([await s.text(X), await s.revision()]).toEqual(['{"limit":7}', 7n])
    expect(await readFile(`${s.fileOf(X)}.rejected`, 'utf8')).toBe('{\n  "limit": 1\n}\n')
  })

  it('is known again after a restart if it was replaced before the journal noted it', async ({ s }) => {
    await s.written(X, '{"limit":1}')
    await sleep(700)
    await s.written(X, '{"limit":2}')
    await cp(dirname(s.fileOf(X)), join(s.path, 'copy'), { recursive: true })
    await s.written(X, '{"limit":3}')
    await sleep(700)
    await s.reopen()
    await s.store.close()
    await s.replace(dirname(s.fileOf(X)), join(s.path, 'copy'))
    await s.open()
    await s.shows(X, '{\n  "limit": 3\n}\n')
    expect([await s.text(X), await s.revision()]).toEqual(['{"limit":3}', 3n])
    expect(await readFile(`${s.fileOf(X)}.rejected`, 'utf8')).toBe('{\n  "limit": 2\n}\n')
  })

  it('is known again after twenty others', async ({ s }) => {
    await s.written(X, '{"limit":0}')
    await cp(dirname(s.fileOf(X)), join(s.path, 'copy'), { recursive: true })
    for (let limit = 1; limit <= 20; limit++) await s.written(X, `{"limit":${limit}}`)
    await s.reopen()
    await s.store.close()
    await s.replace(dirname(s.fileOf(X)), join(s.path, 'copy'))
    await s.open()
    await s.shows(X, '{\n  "limit": 20\n}\n')
    expect([await s.text(X), await s.revision()]).toEqual(['{"limit":20}', 21n])
  })

  it('is no edit either after a start in which it could not be replaced', async ({ s }) => {
    await s.written(X, '{"limit":1}')
    await sleep(700)
    await cp(dirname(s.fileOf(X)), join(s.path, 'copy'), { recursive: true })
    await s.written(X, '{"limit":2}')
    await s.store.close()
    await s.replace(dirname(s.fileOf(X)), join(s.path, 'copy'))
    await mkdir(`${s.fileOf(X)}.rejected`)
    await s.open()
    await vi.waitFor(
      () => expect(s.store.fileProblems()).toMatchObject([{ code: 'FILE_UNWRITABLE', key: X }]),
      SOON,
    )
    await sleep(AGES)
    await s.store.close()
    await rmdir(`${s.fileOf(X)}.rejected`)
    await s.open()
    await s.shows(X, '{\n  "limit": 2\n}\n')
    expect([await s.text(X), await s.revision()]).toEqual(['{"limit":2}', 2n])
  })

  it('is also no edit as a file that was replaced before the folder went away', async ({ s }) => {
    for (const limit of [1, 2]) await s.written(X, `{"limit":${limit}}`)
    await sleep(700)
    await cp(dirname(s.fileOf(X)), join(s.path, 'copy'), { recursive: true })
    await writeFile(join(s.path, 'copy', '.x.json.replaced'), '{\n  "limit": 1\n}\n')
    await s.written(X, '{"limit":3}')
    // While what was just replaced is kept for a person who is writing into it.
    await s.replace(dirname(s.fileOf(X)), join(s.path, 'copy'))
    await s.shows(X, '{\n  "limit": 3\n}\n')
    await sleep(AGES)
    expect([await s.text(X), await s.revision()]).toEqual(['{"limit":3}', 3n])
    expect(await readdir(dirname(s.fileOf(X)))).toEqual(['x.json', 'x.json.rejected'])
  })

  it('is an edit in the folder that was there all the time', async ({ s }) => {
    await s.written(X, '{"limit":1}')
    await s.written(X, '{"limit":2}')
    await sleep(700)
    await writeFile(s.fileOf(X), '{\n  "limit": 1\n}\n')
    await s.holds(X, '{"limit":1}')
    await sleep(700)
    await s.store.close()
    await writeFile(s.fileOf(X), '{\n  "limit": 2\n}\n')
    await s.open()
    await s.holds(X, '{"limit":2}')
    expect(s.problems).toEqual([])
  })

  it('does not bring back a document that was deleted while its folder was away', async ({ s }) => {
    for (const key of [X, Y]) await s.written(key, '{"a":1}')
    await s.store.close()
    await rename(dirname(s.fileOf(X)), join(s.path, 'away'))
    await s.open()
    await s.store.commit([{ key: X, delete: true }])
    await sleep(700)
    await s.reopen()
    await rename(join(s.path, 'away'), dirname(s.fileOf(X)))
    await vi.waitFor(
      async () => expect((await files(dirname(s.fileOf(X)))).sort()).toEqual(['x.json.rejected', 'y.json']),
      SOON,
    )
    expect([await s.text(X), await s.text(Y), await s.revision()]).toEqual([undefined, '{"a":1}', 3n])
    await s.reopen()
    expect([await s.text(X), s.problems]).toEqual([undefined, []])
  })

  it.for([
    ['at once', false],
    ['after a restart with a new log and a snapshot', true],
  ])(
    'does not bring back a document that was deleted after the copy was made, %s',
    async ([, snapshot], { s }) => {
      const box = makeKey('boxes', 'net', 'one')
      for (const key of [X, Y, box]) await s.written(key, '{"a":1}')
      for (const key of [X, box])
        await cp(dirname(s.fileOf(key)), join(s.path, `copy-${key.split('/')[0]}`), { recursive: true })
      // As a process leaves it that dies while it replaces the file.
      await cp(s.fileOf(X), join(s.path, 'copy-settings', '.x.json.replaced'))
      await s.store.commit([X, box].map(key => ({ key, delete: true })))
      for (const key of [X, box]) await vi.waitFor(() => expect(existsSync(s.fileOf(key))).toBe(false), SOON)
      await sleep(700)
      if (snapshot) {
        await s.store.close()
        await s.open({ compaction: { log: 500, tail: 500, ratio: 0.1 } })
        for (let limit = 2; limit < 8; limit++) await s.written(Y, `{"a":${limit}}`)
        await vi.waitFor(
          async () =>
            expect((await readdir(join(s.path, 'journal'))).some(name => name.endsWith('.snapshot'))).toBe(
              true,
            ),
          SOON,
        )
        await s.reopen()
      }
      const before = await s.revision()
      await s.store.close()
      for (const key of [X, box])
        await s.replace(dirname(s.fileOf(key)), join(s.path, `copy-${key.split('/')[0]}`))
      await s.open()
      for (const key of [X, box]) await vi.waitFor(() => expect(existsSync(s.fileOf(key))).toBe(false), SOON)
      await sleep(AGES)
      expect([await s.text(X), await s.text(box), await s.revision()]).toEqual([undefined, undefined, before])
      for (const key of [X, box])
        expect(await readFile(`${s.fileOf(key)}.rejected`, 'utf8')).toBe('{\n  "a": 1\n}\n')
      expect(await readdir(dirname(s.fileOf(X)))).toEqual([
        'x.json.rejected',
        'y.json',
        ...(snapshot ? ['y.json.rejected'] : []),
      ])
      await s.reopen()
      expect([await s.revision(), s.problems]).toEqual([before, []])
    },
  )

  it('does not bring back a document that was deleted before a crash, in a folder that was missing at the next start', async ({
    s,
  }) => {
    for (const key of [X, Y]) await s.written(key, '{"a":1}')
    await sleep(700)
    await rename(dirname(s.fileOf(X)), join(s.path, 'away'))
    await s.store.commit([{ key: X, delete: true }])
    await cp(join(s.path, 'journal'), join(s.path, 'crashed'), { recursive: true })
    await s.store.close()
    await rm(join(s.path, 'journal'), { recursive: true })
    await rename(join(s.path, 'crashed'), join(s.path, 'journal'))
    await rm(dirname(s.fileOf(X)), { recursive: true, force: true })
    await s.open()
    await sleep(700)
    await s.reopen()
    await rm(dirname(s.fileOf(X)), { recursive: true, force: true })
    await rename(join(s.path, 'away'), dirname(s.fileOf(X)))
    await vi.waitFor(
      async () => expect(await files(dirname(s.fileOf(X)))).toEqual(['x.json.rejected', 'y.json']),
      SOON,
    )
    expect([await s.text(X), await s.text(Y), await s.revision()]).toEqual([undefined, '{"a":1}', 3n])
  })

  it('is an edit where a person brings it back into the folder that is there', async ({ s }) => {
    for (const key of [X, Y]) await s.written(key, '{"a":1}')
    const content = await s.read(X)
    await s.store.commit([{ key: X, delete: true }])
    await sleep(700)
    await s.reopen()
    await writeFile(s.fileOf(X), content)
    await s.holds(X, '{"a":1}')
    expect(s.problems).toEqual([])
  })

  it('that was edited in an absent folder undoes no commit of the meantime', async ({ s }) => {
    await s.written(X, '{"a":1,"b":1}')
    await s.store.close()
    await rename(dirname(s.fileOf(X)), join(s.path, 'away'))
    await s.open()
    await s.put(X, '{"a":2,"b":1}')
    await s.shows(X, '{\n  "a": 2,\n  "b": 1\n}\n')
    await s.store.close()
    await rm(dirname(s.fileOf(X)), { recursive: true })
    await rename(join(s.path, 'away'), dirname(s.fileOf(X)))
    await writeFile(s.fileOf(X), '{"a":1,"b":7}')
    await s.open()
    await s.holds(X, '{"a":2,"b":7}')
    await s.shows(X, '{\n  "a": 2,\n  "b": 7\n}\n')
  })
})

/** The names in a folder, except hidden ones. */
async function files(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter(name => !name.startsWith('.')).sort()
}

import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import {
  chmod,
  mkdir,
  mkdtemp,
  open as openFile,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Backend, Problem } from '../../backends/backend.ts'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import { type Key, makeKey } from '../../model/key.ts'

const LLDP = makeKey('settings', 'kytos', 'of_lldp')
const BOX = makeKey('boxes', 'kytos.mef_eline.circuits', 'one')
const SOON = { timeout: 5_000, interval: 20 }

let path = ''
let store: Backend
let problems: Problem[] = []

beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'kytos-edits-'))
  problems = []
  await open()
})
afterEach(async () => {
  await store.close()
  await rm(path, { recursive: true, force: true })
})

describe('An edit of a readable file', () => {
  it('is applied key by key, keeps big integers and typed nulls, and the file is rewritten', async () => {
    await put(LLDP, '{"a":1,"b":{"x":1,"y":2},"big":18446744073709551615}')
    await shows(
      LLDP,
      '{\n  "a": 1,\n  "b": {\n    "x": 1,\n    "y": 2\n  },\n  "big": 18446744073709551615\n}\n',
    )
    await edit(LLDP, '{"b":{"x":1,"y":3,"z":null},"big":18446744073709551615}')
    await holds(LLDP, '{"b":{"x":1,"y":3,"z":null},"big":18446744073709551615}')
    await shows(
      LLDP,
      '{\n  "b": {\n    "x": 1,\n    "y": 3,\n    "z": null\n  },\n  "big": 18446744073709551615\n}\n',
    )
  })

  it('is imported with any editor: one that renames over it, truncates it first, or writes it twice', async () => {
    await put(LLDP, '{"a":1}')
    await shows(LLDP, '{\n  "a": 1\n}\n')
    const file = fileOf(LLDP)
    await writeFile(`${file}~`, '{"a":2}')
    await rename(`${file}~`, file)
    await holds(LLDP, '{"a":2}')
    await writeFile(file, '')
    await sleep(150)
    await writeFile(file, '{"a":')
    await sleep(150)
    await writeFile(file, '{"a":3}')
    await holds(LLDP, '{"a":3}')
    expect(problems).toEqual([])
  })

  it('that changes only the formatting commits nothing and is left as it is, also over a restart', async () => {
    await put(LLDP, '{"a":1,"b":2}')
    await shows(LLDP, '{\n  "a": 1,\n  "b": 2\n}\n')
    const mine = '{"b": 2,   "a": 1.0}'
    await edit(LLDP, mine)
    await sleep(1_300)
    await reopen()
    expect(await read(LLDP)).toBe(mine)
    expect((await store.get(LLDP))?.modRevision).toBe(1n)
    await put(LLDP, '{"a":5}')
    await shows(LLDP, '{\n  "a": 5\n}\n')
  })

  it('keeps the mode of the file', async () => {
    await put(LLDP, '{"a":1}')
    await shows(LLDP, '{\n  "a": 1\n}\n')
    expect((await stat(fileOf(LLDP))).mode & 0o777).toBe(0o600)
    await chmod(fileOf(LLDP), 0o664)
    await put(LLDP, '{"a":2}')
    await shows(LLDP, '{\n  "a": 2\n}\n')
    expect((await stat(fileOf(LLDP))).mode & 0o777).toBe(0o664)
  })

  it('of a box replaces it as a whole', async () => {
    await put(BOX, '{"data":{"a":1},"owner":null}')
    await shows(BOX, '{\n  "data": {\n    "a": 1\n  },\n  "owner": null\n}\n')
    await edit(BOX, '{"data":7}')
    await holds(BOX, '{"data":7}')
  })

  it('that removes the file deletes the document, after a second', async () => {
    await put(LLDP, '{"a":1}')
    await shows(LLDP, '{\n  "a": 1\n}\n')
    await rm(fileOf(LLDP))
    await sleep(500)
    expect(await store.get(LLDP)).toBeDefined()
    await holds(LLDP, undefined)
  })

  it('that makes a new file creates the document; a name no document has is reported and ignored', async () => {
    const key = makeKey('controllers', 'controller-1', 'kytos', 'v1.2')
    await edit(key, '{"a":1}')
    await writeFile(join(path, 'settings', 'stray.json'), '{}')
    await holds(key, '{"a":1}')
    // Two walks must have seen it, and a walk that takes 100 ms on a busy machine is followed by a pause of 5
    // s.
    await vi.waitFor(() => expect(problems.map(({ code }) => code)).toEqual(['KEY_FOREIGN']), {
      ...SOON,
      timeout: 30_000,
    })
  })
})

describe('A broken file', () => {
  it.each([
    ['not JSON', '{"a":1'],
    ['no object', '[1]'],
    ['a key twice', '{"a":1,"a":2}'],
    ['empty', ''],
  ])('(%s) is reported once and left, and copied aside before a commit replaces it', async (_, broken) => {
    await put(LLDP, '{"a":1}')
    await shows(LLDP, '{\n  "a": 1\n}\n')
    await edit(LLDP, broken)
    await vi.waitFor(
      () => expect(problems).toMatchObject([{ code: 'FILE_REJECTED', key: LLDP, source: fileOf(LLDP) }]),
      SOON,
    )
    await sleep(700)
    expect(problems).toHaveLength(1)
    expect(await read(LLDP)).toBe(broken)
    await put(LLDP, '{"a":2}')
    await shows(LLDP, '{\n  "a": 2\n}\n')
    expect(await readFile(`${fileOf(LLDP)}.rejected`, 'utf8')).toBe(broken)
  })
})

describe('While no process has the store open', () => {
  it('edits and new files count, and are in when it is open again; the document of a removed file is kept', async () => {
    const [gone, made] = [makeKey('settings', 'kytos', 'gone'), makeKey('settings', 'kytos', 'made')]
    await put(LLDP, '{"a":1,"b":1}')
    await put(gone, '{"a":1}')
    await store.close()
    await edit(LLDP, '{"a":2,"b":1}')
    await edit(made, '{"x":1}')
    await rm(fileOf(gone))
    await open()
    expect([await text(LLDP), await text(gone), await text(made)]).toEqual([
      '{"a":2,"b":1}',
      '{"a":1}',
      '{"x":1}',
    ])
    expect(store.fileProblems()).toMatchObject([{ code: 'FILE_MISSING', key: gone, source: fileOf(gone) }])
  })

  it('a file that is unreadable at a reopening and readable later undoes no commit of the meantime; an edit of it counts', async () => {
    const other = makeKey('settings', 'kytos', 'other')
    for (const key of [LLDP, other]) {
      await put(key, '{"a":1,"b":1}')
      await shows(key, '{\n  "a": 1,\n  "b": 1\n}\n')
    }
    await store.close()
    const away = (key: Key) => join(path, encodeURIComponent(key))
    for (const key of [LLDP, other]) {
      await rename(fileOf(key), away(key))
      await symlink(away(key), fileOf(key))
    }
    await open()
    for (const key of [LLDP, other]) await put(key, '{"a":2,"b":1}')
    await vi.waitFor(
      () => expect(problems.map(({ code }) => code)).toEqual(['FILE_UNWRITABLE', 'FILE_UNWRITABLE']),
      SOON,
    )
    await writeFile(away(other), '{"a":1,"b":3}')
    for (const key of [LLDP, other]) await rename(away(key), fileOf(key))
    await shows(LLDP, '{\n  "a": 2,\n  "b": 1\n}\n')
    await holds(other, '{"a":2,"b":3}')
    expect(await text(LLDP)).toBe('{"a":2,"b":1}')
  })

  it('a lost folder of readable files is no wish to delete all documents: they are kept', async () => {
    await put(LLDP, '{"a":1}')
    await shows(LLDP, '{\n  "a": 1\n}\n')
    await store.close()
    await rm(join(path, 'settings'), { recursive: true })
    await open()
    expect(store.fileProblems()).toMatchObject([{ code: 'FILE_MISSING', key: LLDP }])
    expect(await store.restoreFiles()).toEqual([LLDP])
    await shows(LLDP, '{\n  "a": 1\n}\n')
    await rm(join(path, 'settings'), { recursive: true })
    await vi.waitFor(
      () => expect(store.fileProblems()).toMatchObject([{ code: 'FILE_MISSING', key: LLDP }]),
      SOON,
    )
    expect((await store.get(LLDP))?.modRevision).toBe(1n)
  })

  it('a lost journal is created again from the files, big integers included, with a message', async () => {
    await put(LLDP, '{"big":18446744073709551615}')
    await put(BOX, '{"data":1}')
    await store.close()
    await rm(join(path, 'journal'), { recursive: true })
    await open()
    expect(problems.map(({ code }) => code)).toEqual(['STORE_IMPORTED'])
    expect([await text(LLDP), await text(BOX)]).toEqual(['{"big":18446744073709551615}', '{"data":1}'])
  })
})

describe('Edits that race with commits', () => {
  // The person reads and saves in one step: a save of what was read before the file was rewritten means, by
  // contract, to take the commit back.
  it.each([
    ['in place', (file: string, content: string) => writeFileSync(file, content)],
    [
      'by rename',
      (file: string, content: string) => {
        writeFileSync(`${file}~`, content)
        renameSync(`${file}~`, file)
      },
    ],
  ])(
    '(%s) are in the store in the end, and so is every acknowledged commit',
    { timeout: 40_000 },
    async (_, save) => {
      await put(LLDP, '{"hand":0,"commit":0}')
      await shows(LLDP, '{\n  "hand": 0,\n  "commit": 0\n}\n')
      let editing = true
      let commits = 0
      const committing = (async () => {
        while (editing) {
          const entry = await store.get(LLDP)
          const value = JSON.parse(entry?.text ?? '{}')
          const next = JSON.stringify({ ...value, commit: commits + 1 })
          const outcome = await store.commit([
            { key: LLDP, put: next, expected: entry?.modRevision ?? 'absent' },
          ])
          if (outcome.committed) commits++
          expect(value.commit).toBe(commits - (outcome.committed ? 1 : 0))
          await sleep(Math.random() * 20)
        }
      })()
      for (let hand = 1; hand <= 8; hand++) {
        const seen = JSON.parse(readFileSync(fileOf(LLDP), 'utf8'))
        save(fileOf(LLDP), JSON.stringify({ ...seen, hand }))
        await vi.waitFor(async () => expect(JSON.parse((await text(LLDP)) ?? '{}').hand).toBe(hand), SOON)
      }
      editing = false
      await committing
      const value = JSON.parse((await text(LLDP)) ?? '{}')
      expect(value).toEqual({ hand: 8, commit: commits })
      await store.close()
      expect(JSON.parse(await readFile(fileOf(LLDP), 'utf8'))).toEqual(value)
      expect((await readdir(dirname(fileOf(LLDP)))).filter(name => name.startsWith('.'))).toEqual([])
      expect(problems).toEqual([])
    },
  )
})

describe('A save that comes too late, into a file that was just replaced', () => {
  it.each([
    ['calmly', false],
    ['while somebody is editing it', true],
  ])('(%s) is taken in beside the commit, and one that is broken is set aside', async (_, editing) => {
    await put(LLDP, '{"a":1,"b":1}')
    await shows(LLDP, '{\n  "a": 1,\n  "b": 1\n}\n')
    if (editing) {
      await edit(LLDP, '{"a":1,"b":1,"c":1}')
      await shows(LLDP, '{\n  "a": 1,\n  "b": 1,\n  "c": 1\n}\n')
      await sleep(400)
    }
    const late = async (content: string) => {
      const editor = await openFile(fileOf(LLDP), 'r+')
      const { hand } = JSON.parse((await text(LLDP)) ?? '{}')
      await put(LLDP, JSON.stringify({ a: 2, b: 1, ...(hand === undefined ? {} : { hand }) }))
      await vi.waitFor(async () => expect(JSON.parse(await read(LLDP)).a).toBe(2), SOON)
      await editor.truncate(0)
      await editor.write(content, 0)
      await editor.close()
    }
    await late('{"a":1,"b":1,"hand":1}')
    await vi.waitFor(
      async () => expect(JSON.parse((await text(LLDP)) ?? '')).toEqual({ a: 2, b: 1, hand: 1 }),
      SOON,
    )
    await shows(LLDP, '{\n  "a": 2,\n  "b": 1,\n  "hand": 1\n}\n')
    await put(LLDP, '{"a":3}')
    await vi.waitFor(async () => expect(JSON.parse(await read(LLDP))).toEqual({ a: 3 }), SOON)
    await sleep(700)
    await late('{"a":')
    await vi.waitFor(() => expect(problems.map(({ code }) => code)).toEqual(['FILE_REJECTED']), SOON)
    expect(await readFile(`${fileOf(LLDP)}.rejected`, 'utf8')).toBe('{"a":')
  })

  it('is found by the next process, if the one that replaced it died', async () => {
    await put(LLDP, '{"a":1,"b":1}')
    await store.close()
    const folder = dirname(fileOf(LLDP))
    await writeFile(join(folder, '.of_lldp.json.replaced'), '{"a":1,"b":2}')
    await writeFile(join(folder, '.of_lldp.json.tmp'), 'half')
    await open()
    expect(await text(LLDP)).toBe('{"a":1,"b":2}')
    await store.close()
    await rename(fileOf(LLDP), join(folder, '.of_lldp.json.replaced'))
    await open()
    expect(await text(LLDP)).toBe('{"a":1,"b":2}')
    await shows(LLDP, '{\n  "a": 1,\n  "b": 2\n}\n')
    expect((await readdir(folder)).filter(name => name.startsWith('.'))).toEqual([])
  })
})

async function open(): Promise<void> {
  store = createFilesystemBackend({ path }, { report: problem => problems.push(problem) })
  await store.open()
}

async function reopen(): Promise<void> {
  await store.close()
  await open()
}

async function put(key: Key, value: string): Promise<void> {
  expect((await store.commit([{ key, put: value }])).committed).toBe(true)
}

async function edit(key: Key, content: string): Promise<void> {
  await mkdir(dirname(fileOf(key)), { recursive: true })
  await writeFile(fileOf(key), content)
}

async function text(key: Key): Promise<string | undefined> {
  return (await store.get(key))?.text
}

async function holds(key: Key, value: string | undefined): Promise<void> {
  await vi.waitFor(async () => expect(await text(key)).toBe(value), SOON)
}

async function shows(key: Key, content: string): Promise<void> {
  await vi.waitFor(async () => expect(await read(key)).toBe(content), SOON)
}

function read(key: Key): Promise<string> {
  return readFile(fileOf(key), 'utf8')
}

function fileOf(key: Key): string {
  return `${join(path, ...key.split('/'))}.json`
}

import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import { createFeed } from '../../events/buffered-feed.ts'
import type { KytosEvent } from '../../events/event.ts'
import { isSettingsError } from '../../model/errors.ts'
import { hasCode } from '../../model/failure.ts'
import { EVERYTHING, makeKey } from '../../model/key.ts'
import { keepLog } from './filesystem/archive.ts'
import { imaginedEdits, lostEdits, undoneCommits } from './filesystem/edits.ts'
import { readTruth } from './filesystem/journal-reader.ts'
import { type FilesystemKind, type FilesystemStage, openFilesystemStage } from './filesystem/stage.ts'
import type { StoreLife } from './history.ts'
import { createRandom } from './random.ts'
import { type Player, PlayerGone } from './stage.ts'

const SEED = 1
/** Struck by the stage of kills; the other stages have them, too. */
const COMMON = ['kill -9', 'kill -9 at a step', 'kill -9 while starting', 'stopped', 'second process']

describe.concurrent('A stage on a folder', () => {
  for (const kind of ['kills', 'power', 'disk', 'hands'] as const satisfies readonly FilesystemKind[]) {
    it(`gets over every fault of the kind "${kind}", and its truth is what the store holds`, {
      timeout: 90_000,
    }, async ({ expect, onTestFinished }) => {
      const random = createRandom(SEED)
      const stage = await openFilesystemStage({ kind, random: random.fork('stage') })
      onTestFinished(() => stage.close())
      const folder = await mkdtemp(join(tmpdir(), 'kytos-stage-'))
      onTestFinished(() => rm(folder, { recursive: true, force: true }))
      const acked = await work(stage, async () => {
        for (const fault of stage.faults)
          if (kind === 'kills' || !COMMON.includes(fault.name)) await fault.strike(random.fork(fault.name))
      })
      await stage.calm()
      const { lives, listeners, finals } = await stage.collect()
      const [life] = lives
      expect(life && newest(life), `seed ${SEED}`).toEqual(await listed(stage, folder))
      expect(
        acked.filter(id => !comments(life).has(id)),
        `seed ${SEED}`,
      ).toEqual([])
      expect(finals.map(({ state, repairs }) => [state, repairs])).toEqual([['READY', 0]])
      expect(finals[0]?.overrides['settings/kytos/work']).toMatchObject({ huge: 2n ** 80n })
      expect(listeners.at(-1)?.lasted).toBe(true)
      expect(listeners.filter(({ lasted }) => !lasted).length).toBe(listeners.length - 1)
      if (kind === 'kills') expect(stage.kills).toBeGreaterThanOrEqual(4)
    })
  }
})

describe('The truth', () => {
  it('is the whole history, with every key of a revision', async () => {
    const { folder, archive } = await archived(3)
    const { revisions } = await readTruth(archive)
    expect(revisions).toEqual(
      [1n, 2n, 3n].map(revision => ({
        revision,
        changes: [{ key: 'settings/kytos/a', text: `{"n":${revision}}` }],
      })),
    )
    expect(await readFile(join(folder, 'journal/000000000001.log'))).toEqual(
      await readFile(join(archive, '000000000001.000001')),
    )
  })

  it('has a hole where a byte of a log that counts is another one, and says so', async () => {
    const { archive } = await archived(3)
    const log = join(archive, '000000000001.000001')
    const bytes = await readFile(log)
    // A second log counts on all of the first.
    const next = JSON.stringify({
      format: 1,
      number: 2,
      revision: '3',
      after: { number: 1, length: bytes.length },
    })
    await writeFile(join(archive, '000000000002.000001'), frame(next))
    expect((await readTruth(archive)).revisions.length).toBe(3)
    bytes[bytes.length - 5] = 0
    await writeFile(log, bytes)
    await expect(readTruth(archive)).rejects.toThrow('is not sound')
    await rm(log)
    await expect(readTruth(archive)).rejects.toThrow('no log 1')
  })
})

describe('Edits by hand', () => {
  const key = 'settings/kytos/a'
  const edit = { key, value: 'by hand 1.', style: 'in place', gentle: true, owed: true }
  const life = (...texts: readonly string[]): StoreLife => ({
    revisions: texts.map((text, at) => ({ revision: BigInt(at + 1), changes: [{ key, text }] })),
  })

  it('are lost when no revision holds them', () => {
    expect(lostEdits(life('{"a":1}', '{"a":1,"hand_1":"by hand 1."}'), [edit])).toEqual([])
    expect(lostEdits(life('{"a":1}', '{"a":2}'), [edit])).toHaveLength(1)
    expect(lostEdits(life('{"a":1}', '{"a":2}'), [{ ...edit, owed: false }])).toEqual([])
  })

  it('undo a commit when they come with its value of before', () => {
    expect(undoneCommits(life('{"a":1}', '{"a":2}', '{"a":2,"hand_1":"by hand 1."}'), [edit])).toEqual([])
    expect(undoneCommits(life('{"a":1}', '{"a":2}', '{"a":1,"hand_1":"by hand 1."}'), [edit])).toHaveLength(1)
    expect(
      undoneCommits(life('{"a":1}', '{"a":2}', '{"a":1,"hand_1":"by hand 1."}'), [
        { ...edit, gentle: false },
      ]),
    ).toEqual([])
  })

  it('are imagined where a record tells of one that nobody made', () => {
    const record = (type: string): StoreLife => ({
      revisions: [
        {
          revision: 1n,
          changes: [
            { key: `history/${key}/000000000001`, text: JSON.stringify({ actor: { type, name: 'x' } }) },
          ],
        },
      ],
    })
    expect(imaginedEdits(record('user'))).toEqual([])
    expect(imaginedEdits(record('file'))).toHaveLength(1)
  })
})

describe('A reader that resumes where a restarted controller was told of a difference', () => {
  // The process before had said 1795000000000.77.1 live; this one began with a snapshot of revision 13 and
  // says what changed since, all of it at 77.
  const changed = (n: number, origin: string): KytosEvent => ({
    id: `${n}`,
    name: 'box.changed',
    content: { cursor: `1795000000000.77.${n}`, origin },
    timestamp: '',
    priority: 0,
    reinjections: 0,
  })

  it('gets a snapshot, and not a part of the difference as if it were steps', () => {
    const feed = createFeed({ epoch: 1_795_000_000_000, revision: 77n, namespaces: () => ({}) })
    for (const n of [1, 2, 3]) feed.add(changed(n, 'resync'), 10)
    feed.begin()
    const heard: string[] = []
    feed.follow('1795000000000.77.1', ({ name }) => heard.push(name))
    expect(heard).toEqual(['settings.snapshot'])
  })

  it('goes on with the steps once it is beyond that revision', () => {
    const feed = createFeed({ epoch: 1_795_000_000_000, revision: 77n, namespaces: () => ({}) })
    feed.add(changed(1, 'resync'), 10)
    feed.begin()
    const next = { ...changed(1, 'live'), content: { cursor: '1795000000000.78.1', origin: 'live' } }
    feed.add(next, 10)
    const heard: unknown[] = []
    feed.follow('1795000000000.77.999999999', ({ content }) => heard.push(content))
    expect(heard).toEqual([{ cursor: '1795000000000.78.1', origin: 'replay' }])
  })
})

/** Writes while something happens; gives the comments of what was acknowledged. */
async function work({ players }: FilesystemStage, meanwhile: () => Promise<void>): Promise<string[]> {
  const acked: string[] = []
  const end = new AbortController()
  const writers = [1, 2, 3].map(async writer => {
    for (let n = 1; !end.signal.aborted; n++) {
      for (const player of players) if (await write(player, writer, n)) acked.push(`${writer}/${n}`)
      await sleep(10)
    }
  })
  try {
    await meanwhile()
  } finally {
    end.abort()
    await Promise.all(writers)
  }
  // Also when all of the time was spent dead or without a disk.
  await Promise.all(players.map(player => write(player, 0, 1)))
  return acked
}

async function write(player: Player, writer: number, n: number): Promise<boolean> {
  const data = { [`writer_${writer}`]: n, huge: 2n ** 80n }
  try {
    await player.ask('kytos.settings.update', { namespace: 'kytos/work', data, comment: `${writer}/${n}` })
    return true
  } catch (error) {
    if (
      error instanceof PlayerGone ||
      isSettingsError(error, 'STORE_FULL', 'STORE_UNREACHABLE', 'STORE_STALE', 'OUTCOME_UNKNOWN')
    )
      return false
    throw error
  }
}

/** What a store holds after its whole history. */
function newest({ revisions }: StoreLife): ReadonlyMap<string, string> {
  const texts = new Map<string, string>()
  for (const { changes } of revisions) {
    for (const { key, text } of changes) {
      if (text === undefined) texts.delete(key)
      else texts.set(key, text)
    }
  }
  return texts
}

function comments(life: StoreLife | undefined): ReadonlySet<string> {
  const texts =
    life?.revisions.flatMap(({ changes }) =>
      changes.flatMap(({ key, text }) => (key.startsWith('history/') && text ? [text] : [])),
    ) ?? []
  return new Set(texts.map(text => /"comment":"([^"]*)"/.exec(text)?.[1] ?? ''))
}

/** What our backend reads from a copy of the store. */
async function listed({ path }: FilesystemStage, copy: string): Promise<ReadonlyMap<string, string>> {
  await copyWhole(path, copy)
  const backend = createFilesystemBackend({ path: copy }, { report: () => {} })
  await backend.open()
  const texts = new Map<string, string>()
  for await (const page of (await backend.list(EVERYTHING)).pages)
    for (const { key, text } of page) texts.set(key, text)
  await backend.close()
  return texts
}

/** A store with so many commits, and its only log in an archive. */
async function archived(commits: number) {
  const folder = await freshFolder()
  const archive = join(folder, 'archive')
  await mkdir(archive)
  const backend = createFilesystemBackend({ path: folder }, { report: () => {} })
  await backend.open()
  keepLog(join(folder, 'journal/000000000001.log'), archive)
  for (let n = 1; n <= commits; n++)
    await backend.commit([{ key: makeKey('settings', 'kytos', 'a'), put: `{"n":${n}}` }])
  await backend.close()
  return { folder, archive }
}

function frame(record: string): string {
  return `${Buffer.byteLength(record)} ${crc32(record).toString(16).padStart(8, '0')} ${record}\n`
}

async function freshFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kytos-stage-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/**
 * Copies a folder that is still worked on: a file that is gone before it was read has another name by then.
 */
async function copyWhole(path: string, copy: string, tries = 20): Promise<void> {
  try {
    await cp(path, copy, { recursive: true })
  } catch (error) {
    if (!hasCode(error, 'ENOENT') || tries <= 1) throw error
    await rm(copy, { recursive: true, force: true })
    await copyWhole(path, copy, tries - 1)
  }
}

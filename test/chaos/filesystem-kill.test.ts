import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Key } from '../../model/key.ts'
import { compileProgram, type Program } from './filesystem-compile.ts'
import { judgeStore } from './filesystem-judge.ts'
import { inParallel, SEED, sample } from './filesystem-sample.ts'
import { SCRIPT } from './filesystem-script.ts'
import { createRandom } from './random.ts'

/** Where a life ends: before this step, or in the middle of it. */
interface Kill {
  readonly step: number
  readonly share: 0 | 0.5
}

let program: Program
let folder = ''
beforeAll(async () => {
  program = await compileProgram('filesystem-victim')
  folder = await mkdtemp(join(tmpdir(), 'kytos-kill-'))
})
afterAll(async () => {
  await program.remove()
  await rm(folder, { recursive: true, force: true })
})

describe('A store whose process is killed', () => {
  it('at any step of commits, readable files, edits by hand, new logs and snapshots has all that was acked, whole, and nothing else', {
    timeout: 600_000,
  }, async () => {
    const whole = await live(join(folder, 'whole'), { step: 0, share: 0 })
    expect(whole.isOver).toBe(true)
    expect(kindsOf(whole.steps)).toEqual(KINDS)
    await judgeStore(join(folder, 'whole'), 'never killed', revision => revision === SCRIPT.length)

    const kills = whole.steps.flatMap((name, at): Kill[] => [
      { step: at + 1, share: 0 },
      ...(name.startsWith('write') ? [{ step: at + 1, share: 0.5 } as const] : []),
    ])
    const random = createRandom(SEED)
    const twice = new Map(kills.map(kill => [kill, random.chance(0.5) ? random.between(1, 30) : undefined]))
    let count = 0
    await inParallel(sample(kills, 30), 4, async kill => {
      const path = join(folder, `${kill.step}-${kill.share}`)
      const first = await live(path, kill)
      const again = twice.get(kill)
      const lives =
        again === undefined ? [first] : [first, await live(path, { step: again, share: 0 }, removalOf(first))]
      count += lives.filter(({ isOver }) => !isOver).length
      await judge(path, lives)
      await rm(path, { recursive: true })
    })
    console.log(`${count} kills, seed ${SEED}`)
  })
})

/** What the steps of the script do: if one is missing, the script is no longer a whole life. */
const KINDS = [
  'chmod tmp',
  'link json',
  'link replaced',
  'mkdir folder',
  'open log',
  'open snapshot',
  'open tmp',
  'remove json',
  'remove replaced',
  'remove snapshot',
  'remove tmp',
  'rename to json',
  'rename to replaced',
  'rename to snapshot',
  'sync folder',
  'sync json',
  'sync log',
  'sync snapshot',
  'sync tmp',
  'write log',
  'write snapshot',
  'write tmp',
]

interface Life {
  readonly steps: readonly string[]
  readonly isOver: boolean
  /** The last actions that it began, ended, and had a person do; 0 if none. */
  readonly doing: number
  readonly done: number
  readonly edited: number
  /** It surely left half a record at the end of the journal. */
  readonly tears: boolean
  readonly title: string
}

/** The document whose file a person removed in a life that ended before that was taken in, if it did. */
function removalOf({ edited, done }: Life): Key | undefined {
  return edited > done ? SCRIPT[edited - 1]?.removes : undefined
}

/**
 * Lets a process play the script, or what is left of it, on a store; `missing` is a document whose file may
 * be missed.
 */
async function live(path: string, { step, share }: Kill, missing?: Key): Promise<Life> {
  const lines = await new Promise<string[]>((resolve, reject) => {
    execFile(
      process.execPath,
      [program.file, path, String(step), String(share)],
      { timeout: 30_000 },
      (error, stdout, stderr) => {
        if (stderr !== '' || (error && error.signal !== 'SIGKILL'))
          reject(new Error(`The process failed: ${stderr} ${error}`))
        else resolve(stdout.trim().split('\n'))
      },
    )
  })
  const last = (word: string) =>
    Number(lines.findLast(line => line.startsWith(`${word} `))?.split(' ')[1] ?? 0)
  const isExpected = (line: string) =>
    line.includes('JOURNAL_TORN') || (missing !== undefined && line.includes('FILE_MISSING'))
  expect(lines.filter(line => line.startsWith('report') && !isExpected(line))).toEqual([])
  const steps = lines.flatMap(line => /^step \d+ (.*)/.exec(line)?.[1] ?? [])
  const title = `killed ${share ? 'within' : 'before'} step ${step} (${steps.at(-1)})`
  const tears =
    share === 0.5 && /^write .*\.log$/.test(steps.at(-1) ?? '') && !steps.at(-2)?.startsWith('open journal')
  return {
    steps,
    tears,
    isOver: lines.at(-1) === 'end',
    doing: last('doing'),
    done: last('done'),
    edited: last('edited'),
    title,
  }
}

async function judge(path: string, lives: readonly Life[]): Promise<void> {
  const title = `seed ${SEED}, ${lives.map(life => life.title).join(', then ')}`
  const latest = (of: 'doing' | 'done' | 'edited') => Math.max(...lives.map(life => life[of]))
  const [doing, done] = [latest('doing'), latest('done')]
  const isEdit = doing > done && SCRIPT[doing - 1]?.edit !== undefined
  const isEdited = isEdit && latest('edited') === doing
  const removed = isEdited ? SCRIPT[doing - 1]?.removes : undefined
  const least = isEdited && !removed ? doing : done
  const most = isEdit && !isEdited ? done : Math.max(doing, done)
  // A removal that was not taken in is none: its document is kept.
  const missing = removed && { key: removed, before: doing }
  const problems = await judgeStore(path, title, revision => revision >= least && revision <= most, missing)
  // Another thread may have been in the middle of a write of its own at any kill.
  const unexpected = problems.filter(
    ({ code, key }) => code !== 'JOURNAL_TORN' && !(removed && code === 'FILE_MISSING' && key === removed),
  )
  expect(unexpected, title).toEqual([])
  const torn = problems.filter(({ code }) => code === 'JOURNAL_TORN')
  if (lives.at(-1)?.tears) expect(torn, title).toHaveLength(1)
}

function kindsOf(steps: readonly string[]): string[] {
  const kind = (path: string) =>
    path.includes('.snapshot') ? 'snapshot' : (/\.(\w+)$/.exec(path)?.[1] ?? 'folder')
  return [...new Set(steps.map(name => name.replace(/ [^ ]*$/, path => ` ${kind(path)}`)))].sort()
}

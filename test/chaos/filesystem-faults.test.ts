import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toSettingsError } from '../../model/errors.ts'
import { compileProgram, type Program } from './filesystem-compile.ts'
import { judgeFaults, leftovers, readLines } from './filesystem-fault-judge.ts'
import { compileFaultLibrary, type FaultLibrary, type Faults } from './filesystem-fault-library.ts'
import { inParallel, LONG, SEED } from './filesystem-sample.ts'
import { createRandom } from './random.ts'

/** What each call may be refused with. */
const ERRORS: Readonly<Record<string, readonly string[]>> = {
  chmod: ['EPERM', 'EIO'],
  chown: ['EPERM', 'EIO'],
  fsync: ['EIO', 'ENOSPC'],
  link: ['EPERM', 'EXDEV', 'EMLINK', 'EBUSY', 'ENOSPC', 'EIO', 'ENOTSUP'],
  mkdir: ['ENOSPC', 'EIO', 'EACCES'],
  open: ['EACCES', 'ENOSPC', 'EIO', 'EMFILE'],
  read: ['EACCES', 'EIO', 'EMFILE'],
  rename: ['EBUSY', 'EPERM', 'EXDEV', 'ENOSPC', 'EIO'],
  unlink: ['EBUSY', 'EPERM', 'EIO'],
  write: ['ENOSPC', 'EIO', 'EDQUOT'],
}
/**
 * Calls without which files are kept up to date all the same, and the errors that say that a file system
 * lacks them.
 */
const DISPENSABLE = new Set(['link', 'chmod EPERM', 'chown EPERM'])

interface Case {
  readonly name: string
  /** The first, second ... call of this name. */
  readonly number: number
  readonly error: string
  readonly lasts: boolean
  readonly after: boolean
  readonly end: 'close' | 'kill' | number
  /** A second process is refused all calls of that name, before one is refused none. */
  readonly again: boolean
}

let library: FaultLibrary
let program: Program
let folder = ''
beforeAll(async () => {
  ;[library, program] = await Promise.all([compileFaultLibrary(), compileProgram('filesystem-faulty')])
  folder = await mkdtemp(join(tmpdir(), 'kytos-faults-'))
})
afterAll(async () => {
  await Promise.all([library.remove(), program.remove()])
  await rm(folder, { recursive: true, force: true })
})

describe('A file system that refuses any call on readable files', () => {
  it('costs no acked commit and no edit, and nothing half-done is taken for a wish', {
    timeout: 3_600_000,
  }, async () => {
    const whole = await live(join(folder, 'whole'), '1', { end: 'close', patience: 10_000 })
    expect(whole.lines.at(-1)).toEqual(['end'])
    const reports = whole.lines.flatMap(([word, code]) =>
      word === 'report' || word === 'stale' ? [code] : [],
    )
    expect(reports).toEqual(['FILE_REJECTED', 'FILE_REJECTED'])
    const names = whole.calls.map(line => line.split(' ')[1] ?? '')
    expect([...new Set(names)].sort()).toEqual(Object.keys(ERRORS))
    await judgeFaults(join(folder, 'whole'), 'no fault', whole.lines)

    const random = createRandom(SEED)
    const all = names.flatMap((name, at) =>
      (ERRORS[name] ?? []).flatMap(error =>
        [true, false].flatMap(lasts => {
          const number = names.slice(0, at + 1).filter(each => each === name).length
          const after = error === 'EIO' && name !== 'open' && name !== 'read' && random.chance(0.5)
          const end = random.chance(0.4)
            ? 'close'
            : random.chance(0.5)
              ? 'kill'
              : at + 1 + random.between(1, 15)
          return [{ name, number, error, lasts, after, end, again: lasts && random.chance(0.3) } as const]
        }),
      ),
    )
    // CHAOS_CASE='{"name":"link",...}' plays one of them again.
    const { CHAOS_CASE } = process.env
    const cases: readonly Case[] = CHAOS_CASE === undefined ? pick(all) : [JSON.parse(CHAOS_CASE)]
    const failures: string[] = []
    await inParallel(cases, 8, each =>
      play(each).catch((error: Error) => {
        failures.push(error.message)
        console.log(error.message)
      }),
    )
    expect(
      failures.length,
      `${failures.map(text => text.split('\n')[0]).join('\n')}\n\n${failures.join('\n\n')}`,
    ).toBe(0)
    console.log(`${cases.length} of ${all.length} faults, ${names.length} calls, seed ${SEED}`)
  })
})

/** All cases, or some of each call's. */
function pick(all: readonly Case[]): readonly Case[] {
  if (LONG) return all
  const random = createRandom(SEED)
  return Object.keys(ERRORS).flatMap(name => {
    const count = name === 'link' || name === 'rename' ? 6 : 3
    const cases = all.filter(each => each.name === name)
    return Array.from({ length: count }, () => cases.splice(random.between(0, cases.length - 1), 1)).flat()
  })
}

async function play(each: Case): Promise<void> {
  const what = `seed ${SEED}, CHAOS_CASE='${JSON.stringify(each)}'`
  const { name, number, error, lasts, after } = each
  const path = join(folder, [name, number, error, lasts].join('-'))
  const errno = constants.errno[error as keyof typeof constants.errno]
  const end = each.end === 'close' ? 'close' : 'kill'
  const fault = { name, number, errno, lasts, after }
  const isDispensable = DISPENSABLE.has(name) || DISPENSABLE.has(`${name} ${error}`)
  // There it takes no longer than the machine does, and else what never comes is waited for.
  const patience = isDispensable ? 10_000 : 500
  const lives = [
    await live(path, '1', { fault, end, patience, ...(typeof each.end === 'number' && { kill: each.end }) }),
  ]
  if (each.again) lives.push(await live(path, '2', { fault: { ...fault, number: 1 }, end, patience }))
  const lines = lives.flatMap(({ lines }) => lines)
  try {
    await judgeFaults(path, what, lines)
    expect(await leftovers(path)).toEqual([])
    if (isDispensable) {
      const told = lines.filter(([word, code]) => word === 'stale' || code === 'FILE_UNWRITABLE')
      expect(told, 'not needed to keep files up to date').toEqual([])
    }
  } catch (cause) {
    const trace = lives.map(({ calls, lines }) =>
      [...calls.slice(-60), ...lines.map(line => JSON.stringify(line))].join('\n').replaceAll(path, ''),
    )
    throw new Error(`${what}: ${toSettingsError(cause).message}\n${trace.join('\n--\n')}`, { cause })
  }
  await rm(path, { recursive: true })
  for (const suffix of ['.alias', '.1.log', '.2.log']) await rm(path + suffix, { force: true })
}

/** Lets a process work on a store while its file system fails. */
async function live(path: string, life: string, faults: Omit<Faults, 'folder' | 'log'>) {
  await mkdir(path, { recursive: true })
  const alias = `${path}.alias`
  await symlink(path, alias).catch(() => {}) // of the first life
  const log = `${path}.${life}.log`
  const env = library.environment({ ...faults, folder: path, log })
  const output = await new Promise<string>((resolve, reject) => {
    execFile(
      process.execPath,
      [program.file, path, alias, life],
      { env, timeout: 60_000 },
      (error, stdout, stderr) => {
        if (stderr !== '' || (error && error.signal !== 'SIGKILL'))
          reject(new Error(`The process failed: ${stderr} ${error}`))
        else resolve(stdout)
      },
    )
  })
  return readLines(output, log)
}

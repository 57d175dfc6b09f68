import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { Json } from '../../model/value.ts'
import { readModule } from '../../src/import/python/module.ts'
import { findLines } from '../../src/import/python/syntax/lines.ts'
import { parsePython } from '../../src/import/python/syntax/parser.ts'
import { readSettingsPy } from '../../src/import/settings-py.ts'
import { createRandom, type Random } from '../chaos/random.ts'
import { writeFile } from './import-python-files.ts'
import { show, tidy } from './python-values.ts'

/** Further by hand: IMPORT_SEED=7 IMPORT_FILES=20000. */
const SEED = Number(process.env.IMPORT_SEED ?? 1)
const FILES = Number(process.env.IMPORT_FILES ?? 1_000)
const ENVIRONMENT = { KYTOS_SET: 'set' }

interface Answer {
  readonly refused?: number | null
  readonly raised?: string
  readonly values?: Readonly<Record<string, Json>>
}

/** What Python makes of each file, from one process. */
function askPython(files: readonly string[]): readonly Answer[] {
  const script = fileURLToPath(new URL('import-python.py', import.meta.url))
  const input = JSON.stringify(files.map(file => Buffer.from(file, 'utf8').toString('base64')))
  try {
    // The script prints one Answer for every file.
    return JSON.parse(
      execFileSync('python3', [script], { input, encoding: 'utf8', maxBuffer: 2 ** 30 }),
    ) as Answer[]
  } catch (cause) {
    throw new Error(
      'This test compares with python3, which did not run: install it (apt-get install python3).',
      { cause },
    )
  }
}

/** Our types of every name of a file that has a value. */
function ourValues(file: string): Map<string, Json> {
  const text = file.replaceAll(/\r\n?/g, '\n')
  const { bindings } = readModule(
    parsePython(text).script,
    text,
    findLines(text),
    name => ENVIRONMENT[name as 'KYTOS_SET'],
  )
  return new Map(
    [...bindings].flatMap(([name, binding]) =>
      binding.kind === 'value' ? [[name, show(binding.value)] as const] : [],
    ),
  )
}

test("each value of generated files of every construct equals Python's, type and bits, or is reported; files that Python rejects are rejected", () => {
  const files = Array.from({ length: FILES }, (_, i) => writeFile(createRandom(SEED * 1_000_003 + i)))
  const count = { values: 0, reported: 0, refused: 0, raised: 0 }
  const reasons = new Map<string, number>()
  askPython(files).forEach((answer, i) => {
    const file = files[i] ?? ''
    const ours = readSettingsPy(Buffer.from(file), { environment: ENVIRONMENT })
    if (answer.values === undefined) {
      count[answer.raised === undefined ? 'refused' : 'raised']++
      // A file that raises is not the settings of a NApp; its readable part is read.
      if (answer.raised === undefined)
        expect(ours, file).toMatchObject({ settings: [], problems: [expect.anything()] })
      return
    }
    const types = ourValues(file)
    const told = new Map(ours.settings.map(setting => [setting.name, setting]))
    for (const [name, theirs] of Object.entries(answer.values)) {
      if (told.has(name)) {
        count.values++
        expect(tidy(types.get(name)), `${name} in\n${file}`).toEqual(tidy(theirs))
      } else if (theirs !== null) {
        count.reported++
        const problem = ours.problems.find(one => one.name === name)
        expect(problem ?? ours.problems, `${name} is lost in\n${file}`).toMatchObject({
          name,
          line: expect.any(Number),
          message: expect.any(String),
        })
        reasons.set(
          problem?.message.replaceAll(/["\d].*/g, '') ?? '',
          (reasons.get(problem?.message.replaceAll(/["\d].*/g, '') ?? '') ?? 0) + 1,
        )
      }
    }
    const invented = [...told.keys()].filter(name => !Object.hasOwn(answer.values ?? {}, name))
    expect(invented, file).toEqual([])
  })
  if (process.env.IMPORT_FILES)
    console.log(count, new Map([...reasons].sort((a, b) => b[1] - a[1]).slice(0, 20)))
  expect(count.values).toBeGreaterThan(FILES * 2)
  // Names after what is not followed, infinities, dicts with keys of many types: a few.
  expect(count.reported).toBeLessThan(count.values / 5)
}, 60_000)

/** A file with one thing broken: a sign less, or more, or two lines exchanged. */
function damage(file: string, random: Random): string {
  const at = random.between(0, Math.max(0, file.length - 1))
  const lines = file.split('\n')
  const [a, b] = [random.between(0, lines.length - 1), random.between(0, lines.length - 1)]
  const signs = [
    '"',
    "'",
    '(',
    ')',
    '[',
    '}',
    ',',
    ':',
    '=',
    ' ',
    '\n',
    '\\',
    '0',
    '.',
    '#',
    'x',
    '+',
    '@',
    '\t',
    ' in ',
    ' = ',
    'print ',
    'if ',
    '*',
  ]
  return random.pick([
    () => file.slice(0, at) + file.slice(at + 1),
    () => file.slice(0, at) + random.pick(signs) + file.slice(at),
    () => file.slice(0, at),
    () => lines.with(a, lines[b] ?? '').join('\n'),
    () => lines.with(a, `  ${lines[a]}`).join('\n'),
  ])()
}

test('damaged files are refused where Python refuses them, read where it reads them, and no value of them is another than Python has', () => {
  const files = Array.from({ length: FILES / 2 }, (_, i) => {
    const random = createRandom(SEED * 7_000_003 + i)
    return damage(writeFile(random), random).toWellFormed()
  })
  const count = { refused: 0, missed: 0, read: 0, strict: 0 }
  askPython(files).forEach((answer, i) => {
    const file = files[i] ?? ''
    const ours = readSettingsPy(Buffer.from(file), { environment: ENVIRONMENT })
    if (answer.raised !== undefined) return
    if (answer.values === undefined) {
      count.refused++
      if (ours.schema !== undefined) {
        count.missed++
        if (process.env.IMPORT_FILES) console.log('MISSED', JSON.stringify(answer), file)
      }
      return
    }
    count.read++
    if (ours.schema === undefined) {
      count.strict++
      if (process.env.IMPORT_FILES) console.log('STRICT', ours.problems, file)
      return
    }
    const types = ourValues(file)
    for (const { name } of ours.settings)
      expect(tidy(types.get(name)), `${name} in\n${file}`).toEqual(tidy(answer.values[name]))
  })
  if (process.env.IMPORT_FILES) console.log(count)
  expect(count.strict).toBe(0)
  // The grammar is laxer than Python; files that only it accepts are rare.
  expect(count.missed).toBeLessThanOrEqual(count.refused / 100)
  expect(count.refused).toBeGreaterThan(FILES / 10)
  expect(count.read).toBeGreaterThan(FILES / 10)
}, 60_000)

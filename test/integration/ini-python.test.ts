import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isSettingsError } from '../../model/errors.ts'
import { parseIni, readIni } from '../../src/boot/ini.ts'
import { hostileFile, tidyFile } from './ini-files.ts'
import { KYTOS_CONF } from './ini-kytos-conf.ts'

/** Another seed by hand: INI_SEED=7 INI_FILES=20000. */
const SEED = Number(process.env.INI_SEED ?? 2)
const FILES = Number(process.env.INI_FILES ?? 400)

type Answer =
  | { readonly refused: string }
  | { readonly sections: readonly (readonly [string, readonly (readonly [string, string | null])[]])[] }

/** What Python's ConfigParser() makes of each text, from one process. */
function askPython(texts: readonly string[]): readonly Answer[] {
  const script = fileURLToPath(new URL('ini-configparser.py', import.meta.url))
  const input = JSON.stringify(texts.map(text => Buffer.from(text, 'utf8').toString('base64')))
  try {
    // The script prints one Answer for every text.
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

/** Our reading in Python's words: refused where lines are, null for a value that is. */
function askOurselves(text: string): Answer {
  const { sections, problems } = readIni(text)
  if (problems.some(problem => problem.key === undefined)) return { refused: 'lines' }
  return {
    sections: [...sections].map(([name, options]) => {
      const values = [...options].map(([key, { value }]) => [key, value] as const)
      const refused = problems
        .filter(problem => problem.section === name)
        .map(({ key = '' }) => [key, null] as const)
      return [name, [...values, ...refused]] as const
    }),
  }
}

/**
 * The answer as one text: sections in the order of the file, options sorted, because a refused one has no
 * place among ours.
 */
function show(answer: Answer): string {
  if ('refused' in answer) return 'refused'
  return answer.sections
    .map(([name, options]) =>
      [JSON.stringify([name]), ...options.map(option => JSON.stringify(option)).sort()].join('\n'),
    )
    .join('\n')
}

interface Count {
  readonly whole: number
  readonly partly: number
  readonly refused: number
}

/** Compares every text, and counts those that Python read as a whole, without some values, and not at all. */
function compare(texts: readonly string[]): Count {
  const count = { whole: 0, partly: 0, refused: 0 }
  const answers = askPython(texts)
  expect(answers).toHaveLength(texts.length)
  for (const [i, answer] of answers.entries()) {
    const text = texts[i] ?? ''
    const kind = 'refused' in answer ? 'refused' : hasRefusedValue(answer) ? 'partly' : 'whole'
    count[kind]++
    expect(show(askOurselves(text)), JSON.stringify(text)).toBe(show(answer))
    expect(refuses(text), JSON.stringify(text)).toBe(kind !== 'whole')
  }
  return count
}

function hasRefusedValue(answer: Answer): boolean {
  return (
    'sections' in answer && answer.sections.some(([, options]) => options.some(([, value]) => value === null))
  )
}

function refuses(text: string): boolean {
  try {
    parseIni(text, 'kytos.ini')
    return false
  } catch (error) {
    if (isSettingsError(error, 'CONFIG_INVALID')) return true
    throw error
  }
}

test('hostile files are read, or refused, as Python does', () => {
  const { whole, partly, refused } = compare(fc.sample(hostileFile, { numRuns: FILES, seed: SEED }))
  expect(refused).toBeGreaterThan(FILES / 10)
  expect(whole + partly).toBeGreaterThan(FILES / 10)
}, 600_000)

test('files that Python reads have the same values, for any content', () => {
  const { whole, partly, refused } = compare(fc.sample(tidyFile, { numRuns: FILES, seed: SEED }))
  expect(whole).toBeGreaterThan(FILES / 4)
  expect(partly).toBeGreaterThan(FILES / 10)
  expect(refused).toBeLessThan(FILES / 4)
}, 600_000)

test('references nest as deep as in Python, and no deeper', () => {
  const chain = (length: number, end: string): string =>
    `[a]\n${Array.from({ length }, (_, i) => `k${i} = <%(k${i + 1})s>`).join('\n')}\nk${length} = ${end}\n`
  const lengths = [8, 9, 10, 11, 12]
  expect(compare(lengths.flatMap(length => [chain(length, 'end'), chain(length, '%%')]))).toEqual({
    whole: 5,
    partly: 5,
    refused: 0,
  })
  expect(
    compare(['[a]\nx = %(x)s', '[a]\nx = %(y)s\ny = %(X)s', '[DEFAULT]\nx = %(y)s\n[a]\ny = 1\n[b]']),
  ).toEqual({
    whole: 0,
    partly: 3,
    refused: 0,
  })
})

test('[DEFAULT] may be spread over the file, its options may not be repeated', () => {
  const spread = '[DEFAULT]\nx = 1\n[a]\nx = 2\n[DEFAULT]\ny = %(x)s\n[b]\n'
  expect(compare([spread, `${spread}[DEFAULT]\nX = 3`, '[DEFAULT]\nx = 1', ''])).toEqual({
    whole: 3,
    partly: 0,
    refused: 1,
  })
})

test('a kytos.conf with every option of Kytos is read as Python reads it', () => {
  expect(
    compare([KYTOS_CONF, KYTOS_CONF.replaceAll('\n', '\r\n'), KYTOS_CONF.replaceAll('\n', '\r')]),
  ).toEqual({ whole: 3, partly: 0, refused: 0 })
  const daemon = parseIni(KYTOS_CONF, 'kytos.conf').get('daemon')
  expect(daemon?.get('installed_napps')?.value).toBe('/var/lib/kytos/napps/.installed')
  expect(daemon?.get('log_format')?.value).toBe(
    '%(asctime)s - %(levelname)s [%(name)s] %(message)s ; 100% # of it',
  )
  expect(JSON.parse(daemon?.get('napps_pre_installed')?.value ?? '')).toEqual([
    'kytos/of_core',
    'kytos/of_lldp',
    'kytos/settings',
  ])
})

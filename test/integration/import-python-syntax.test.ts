import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { Json } from '../../model/value.ts'
import { readModule } from '../../src/import/python/module.ts'
import { findLines } from '../../src/import/python/syntax/lines.ts'
import { parsePython } from '../../src/import/python/syntax/parser.ts'
import { decodeSource } from '../../src/import/python/syntax/source-text.ts'
import { show, tidy } from './python-values.ts'

/** `npm test` takes a sample; the script beside .ci/run takes all, with a folder of installed packages. */
const EVERY = Number(process.env.PYTHON_SYNTAX_EVERY ?? 40)
const PYTHON = process.env.PYTHON_SYNTAX_PYTHON ?? 'python3'

interface Verdict {
  readonly refused?: string
  readonly names?: readonly string[]
  readonly literals?: Readonly<Record<string, Json>>
}

/** Python's own checks of a whole file that are not syntax, as in test/unit/import/python-syntax.test.ts. */
const ALSO_READ =
  /__future__|not a chance|future feature|nonlocal|global declaration|unreachable|unknown Unicode|'await' outside/

function pythonFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.py'))
    .map(entry => join(entry.parentPath, entry.name))
    .sort()
}

function askPython(files: readonly string[]): readonly Verdict[] {
  const script = fileURLToPath(new URL('import-python-syntax.py', import.meta.url))
  const printed = execFileSync(PYTHON, [script], {
    input: files.map(file => `${file}\n`).join(''),
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  // The script prints one Verdict a line.
  return printed
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Verdict)
}

/** Where the import reads a file otherwise than Python; undefined where it does not. */
function compare(file: string, { refused, names = [], literals = {} }: Verdict): string | undefined {
  const decoded = decodeSource(readFileSync(file))
  if ('reason' in decoded || decoded.text.includes('\0')) {
    const isUnknown = 'reason' in decoded && /^its encoding/.test(decoded.reason)
    return refused !== undefined || isUnknown ? undefined : `${file}: not decoded`
  }
  const { text } = decoded
  try {
    const { bindings } = readModule(parsePython(text).script, text, findLines(text), () => undefined)
    if (refused !== undefined)
      return ALSO_READ.test(refused) ? undefined : `${file}: read, but Python refuses: ${refused}`
    for (const name of names) {
      const binding = bindings.get(name)
      if (!binding && !text.includes('del ')) return `${file}: ${name} is lost`
      if (binding?.kind !== 'value' || literals[name] === undefined) continue
      const [ours, theirs] = [tidy(show(binding.value)), tidy(literals[name])]
      if (JSON.stringify(ours) !== JSON.stringify(theirs))
        return `${file}: ${name} is ${JSON.stringify(ours)}`
      values++
    }
    return undefined
  } catch (error) {
    return refused === undefined ? `${file}: refused: ${error}` : undefined
  }
}
let values = 0

test('the import reads what Python compiles and refuses what it refuses, over the standard library and installed packages', () => {
  const library = execFileSync(PYTHON, ['-c', 'import sysconfig; print(sysconfig.get_paths()["stdlib"])'], {
    encoding: 'utf8',
  })
  const extra = process.env.PYTHON_SYNTAX_FOLDER
  const installed = extra === undefined ? [] : pythonFiles(extra)
  const files = pythonFiles(library.trim())
    .filter(file => !file.includes('-packages/'))
    .concat(installed)
    .filter((_, i) => i % EVERY === 0)
  const verdicts = askPython(files)
  expect(verdicts).toHaveLength(files.length)
  expect(files.length).toBeGreaterThan(1_000 / EVERY)
  const wrong = files.flatMap((file, i) => compare(file, verdicts[i] ?? {}) ?? [])
  if (extra !== undefined || EVERY === 1) console.log(`${files.length} files, ${values} values of literals`)
  expect(wrong).toEqual([])
  expect(values).toBeGreaterThan(files.length / 4)
}, 1_800_000)

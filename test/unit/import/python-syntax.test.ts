import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readModule } from '../../../src/import/python/module.ts'
import { findLines } from '../../../src/import/python/syntax/lines.ts'
import { parsePython } from '../../../src/import/python/syntax/parser.ts'
import { readSettingsPy } from '../../../src/import/settings-py.ts'

/** Source texts, each with the versions of CPython from 3.6 to 3.13 whose `compile()` accepted it. */
const CONSTRUCTS = JSON.parse(
  readFileSync(new URL('python-constructs.json', import.meta.url), 'utf8'),
) as readonly (readonly [text: string, versions: string])[] // The file has this form.

/** What no CPython compiles although its grammar has it; the import reads it, and no value of it is another. */
const ALSO_READ: ReadonlySet<string> = new Set([
  'def f():\n nonlocal x',
  'x=1\nglobal x',
  'def f(x):\n global x',
  'match x:\n case _: pass\n case 1: pass',
  'match x:\n case a | b: pass',
  'class A[T: int = str, *Ts, **P](B, metaclass=C): pass',
  'from __future__ import braces',
  'x=1\nfrom __future__ import division',
  'def f():\n await x',
  '[x async for x in y]',
  "'\\N{foo}'",
])

const read = (text: string) => readSettingsPy(Buffer.from(text))
const values = (text: string) =>
  Object.fromEntries(read(text).settings.map(({ name, value }) => [name, value]))

describe('the parser of Python', () => {
  it('accepts what any CPython from 3.6 to 3.13 compiles, and rejects what none does', () => {
    const wrong = CONSTRUCTS.filter(([text, versions]) => {
      const isRead = read(text).schema !== undefined
      return isRead !== (versions !== '' || ALSO_READ.has(text))
    })
    expect(wrong).toEqual([])
    expect(CONSTRUCTS.length).toBeGreaterThan(350)
  })

  it('reads long files: no number of lines, empty lines, operators or members is too many', () => {
    expect(read('\nA0 = 1\n'.repeat(513)).problems).toEqual([])
    const lines = Array.from({ length: 10_000 }, (_, i) => `A${i} = ${i}\n`).join('')
    expect(read(lines).settings).toHaveLength(10_000)
    expect(values(`A = ${'1 + '.repeat(2_900)}1`)).toEqual({ A: 2_901 })
    expect(values(`A = "" ${'+ "x" '.repeat(1_000)}`)).toEqual({ A: 'x'.repeat(1_000) })
    expect(values(`A = [${'1, '.repeat(10_000)}]`)).toEqual({ A: new Array(10_000).fill(1) })
    expect(values(`A = ${'('.repeat(199)}1${')'.repeat(199)}`)).toEqual({ A: 1 })
  })

  it('reads a continuation in a comment, and one before a comment', () => {
    expect(values('URL = "a"\n# URL = A + \\\n#   B\nC = 1\nD = 2 + \\\n  3\nE = 4 \\\n# E\nF = 5')).toEqual({
      URL: 'a',
      C: 1,
      D: 5,
      E: 4,
      F: 5,
    })
  })

  it('reads f-strings with the quotes, fields and braces of every version', () => {
    expect(
      values(
        'B = "b"\nA = f"{{{B}}}" f\'{"x" + f"{B}"}\' rf"\\{B}" f"\\{B}" f"\\x7b\\x7b" f"{B!s}\\n"\nC = f"{B}{{B}}"',
      ),
    ).toEqual({ B: 'b', A: '{b}xb\\b\\b{{b\n', C: 'b{B}' })
  })

  it('knows every name that a statement may bind', () => {
    const { settings, problems } = read(
      'A = B = C = D = E = F = G = 1\nmatch A:\n  case {"x": [B, *C], **D}: pass\n  case str(E) as F: pass\ntype G = int\nH = 2\n',
    )
    expect(settings.map(({ name }) => name)).toEqual(['A', 'H'])
    expect(problems.map(({ name }) => name)).toEqual(['B', 'C', 'D', 'E', 'F', 'G'])
  })

  it('decodes a file as its first lines declare', () => {
    const file = (head: string, text: string, encoding: BufferEncoding = 'latin1') =>
      readSettingsPy(Buffer.concat([Buffer.from(head), Buffer.from(text, encoding)]))
    expect(file('# -*- coding: latin-1 -*-\n', 'A = "\xe9\x80"').settings).toMatchObject([
      { value: '\xe9\x80' },
    ])
    expect(
      file('#!/usr/bin/python\n# vim: set fileencoding=koi8-r :\n', 'A = "\xc1"').settings,
    ).toMatchObject([{ value: 'а' }])
    expect(file('# coding: ascii\n', 'A = 1').settings).toHaveLength(1)
    expect(file('A = 1\n# coding: latin-1\n', 'B = "\xe9"').problems).toMatchObject([
      { message: expect.stringContaining('UTF-8') },
    ])
    for (const [head, text] of [
      ['# coding: shift_jis\n', 'A = "\x83\x5c"'],
      ['# coding: ascii\n', 'A = "\xe9"'],
      ['\ufeff# coding: latin-1\n', 'A = 1'],
    ] as const)
      expect(file(head, text).problems).toEqual([{ message: expect.stringContaining('encoding') }])
  })

  it('takes time in proportion to the file, whatever it repeats', () => {
    const parts = [
      'match x:\n case y:\n  pass\n',
      'with (a as b, c):\n pass\n',
      'f"{a}"',
      'x: int = 1\n',
      '\\\n',
      '# c\\\n',
      "'''",
      'A = {1: [(',
      '{{',
      'f"{"',
    ]
    for (const part of parts) {
      const text = part.repeat(Math.floor(250_000 / part.length))
      const before = process.cpuUsage()
      read(text)
      const { user, system } = process.cpuUsage(before)
      expect((user + system) / 1e6, part).toBeLessThan(5)
    }
  }, 60_000)
})

it('the tree of a module has each statement once, in order, with its place', () => {
  const text = 'A = 1; B = 2\nif A:\n  C = 3\n# end\n'
  const { script, comments } = parsePython(text)
  expect(script.children.map(({ name, from, to }) => [name, text.slice(from, to)])).toEqual([
    ['StatementGroup', 'A = 1; B = 2'],
    ['IfStatement', 'if A:\n  C = 3'],
  ])
  expect(comments).toEqual([{ from: text.indexOf('#'), to: text.length - 1 }])
  const { bindings } = readModule(script, text, findLines(text), () => undefined)
  expect([...bindings].map(([name, { kind }]) => [name, kind])).toEqual([
    ['A', 'value'],
    ['B', 'value'],
    ['C', 'unknown'],
  ])
})

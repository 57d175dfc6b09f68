import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isSettingsError } from '../../../model/errors.ts'
import { parseIni, readIni } from '../../../src/boot/ini.ts'

const value = (text: string, section = 'a', key = 'k'): string | undefined =>
  parseIni(text, 'kytos.ini').get(section)?.get(key)?.value

/** The message and details of the refusal. */
function refusal(text: string): { readonly message: string; readonly lines: readonly unknown[] } {
  try {
    parseIni(text, 'etc/kytos.ini')
  } catch (error) {
    if (!isSettingsError(error, 'CONFIG_INVALID')) throw error
    const problems = error.details.problems as readonly { line: number | null }[]
    return { message: error.message, lines: problems.map(({ line }) => line) }
  }
  throw new Error('the text was not refused')
}

test('text that other parsers cut, convert or nest stays as it was written', () => {
  for (const text of [
    'b ; c',
    'a#b',
    '"quoted"',
    "'quoted'",
    'true',
    'null',
    '\\;',
    '["x"]',
    '__proto__',
    'http://h:1/?a=b',
    'x\u2028x',
    'é\u{1f600}',
  ]) {
    expect(value(`[a]\nk = ${text}`)).toBe(text)
  }
  const sections = parseIni(
    '[settings.etcd]\nx[] = 1\n__proto__ = 2\n[settings]\n10 = b\n2 = a\n[__proto__]\ny = 3',
    'kytos.ini',
  )
  expect([...sections.keys()]).toEqual(['settings.etcd', 'settings', '__proto__'])
  expect([...(sections.get('settings.etcd')?.keys() ?? [])]).toEqual(['x[]', '__proto__'])
  expect([...(sections.get('settings')?.keys() ?? [])]).toEqual(['10', '2'])
})

test('a value continues over indented and blank lines, and a comment inside it is removed', () => {
  expect(value('[a]\nk = ["x",\n  # why\n\n    "y"]\n\n\nl = 1')).toBe('["x",\n\n"y"]')
  expect(value('[a]\r\n  k = 1\r\n  l = 2\r\n   3', 'a', 'l')).toBe('2\n3')
  expect(value('[a]\nK: 1')).toBe('1')
})

test('every option knows its line and whether it comes from [DEFAULT]', () => {
  const options = parseIni('[DEFAULT]\nbase = /x\n[a]\n\nk = %(base)s/y\n  z\nl = 50%%', 'kytos.ini').get('a')
  expect(options?.get('k')).toEqual({ value: '/x/y\nz', line: 5, inherited: false })
  expect(options?.get('base')).toEqual({ value: '/x', line: 2, inherited: true })
  expect(options?.get('l')?.value).toBe('50%')
})

test('all problems are reported at once, each with file, line and remedy', () => {
  const { message, lines } = refusal(
    'k = 1\nl = 2\n[a]\nk = 1\nnonsense\nK = 2\n= 3\n[a]\np = 100%\nq = %(nope)s\nr = %(r)s\n',
  )
  expect(lines).toEqual([1, 5, 6, 7, 8, 9, 10, 11])
  expect(message).toMatchInlineSnapshot(`
    "etc/kytos.ini: 8 problems:
      etc/kytos.ini:1: "k = 1" precedes the first section. Add a header such as [daemon] above it.
      etc/kytos.ini:5: "nonsense" is neither "key = value" nor a [section]. Indent the continuation lines of a value; start a comment line with "#" or ";".
      etc/kytos.ini:6: "k" in [a] is a duplicate of line 4. Remove one of them (keys are case-insensitive).
      etc/kytos.ini:7: "= 3" has no key before "=". Write "key = value".
      etc/kytos.ini:8: the section [a] is a duplicate of line 3. Merge both sections.
      etc/kytos.ini:9: [a] "p": "%" is invalid. Write a percent sign as %%, and a reference as %(name)s.
      etc/kytos.ini:10: [a] "q": "%(nope)s" is not an option of this section or of [DEFAULT]. Write a percent sign as %%.
      etc/kytos.ini:11: [a] "r": its %(name)s references nest deeper than 10 levels. Check for a cycle."
  `)
})

test('a byte order mark is named, because Kytos would not start on it either', () => {
  expect(refusal('\ufeff[a]\nk = 1').message).toBe(
    'etc/kytos.ini:1: the file starts with a byte order mark, which Kytos cannot read. Save it as UTF-8 without one.',
  )
})

test('references that unfold without end are refused instead of followed', () => {
  const levels = Array.from({ length: 9 }, (_, i) => `k${i} = ${`%(k${i + 1})s`.repeat(50)}`)
  expect(refusal(`[a]\n${levels.join('\n')}\nk9 = %%`).message).toContain('expand to more than 100000 parts')
})

test('any text at all is read or refused, never anything else, and quickly', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), text => {
      expect(readIni(`[a]\n${text}`).sections).toBeInstanceOf(Map)
    }),
    { numRuns: 300 },
  )
  expect(value(`[a]\nk = ${' '.repeat(100_000)}x${'\t'.repeat(100_000)}`)).toBe('x')
})

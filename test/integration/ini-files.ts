import fc from 'fast-check'

/** White space to Python, to JavaScript, to both, to neither. */
const SPACES = [
  '',
  ' ',
  '  ',
  '\t',
  '    ',
  '\u00a0',
  '\u001f',
  '\u0085',
  '\u2003',
  '\u2028',
  '\u2029',
  '\ufeff',
  '\f',
  '\v',
  '\u200b',
]

const NAMES = [
  'a',
  'b',
  'c',
  'Key',
  'key',
  'KEY',
  'a b',
  'a.b',
  'x[]',
  'true',
  'null',
  '10',
  '2',
  '__proto__',
  'constructor',
  'toString',
  '"q"',
  "'q'",
  'k;c',
  'k#c',
  'k\\;',
  'ÄÖ',
  'ΣΑΣ',
  'İ',
  '[k',
  'k]',
  '%',
  '%(a)s',
  '\u2028k',
  'http',
  '日本',
]

const SECTIONS = [
  'DEFAULT',
  'daemon',
  'settings',
  'settings.etcd',
  'settings.filesystem',
  'Settings',
  'default',
  ' daemon ',
  'a]b',
  '[x]',
  'a.b.c',
  'a\\.b',
  '__proto__',
  'constructor',
  '10',
  '2',
  '"q"',
  "'q'",
  'a;b',
  'a#b',
  'a=b',
  'a:b',
  'é',
  'true',
  '\u2028',
  '%(a)s',
  '\u0000',
]

const VALUES = [
  '',
  'plain',
  'true',
  'false',
  'null',
  'True',
  '1e3',
  '%%',
  '%%(a)s',
  '%(a)s',
  '%(B)s',
  '%(key)s',
  '%(__proto__)s',
  '%(nowhere)s',
  '%(10)s',
  '%',
  '%(a',
  '%()s',
  '%(a)d',
  '% (a)s',
  '%(a b)s',
  ';',
  '#',
  ' ; comment?',
  ' # comment?',
  '"',
  "'",
  '"quoted"',
  "'quoted'",
  '"a" "b"',
  '\\',
  '\\;',
  '\\n',
  '\\u0041',
  '[]',
  '[section]',
  '["a", "b"]',
  '{"a": [1, 2]}',
  '[1,',
  ']',
  '=',
  ':',
  'a = b',
  'http://h:1/?q=1;2#3',
  '{{ prefix }}',
  '__proto__',
  'é',
  '\u{1f600}',
  '\u0000',
  '$x',
  '日本語',
  '-1',
  '.',
]

const text = (pool: readonly string[]) => fc.constantFrom(...pool)
const space = text(SPACES)
const plainSpace = text(['', ' ', '  ', '\t'])
const value = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .array(fc.oneof(text(VALUES), plainSpace, space), { maxLength: 4 })
      .map(parts => parts.join('')),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 12 }).map(oneLine) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }).map(oneLine) },
)
const delimiter = text(['=', ':', ' = ', ': ', ' : ', '==', ':=', '\t=\t'])
const comment = fc.tuple(space, text(['#', ';']), value).map(parts => parts.join(''))
const blank = fc.oneof(fc.constant(''), space)
const newline = text(['\n', '\n', '\n', '\r\n', '\r'])

/** Well-formed, and no line break that would cut the line in two. */
function oneLine(line: string): string {
  return line.toWellFormed().replace(/[\r\n]/g, ' ')
}

const hostileLine = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(plainSpace, text(NAMES), delimiter, value).map(parts => parts.join('')) },
  { weight: 2, arbitrary: fc.tuple(space, text(NAMES), delimiter, value).map(parts => parts.join('')) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(space, fc.constant('['), text(SECTIONS), fc.constant(']'), text(['', '', ' ', 'x', ' ; c']))
      .map(parts => parts.join('')),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(text(['  ', '\t', '      ', '\u00a0 ']), value).map(parts => parts.join('')),
  },
  { weight: 2, arbitrary: comment },
  { weight: 2, arbitrary: blank },
  { weight: 1, arbitrary: fc.oneof(value, text(['[', ']', '[]', '[]=x', '= x', ': x', 'bare'])) },
)

/** Anything a keyboard, a template or an enemy may leave behind; Python refuses many. */
export const hostileFile = fc
  .tuple(
    text(['[daemon]', '[DEFAULT]', '[settings.etcd]', '', '\ufeff[daemon]']),
    fc.array(hostileLine, { maxLength: 8 }),
    newline,
    text(['', '\n']),
  )
  .map(([head, lines, end, last]) => [head, ...lines].join(end) + last)

const tidyOption = fc
  .tuple(
    text(NAMES.filter(name => !/^[[\u2028]/.test(name))),
    delimiter,
    value,
    fc.array(fc.oneof(value, blank, comment), { maxLength: 3 }),
  )
  .map(([name, sign, first, more]) => ({
    name: name.toLowerCase(),
    lines: [`${name}${sign}${first}`, ...more.map(line => `    ${line}`)],
  }))
const tidySection = fc
  .tuple(text(SECTIONS), fc.uniqueArray(tidyOption, { maxLength: 6, selector: option => option.name }))
  .map(([name, options]) => ({ name, lines: [`[${name}]`, ...options.flatMap(option => option.lines)] }))

/** Hostile names and values in a form that Python accepts: no name twice, every further line indented. */
export const tidyFile = fc
  .tuple(
    fc.uniqueArray(tidySection, { minLength: 1, maxLength: 4, selector: section => section.name }),
    newline,
  )
  .map(([sections, end]) => `${sections.flatMap(section => section.lines).join(end)}${end}`)

import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'
import { docsOf, isDeclared, proseOf, scan, textsOf } from '../support/texts.ts'
import { findWords, SENTENCE_WORDS, WORD_RULES } from '../support/word-rules.ts'

/*
 * Texts for people keep the rules of word-rules.ts, without exception: README, docs, CHANGELOG, messages and
 * the comments of public names. So do all comments, except in the files of UNCHECKED.
 */

const ROOT = join(import.meta.dirname, '../..')
const MESSAGE_FOLDERS = ['backends', 'events', 'examples', 'model', 'napps', 'scripts', 'src']
const COLUMNS = 110
/** Files and folders whose comments still break a rule. This list only shrinks. */
const UNCHECKED = [
  'backends/backend.ts',
  'backends/may-repeat.ts',
  'backends/etcd',
  'backends/filesystem',
  'backends/memory',
  'events',
  'model',
  'scripts',
  'src/cli/service/event-lines.ts',
  'src/import',
  'src/log',
  'src/settings',
  'src/state',
  'src/tokens',
  'src/transfer',
  'src/watcher',
]

const read = (file: string): Promise<string> => readFile(join(ROOT, file), 'utf8')

async function filesBelow(folder: string, names: RegExp): Promise<readonly string[]> {
  const entries = await readdir(join(ROOT, folder), { recursive: true, withFileTypes: true })
  const files = entries
    .filter(entry => entry.isFile() && names.test(entry.name))
    .map(entry => join(entry.parentPath, entry.name))
  return files.map(file => relative(ROOT, file)).sort()
}

const sources = await Promise.all(
  (await Promise.all(MESSAGE_FOLDERS.map(folder => filesBelow(folder, /(?<!\.d)\.(?:ts|mjs)$/))))
    .flat()
    .map(async file => ({ file, text: await read(file) })),
)
const pages = ['README.md', 'CHANGELOG.md', ...(await filesBelow('docs', /\.md$/))]

interface TextAt {
  readonly text: string
  readonly line: number
}

function isIn(path: string, file: string): boolean {
  return file === path || file.startsWith(`${path}/`)
}

/** The exports of src/public.ts: each name with the file that declares it. */
async function publicNames(): Promise<readonly { readonly name: string; readonly file: string }[]> {
  const text = await read('src/public.ts')
  const names = [...text.matchAll(/^export (?:type )?\{([^}]*)\} from '([^']+)'/gm)].flatMap(
    ([, list = '', from = '']) =>
      list
        .split(',')
        .map(name => name.trim().replace(/^type /, ''))
        .filter(name => name !== '')
        .map(name => ({ name, file: join('src', from) })),
  )
  return Promise.all(names.map(async ({ name, file }) => ({ name, file: await declaringFile(name, file) })))
}

/** The file itself, or the one of its `export * from` that declares the name. */
async function declaringFile(name: string, file: string): Promise<string> {
  const text = await read(file)
  if (isDeclared(text, name)) return file
  for (const [, from = ''] of text.matchAll(/^export (?:type )?\* from '([^']+)'/gm)) {
    const other = join(dirname(file), from)
    if (isDeclared(await read(other), name)) return other
  }
  throw new Error(`${file} does not export ${name}`)
}

/** The findings in some texts of a file, each with its place, its rule and the words to use instead. */
function findIn(file: string, texts: readonly TextAt[]): readonly string[] {
  return texts.flatMap(({ text, line }) =>
    findWords(text).map(
      ({ rule, match, instead }) => `${file}, text from line ${line}, ${rule}: ${match} -> ${instead}`,
    ),
  )
}

describe('the words of the code', () => {
  it('break no rule in messages', () => {
    expect(sources.flatMap(({ file, text }) => findIn(file, textsOf(text)))).toEqual([])
  })

  it('break no rule in the comments of public names', async () => {
    const docs = await Promise.all(
      (await publicNames()).map(async ({ name, file }) => findIn(file, docsOf(await read(file), name))),
    )
    expect(docs.flat()).toEqual([])
  })

  it('break no rule in comments, except in unchecked files', () => {
    const checked = sources.filter(({ file }) => !UNCHECKED.some(path => isIn(path, file)))
    expect(checked.length).toBeGreaterThan(100)
    expect(checked.flatMap(({ file, text }) => findIn(file, scan(text).allComments))).toEqual([])
  })

  it.each(UNCHECKED)('break a rule in comments of %s, which is otherwise removed from the list', path => {
    const unchecked = sources.filter(({ file }) => isIn(path, file))
    expect(unchecked.flatMap(({ file, text }) => findIn(file, scan(text).allComments))).not.toEqual([])
  })
})

describe('the words of the documentation', () => {
  /** Tables repeat texts of the code, and other tests compare them: such a text is judged as a message. */
  const literals = new Set(sources.flatMap(({ text }) => textsOf(text).map(literal => literal.text)))

  it.each(pages)('%s breaks no rule', async page => {
    const prose = proseOf(await read(page)).filter(({ raw }) => !literals.has(raw))
    expect(prose.length).toBeGreaterThan(10)
    expect(findIn(page, prose)).toEqual([])
  })

  it.each(pages)(`%s has lines of at most ${COLUMNS} columns, except tables and commands`, async page => {
    const lines = (await read(page)).replaceAll(/^```.*?^```$/gms, '').split('\n')
    expect(lines.filter(line => line.length > COLUMNS && !line.startsWith('|'))).toEqual([])
  })

  it('examples of kytos.ini and descriptions of packages break no rule', async () => {
    const inis = ['kytos.example.ini', ...(await filesBelow('examples', /\.ini$/))]
    const comments = await Promise.all(
      inis.map(async file =>
        [...(await read(file)).matchAll(/^(?:[#;].*\n)+/gm)].map(([block]) =>
          block.replaceAll(/^[#;] ?/gm, ''),
        ),
      ),
    )
    const manifests = [
      'package.json',
      'napp.json',
      ...(await filesBelow('napps', /\.json$/)),
      ...(await filesBelow('examples', /\.json$/)),
    ]
    const descriptions = await Promise.all(
      manifests.map(async file => String(JSON.parse(await read(file)).description)),
    )
    const texts = [...comments.flat(), ...descriptions]
    expect(texts.length).toBeGreaterThan(8)
    expect(texts.flatMap(findWords)).toEqual([])
  })
})

describe('the rules', () => {
  const BROKEN: Readonly<Record<string, readonly string[]>> = {
    'who as a subject': [
      'Who may write has a token.',
      'The store and who reads it.',
      'Refused: who asks gets 403.',
      'whoever reads',
    ],
    'what as a subject': [
      'What counted before is kept.',
      'It is stored: what fails is logged.',
      'Whatever it returns counts.',
    ],
    'nobody, somebody': ['It is read by nobody.', 'somebody else was first', 'Everybody may read it.'],
    tell: ['The doctor tells it.', 'a change that was never told'],
    say: ['as the file says', 'It is said above.'],
    hear: ['It was heard once.', 'no NApp hears of it'],
    mend: ['Mend the client.', 'counted and mended'],
    stand: ['It stands in the file.', 'as it stood'],
    'go on': ['the others go on', 'it goes on to count'],
    give: ['It gives a function.', 'one that gave none'],
    'come in': ['Tokens come in here.', 'the edit is taken in', 'lets others in'],
    'try again': ['Try again in 5 s.', 'tries it again'],
    anew: ['made anew'],
    'for ever': ['kept for ever', 'kept forever'],
    'all the same': ['It counts all the same.'],
    'but for': ['all but for times'],
    'good for nothing': ['a token that was good for nothing'],
    'by hand of': ['by hand of an operator'],
    'that which': ['that which is new', 'those who read', 'a token of ours'],
    vouch: ['nobody vouches for it'],
    'hand out': ['events are handed out', 'hands over the schema'],
    door: ['the door of the service'],
    house: ['the rooms of the house', 'three wings'],
    courtesy: ['a courtesy to others'],
    farewell: ['ends streams with a word'],
    'line as a connection': ['when the line went down', 'a slow line'],
    'under way': ['a write under way'],
    'of that kind': ['if there is none', 'the settings that there are'],
    'a long sentence': [`${'word '.repeat(SENTENCE_WORDS)}more.`],
  }

  it.each(Object.entries(BROKEN))('find: %s', (rule, texts) => {
    for (const text of texts) expect(findWords(text).map(finding => finding.rule)).toContain(rule)
  })

  it('have an example each', () => {
    expect(Object.keys(BROKEN)).toEqual([...WORD_RULES.map(({ name }) => name), 'a long sentence'])
  })

  it.each([
    'The operator who restores a backup gets the tokens of that time.',
    'kytos/of_lldp: ignored 1 stored value: /mode must be "a" or "b", not "c"; the default "a" is used.',
    'Too many failed login attempts (20 per minute). Fix the client and retry in 5 s.',
    'What is wrong?',
    'The given value is understandable; standard output is empty, and the essay is hearty.',
    'The command line prints one line for each value.',
    `A list of these parts: ${'one, '.repeat(20)}two.`,
    `${'word '.repeat(SENTENCE_WORDS - 1)}end. ${'word '.repeat(SENTENCE_WORDS - 1)}end.`,
  ])('accept: %s', text => {
    expect(findWords(text)).toEqual([])
  })
})

describe('the scanner', () => {
  it('finds literals with their escapes and interpolations, and nothing in comments', () => {
    const source = [
      "// 'a comment' and `another`",
      "/* 'a block' */ const a = 'it\\'s \\u00e9 \\x41 \\u{1F600}\\n'",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a source.
      'const b = `one ${inner(`two ${3}`, { c: "}" })} three`',
      "const d = 'http://x' // 'end'",
    ].join('\n')
    expect(scan(source).literals).toEqual([
      { text: "it's é A 😀\n", line: 2 },
      { text: 'two …', line: 3 },
      { text: '}', line: 3 },
      { text: 'one … three', line: 3 },
      { text: 'http://x', line: 4 },
    ])
  })

  it('finds all comments, and takes consecutive line comments for one', () => {
    const source = [
      "// One '",
      '// comment.',
      'const a = 1 // Another.',
      'const b = 2 // A third.',
      '/* A block. */',
      '/**',
      ' * A doc.',
      ' */',
      "const c = '// none' // The last.",
    ].join('\n')
    expect(scan(source).allComments).toEqual([
      { text: "One '\ncomment.", line: 1 },
      { text: 'Another.', line: 3 },
      { text: 'A third.', line: 4 },
      { text: 'A block.', line: 5 },
      { text: 'A doc.', line: 6 },
      { text: 'The last.', line: 9 },
    ])
  })

  it('tells a regular expression from a division', () => {
    const source =
      "const a = /['`\"]/g.test(b) ? c / d : (e) / f\nif (x) return /[/']/\nconst g = n++ / 2, h = 'text'"
    expect(scan(source).literals).toEqual([{ text: 'text', line: 3 }])
  })

  it.each([
    ["const a = 'open", /A string without an end at line 1/],
    ['const a = `open ${b', /without an end/],
    ['call(\n', /without an end/],
    ['/* open', /A comment without an end/],
    ['const a = /open', /A regular expression without an end/],
  ])('fails where it is lost: %j', (source, message) => {
    expect(() => scan(source)).toThrow(message)
  })

  it('takes two words and more for a text, and no path, key or code', () => {
    const source =
      "const a = ['The store is full.', 'src/a b', 'kytos.settings.update', 'a b c', 'x', './some/path.ts', 'was told']"
    expect(textsOf(source).map(({ text }) => text)).toEqual(['The store is full.', 'was told'])
  })

  it('finds the comments of an export and of its members, and no others', () => {
    const source = [
      '/** The file. */',
      "import x from 'x'",
      '/** Other. */',
      'export interface Before {\n  /** Not this. */\n  a: 1\n}',
      '/**\n * The thing,\n * in two lines.\n */',
      'export interface Thing {\n  /** A member. */\n  a: 1\n}',
      '/** After. */\nexport type After = 1',
    ].join('\n')
    expect(docsOf(source, 'Thing').map(({ text }) => text)).toEqual([
      'The thing,\nin two lines.',
      'A member.',
    ])
    expect(docsOf(source, 'After').map(({ text }) => text)).toEqual(['After.'])
    expect(() => docsOf(source, 'Missing')).toThrow('Missing is not declared here')
  })

  it('finds the prose of a page: paragraphs, items, headings and cells, and no code', () => {
    const page =
      '# A head\n\nTwo\nlines with `code here` and [a link](x.md#y).\n```sh\nnot this\n```\n- item\n  more\n1. other\n\n| a | `b|c` |\n|---|---|\n| **d** | e |\n'
    expect(proseOf(page).map(({ text, line }) => `${line} ${text}`)).toEqual([
      '1 A head',
      '3 Two lines with code and a link.',
      '8 item more',
      '10 other',
      '12 a',
      '12 code',
      '14 d',
      '14 e',
    ])
  })

  it('reads every source, and finds many texts there', () => {
    expect(sources.length).toBeGreaterThan(300)
    expect(sources.flatMap(({ text }) => textsOf(text)).length).toBeGreaterThan(1_000)
  })

  it('finds the docstrings of the public names', async () => {
    const names = await publicNames()
    expect(names.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['openSettings', 'SettingsError', 'LiveSettings', 'NAppContext']),
    )
    const docs = await Promise.all(names.map(async ({ name, file }) => docsOf(await read(file), name)))
    expect(docs.flat().length).toBeGreaterThan(80)
  })
})

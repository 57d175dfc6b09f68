import { readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'
import { docsOf, isDeclared, proseOf, scan, textsOf } from '../support/texts.ts'
import { findWords, SENTENCE_WORDS, WORD_RULES } from '../support/word-rules.ts'

/*
 * Texts for people keep the rules of word-rules.ts. README, docs and CHANGELOG keep all of them. Messages and
 * public docstrings may break a rule only where words-allowed.txt lists it, and that list only shrinks:
 * `WORDS=shrink npx vitest run test/unit/words` removes the entries that are no longer found, and never adds
 * one.
 */

const ROOT = join(import.meta.dirname, '../..')
const ALLOWED = join(import.meta.dirname, 'words-allowed.txt')
const MESSAGE_FOLDERS = ['backends', 'events', 'examples', 'model', 'napps', 'scripts', 'src']
const COLUMNS = 110

/** File -> what is found in it, each as `<rule>: <text around it>`. */
type Findings = Readonly<Record<string, readonly string[]>>
type Kind = 'messages' | 'docstrings'

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

function gather(found: readonly { readonly file: string; readonly texts: readonly string[] }[]): Findings {
  const all: Record<string, string[]> = {}
  for (const { file, texts } of found) {
    const entries = texts.flatMap(findWords).map(({ rule, match }) => `${rule}: ${match}`)
    if (entries.length > 0) all[file] = [...new Set([...(all[file] ?? []), ...entries])].sort()
  }
  return all
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

const found: Readonly<Record<Kind, Findings>> = {
  messages: gather(
    sources.map(({ file, text }) => ({ file, texts: textsOf(text).map(literal => literal.text) })),
  ),
  docstrings: gather(
    await Promise.all(
      (await publicNames()).map(async ({ name, file }) => ({
        file,
        texts: docsOf(await read(file), name).map(doc => doc.text),
      })),
    ),
  ),
}

/**
 * One line for each: kind, what is found, file. Only the first two count, so that a text may move to another
 * file.
 */
const lines = (kind: Kind): readonly string[] =>
  Object.entries(found[kind]).flatMap(([file, entries]) =>
    entries.map(entry => `${kind} | ${entry} | ${file}`),
  )
const keyOf = (line: string): string => line.slice(0, line.lastIndexOf(' | '))
/** The lines of `some` whose keys `others` lacks. */
function without(some: readonly string[], others: readonly string[]): readonly string[] {
  const keys = new Set(others.map(keyOf))
  return some.filter(line => !keys.has(keyOf(line)))
}

describe.each(['messages', 'docstrings'] as const)('the words of %s', kind => {
  it('break no rule beyond words-allowed.txt, and that list names only what is found', async () => {
    const all = (await readFile(ALLOWED, 'utf8')).split('\n').filter(line => line !== '')
    const allowed = all.filter(line => line.startsWith(`${kind} | `))
    const stale = without(allowed, lines(kind))
    if (process.env.WORDS === 'shrink') {
      const rest = all.filter(line => !stale.includes(line))
      await writeFile(ALLOWED, rest.map(line => `${line}\n`).join(''))
      return
    }
    expect.soft(without(lines(kind), allowed)).toEqual([])
    expect(stale, 'WORDS=shrink npx vitest run test/unit/words removes these').toEqual([])
  })
})

describe('the words of the documentation', () => {
  /** Tables repeat texts of the code, and other tests compare them: such a text is judged as a message. */
  const literals = new Set(sources.flatMap(({ text }) => textsOf(text).map(literal => literal.text)))

  it.each(pages)('%s breaks no rule', async page => {
    const prose = proseOf(await read(page)).filter(({ raw }) => !literals.has(raw))
    expect(prose.length).toBeGreaterThan(10)
    const broken = prose.flatMap(({ text, line }) =>
      findWords(text).map(({ rule, match, instead }) => `line ${line}, ${rule}: ${match} -> ${instead}`),
    )
    expect(broken).toEqual([])
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

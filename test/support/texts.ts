/**
 * Finds the texts that people read: string and template literals of source files, `/** *\/` comments of
 * exported names, all comments, and the prose of Markdown. Source files are read by a scanner of their tokens, because the
 * compiler that is pinned here has no parser for programs to call.
 */

/** A literal of a source file, with `…` for each interpolation, and the line on which it starts. */
export interface Literal {
  readonly text: string
  readonly line: number
}

/** A `/** *\/` comment without its frame, with the offset at which the code after it starts. */
export interface DocComment {
  readonly text: string
  readonly line: number
  readonly end: number
}

export interface Scan {
  readonly literals: readonly Literal[]
  readonly comments: readonly DocComment[]
  /** Every comment without its frame; line comments on consecutive lines are one comment. */
  readonly allComments: readonly Literal[]
}

/** After these characters, or words, a slash starts a regular expression; after anything else it divides. */
const BEFORE_REGEX =
  /(?:^|[([{}=,:;!&|?*%<>~^]|(?<!\+)\+|(?<!-)-|\b(?:return|typeof|case|in|of|yield|await|void|throw|else|do))$/
const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
  v: '\v',
  0: '\0',
}

/** Scans a source file. @throws when a literal or a bracket has no end, because the scanner is then wrong. */
export function scan(source: string): Scan {
  const literals: Literal[] = []
  const comments: DocComment[] = []
  const allComments: { text: string; line: number }[] = []
  /** The offset at which the last line comment ended. */
  let lineCommentEnd = -1
  let at = source.startsWith('#!') ? source.indexOf('\n') : 0
  /**
   * The last code before `at` without spaces and comments, long enough to recognize a regular expression.
   */
  let code = ''
  const lineOf = (offset: number): number => source.slice(0, offset).split('\n').length
  const fail = (what: string, offset: number): never => {
    throw new Error(`${what} without an end at line ${lineOf(offset)}`)
  }

  function readEscape(): string {
    const next = source[at + 1] ?? ''
    const [, braced, hex] =
      /^(?:u\{([0-9a-f]+)\}|[ux]([0-9a-f]{2,4}))/i.exec(source.slice(at + 1, at + 12)) ?? []
    if (braced !== undefined || hex !== undefined) {
      const digits = braced ?? (next === 'x' ? (hex ?? '').slice(0, 2) : (hex ?? ''))
      at += braced === undefined ? 2 + digits.length : 4 + digits.length
      return String.fromCodePoint(Number.parseInt(digits, 16))
    }
    at += 2
    return next === '\n' ? '' : (ESCAPES[next] ?? next)
  }

  function readString(quote: string): void {
    const start = at++
    let text = ''
    while (source[at] !== quote) {
      if (at >= source.length || source[at] === '\n') fail('A string', start)
      text += source[at] === '\\' ? readEscape() : source[at++]
    }
    at++
    literals.push({ text, line: lineOf(start) })
    code = 'x'
  }

  function readTemplate(): void {
    const start = at++
    let text = ''
    while (source[at] !== '`') {
      if (at >= source.length) fail('A template', start)
      if (source.startsWith('${', at)) {
        at += 2
        code = '{'
        readCode('}')
        at++
        text += '…'
      } else text += source[at] === '\\' ? readEscape() : source[at++]
    }
    at++
    literals.push({ text, line: lineOf(start) })
    code = 'x'
  }

  function readRegex(): void {
    const start = at++
    let inClass = false
    while (inClass || source[at] !== '/') {
      if (at >= source.length || source[at] === '\n') fail('A regular expression', start)
      if (source[at] === '\\') at++
      else if (source[at] === '[') inClass = true
      else if (source[at] === ']') inClass = false
      at++
    }
    at++
    code = 'x'
  }

  function readComment(): void {
    const start = at
    const end = source.indexOf('*/', at + 2)
    if (end < 0) fail('A comment', start)
    at = end + 2
    const isDoc = source.startsWith('/**', start)
    const text = source.slice(start + (isDoc ? 3 : 2), end).replaceAll(/^[ \t]*\*[ \t]?/gm, '')
    const comment = { text: text.trim(), line: lineOf(start) }
    allComments.push(comment)
    if (isDoc) comments.push({ ...comment, end: at })
  }

  function readLineComment(): void {
    const start = at
    at = (source.indexOf('\n', at) + 1 || source.length + 1) - 1
    const text = source.slice(start + 2, at).trim()
    const last = allComments.at(-1)
    if (last && lineCommentEnd >= 0 && source.slice(lineCommentEnd, start).trim() === '')
      last.text += `\n${text}`
    else allComments.push({ text, line: lineOf(start) })
    lineCommentEnd = at
  }

  /** Reads up to the matching closing bracket, or to the end of the file. */
  function readCode(until: string | undefined): void {
    const start = at
    while (at < source.length) {
      const next = source[at] ?? ''
      if (next === until) return
      if (source.startsWith('//', at)) readLineComment()
      else if (source.startsWith('/*', at)) readComment()
      else if (next === "'" || next === '"') readString(next)
      else if (next === '`') readTemplate()
      else if (next === '/' && BEFORE_REGEX.test(code)) readRegex()
      else if ('([{'.includes(next)) {
        const opened = at++
        code = next
        readCode({ '(': ')', '[': ']', '{': '}' }[next])
        if (at >= source.length) fail(`"${next}"`, opened)
        code = source[at++] ?? ''
        // After the block of a function or a branch a slash could start a statement; no statement here does.
        if (code === '}') code = 'x'
      } else {
        if (!/\s/.test(next)) code = code.slice(-12) + next
        else if (/\w$/.test(code)) code += ' '
        at++
        code = /\w $/.test(code) && !/^\s*\w/.test(source.slice(at, at + 1)) ? code.trimEnd() : code
      }
    }
    if (until !== undefined) fail('Code', start)
  }

  readCode(undefined)
  return { literals, comments, allComments }
}

/** The literals that are texts: two words and more, which excludes paths, keys and codes. */
export function textsOf(source: string): readonly Literal[] {
  return scan(source).literals.filter(({ text }) =>
    /[A-Za-z]{2,}["'`)…]*[,.:;]?\s["'`(…]*[A-Za-z]{2,}|…\s[A-Za-z]{2,}/.test(text),
  )
}

/** The offset of the declaration of an exported name in a source. */
function findDeclaration(source: string, name: string): number | undefined {
  const kinds = '(?:declare |abstract |async )*(?:interface|type|class|function\\*?|const)'
  return new RegExp(`^export ${kinds} ${name}\\b`, 'm').exec(source)?.index
}

export function isDeclared(source: string, name: string): boolean {
  return findDeclaration(source, name) !== undefined
}

/** The comment of an exported name, and of each member of its body. */
export function docsOf(source: string, name: string): readonly DocComment[] {
  const start = findDeclaration(source, name)
  if (start === undefined) throw new Error(`${name} is not declared here`)
  const body = source.indexOf('\n', start) + 1
  const length = /^(?:\/|[a-z])/m.exec(source.slice(body))?.index ?? source.length
  return scan(source).comments.filter(({ end }) => {
    const isBefore = end <= start && source.slice(end, start).trim() === ''
    return isBefore || (end > body && end <= body + length)
  })
}

/** One unit of prose: a paragraph, a list item, a heading or a cell of a table. */
export interface Prose {
  /** The text as written. */
  readonly raw: string
  /** The text with `code` for inline code, and links replaced by their text. */
  readonly text: string
  readonly line: number
}

/** The prose of a Markdown page, without fenced blocks and comments. */
export function proseOf(markdown: string): readonly Prose[] {
  const units: { text: string; line: number }[] = []
  let open: { text: string; line: number } | undefined
  let fence = ''
  for (const [i, raw] of markdown.split('\n').entries()) {
    const line = raw.trim()
    const mark = /^(?:```+|~~~+)/.exec(line)?.[0]
    if (fence !== '' || mark !== undefined) {
      if (fence === '') fence = mark ?? ''
      else if (mark?.startsWith(fence)) fence = ''
      open = undefined
    } else if (line === '' || line.startsWith('<!--') || /^\|[-:| ]+\|$/.test(line)) open = undefined
    else if (line.startsWith('|')) {
      open = undefined
      for (const cell of cellsOf(line)) units.push({ text: cell, line: i + 1 })
    } else if (line.startsWith('#')) {
      open = undefined
      units.push({ text: line.replace(/^#+ */, ''), line: i + 1 })
    } else {
      const item = /^(?:[-*]|\d+\.) +(.*)$/.exec(line)
      if (!item && open) open.text += ` ${line}`
      else {
        open = { text: item?.[1] ?? line, line: i + 1 }
        units.push(open)
      }
    }
  }
  return units
    .map(({ text, line }) => ({ raw: text, text: plain(text), line }))
    .filter(({ text }) => text !== '')
}

/** The cells of a row; a bar in inline code, or after a backslash, is not a separator. */
export function cellsOf(row: string): readonly string[] {
  const inner = row.trim().replace(/^\||\|$/g, '')
  return (inner.match(/(?:`[^`]*`|\\.|[^|])+/g) ?? []).map(cell => cell.trim())
}

function plain(text: string): string {
  return text
    .replaceAll(/``?[^`]+``?/g, 'code')
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/\*\*|__|<[^>]+>/g, '')
    .trim()
}

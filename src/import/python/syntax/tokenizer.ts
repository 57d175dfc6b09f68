import {
  AFTER_NUMBER,
  matchAt,
  NAME,
  NUMBER,
  OPERATOR,
  rejectAt,
  type Span,
  STRING_PREFIXES,
  STRING_START,
  type Token,
  type TokenKind,
} from './tokens.ts'

/*
 * The tokens of a Python file, as CPython 3.6 to 3.13 has them. f-strings follow PEP 701 (Python 3.12), which
 * accepts every f-string of the versions before it.
 */

export interface Tokens {
  readonly tokens: readonly Token[]
  /** The token that closes a bracket, by the index of the token that opens it. */
  readonly closing: ReadonlyMap<number, number>
  /** From the `#` to the end of the line. */
  readonly comments: readonly Span[]
}

/** CPython's own limits. */
const MAX_BRACKETS = 200
const MAX_INDENTS = 100
const TAB = 8
const CLOSES: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' }

/** What is open at a place: a bracket, the field of an f-string (perhaps in its format), or an f-string. */
type Open =
  | { readonly kind: 'bracket'; readonly sign: string; readonly index: number; readonly from: number }
  | { readonly kind: 'field'; readonly index: number; readonly from: number; inSpec: boolean }
  | { readonly kind: 'format'; readonly quote: string; readonly raw: boolean; readonly from: number }

/** @throws InvalidPython for text that no Python splits into tokens. */
export function tokenize(text: string): Tokens {
  return new Tokenizer(text).run()
}

class Tokenizer {
  readonly #text: string
  readonly #tokens: Token[] = []
  readonly #closing = new Map<number, number>()
  readonly #comments: Span[] = []
  readonly #open: Open[] = []
  /** Columns with tabs to multiples of 8, and with tabs as one column: they must agree. */
  readonly #indents: { readonly columns: number; readonly narrow: number }[] = [{ columns: 0, narrow: 0 }]
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  run(): Tokens {
    this.#beginLine()
    while (this.#at < this.#text.length) {
      const open = this.#open.at(-1)
      if (open?.kind === 'format') this.#readFormatText(open)
      else if (open?.kind === 'field' && open.inSpec) this.#readSpec(open)
      else this.#readToken(open)
    }
    const open = this.#open.at(-1)
    if (open)
      rejectAt(this.#text.length, open.kind === 'format' ? UNTERMINATED : 'the file ends unexpectedly')
    if (this.#isInLine()) this.#push('newline', this.#at)
    for (let i = this.#indents.length; i > 1; i--) this.#push('dedent', this.#at)
    this.#push('end', this.#at)
    return { tokens: this.#tokens, closing: this.#closing, comments: this.#comments }
  }

  #readToken(open: Open | undefined): void {
    const text = this.#text
    const from = this.#at
    const sign = text[from] as string // before the end of the text
    if (sign === ' ' || sign === '\t' || sign === '\f') this.#at++
    else if (sign === '#') this.#readComment()
    else if (sign === '\n') this.#endLine(open)
    else if (sign === '\\') this.#continueLine()
    else if (sign === ':' && open?.kind === 'field') {
      this.#push('operator', from, from + 1)
      open.inSpec = true
    } else if (sign === '!' && open?.kind === 'field' && text[from + 1] !== '=')
      this.#push('operator', from, from + 1)
    else if (
      !(this.#readString(from) || this.#readNumber(from) || this.#readName(from) || this.#readOperator(from))
    )
      rejectAt(from, `${JSON.stringify([...text.slice(from, from + 2)][0])} is unexpected`)
  }

  #endLine(open: Open | undefined): void {
    const from = this.#at++
    if (open) return
    if (this.#isInLine()) this.#push('newline', from, from + 1)
    this.#beginLine()
  }

  /** Skips empty lines and comments, then reads the indentation of the next line. */
  #beginLine(): void {
    const text = this.#text
    let [columns, narrow, continued] = [0, 0, -1]
    for (; ; this.#at++) {
      const sign = text[this.#at]
      if (sign === ' ') {
        columns++
        narrow++
      } else if (sign === '\t') {
        columns += TAB - (columns % TAB)
        narrow++
      } else if (sign === '\f') [columns, narrow] = [0, 0]
      else if (sign === '\\') {
        // The indentation of the first of the joined lines counts.
        if (continued < 0) continued = columns
        this.#continueLine()
        this.#at--
      } else if (sign === '#') {
        this.#readComment()
        this.#at--
      } else if (sign === '\n') {
        if (continued >= 0) break
        ;[columns, narrow] = [0, 0]
      } else break
    }
    if (this.#at >= text.length || text[this.#at] === '\n') return
    if (continued >= 0) [columns, narrow] = [continued, continued]
    this.#indent(columns, narrow)
  }

  #indent(columns: number, narrow: number): void {
    const current = this.#indents.at(-1) ?? { columns: 0, narrow: 0 }
    const inconsistent = (): never => rejectAt(this.#at, 'tabs and spaces are mixed in its indentation')
    if (columns === current.columns) {
      if (narrow !== current.narrow) inconsistent()
    } else if (columns > current.columns) {
      if (narrow <= current.narrow) inconsistent()
      if (this.#indents.length >= MAX_INDENTS)
        rejectAt(this.#at, `it nests deeper than ${MAX_INDENTS} levels`)
      this.#indents.push({ columns, narrow })
      this.#push('indent', this.#at)
    } else {
      while (columns < (this.#indents.at(-1)?.columns ?? 0)) {
        this.#indents.pop()
        this.#push('dedent', this.#at)
      }
      const outer = this.#indents.at(-1)
      if (columns !== outer?.columns) rejectAt(this.#at, 'its indentation differs from that of its block')
      if (narrow !== outer?.narrow) inconsistent()
    }
  }

  #continueLine(): void {
    // Until Python 3.7 the last line could end with one.
    if (this.#text[this.#at + 1] !== '\n')
      rejectAt(this.#at, '"\\" is followed by more than the end of the line')
    this.#at += 2
  }

  #readComment(): void {
    const end = this.#text.indexOf('\n', this.#at)
    const to = end < 0 ? this.#text.length : end
    this.#comments.push({ from: this.#at, to })
    this.#at = to
  }

  #readString(from: number): boolean {
    const [head, prefix = '', quote = ''] = matchAt(STRING_START, this.#text, from) ?? []
    const kind = prefix.toLowerCase()
    if (head === undefined || !STRING_PREFIXES.has(kind)) return false
    const raw = kind.includes('r')
    if (kind.includes('f')) {
      this.#push('formatStart', from, from + head.length)
      this.#opened({ kind: 'format', quote, raw, from })
      return true
    }
    let at = from + head.length
    while (!this.#text.startsWith(quote, at)) {
      if (at >= this.#text.length || (this.#text[at] === '\n' && quote.length === 1))
        rejectAt(from, UNTERMINATED)
      at += this.#text[at] === '\\' ? 2 : 1
    }
    this.#push('string', from, at + quote.length)
    return true
  }

  /** The text of an f-string up to its next field or its end. */
  #readFormatText({ quote, raw, from: start }: Extract<Open, { kind: 'format' }>): void {
    const text = this.#text
    const from = this.#at
    for (let at = from; ; ) {
      const sign = text[at]
      if (sign === undefined || (sign === '\n' && quote.length === 1)) rejectAt(start, UNTERMINATED)
      const ends = text.startsWith(quote, at)
      if (ends || (sign === '{' && text[at + 1] !== '{')) {
        if (at > from) this.#push('formatText', from, at)
        if (ends) {
          this.#open.pop()
          this.#push('formatEnd', at, at + quote.length)
        } else this.#openField(at)
        return
      }
      if (sign === '}' && text[at + 1] !== '}') rejectAt(at, 'a brace of an f-string is unbalanced')
      at += sign === '\\' ? this.#escapeLength(at, raw) : sign === '{' || sign === '}' ? 2 : 1
    }
  }

  /** A brace behind a backslash begins a field anyway, except in `\N{...}`. */
  #escapeLength(at: number, raw: boolean): number {
    const next = this.#text[at + 1]
    const named = !raw && next === 'N' ? /\\N\{[^{}'"\n]*\}/y : undefined
    return (named && matchAt(named, this.#text, at)?.[0].length) ?? (next === '{' || next === '}' ? 1 : 2)
  }

  /** The format of a field, behind its colon, up to the next field in it or its end. */
  #readSpec(field: Extract<Open, { kind: 'field' }>): void {
    const string = this.#open.findLast(one => one.kind === 'format')
    const quote = string?.kind === 'format' ? string.quote : ''
    const from = this.#at
    let at = from
    while (at < this.#text.length && !'{}'.includes(this.#text[at] as string)) {
      // before the end of the text
      if (this.#text.startsWith(quote, at)) rejectAt(at, 'a field of an f-string is not closed')
      at++
    }
    if (at > from) this.#push('formatText', from, at)
    if (this.#text[at] === '{') this.#openField(at)
    else if (this.#text[at] === '}') {
      this.#open.pop()
      this.#closing.set(field.index, this.#tokens.length)
      this.#push('operator', at, at + 1)
    }
  }

  #openField(at: number): void {
    this.#opened({ kind: 'field', index: this.#tokens.length, from: at, inSpec: false })
    this.#push('operator', at, at + 1)
  }

  #readNumber(from: number): boolean {
    const number = /[\d.]/.test(this.#text[from] ?? '') ? matchAt(NUMBER, this.#text, from)?.[0] : undefined
    if (number === undefined) return false
    const to = from + number.length
    this.#push('number', from, to)
    const glued = matchAt(NAME, this.#text, to) ?? /\d/.exec(this.#text[to] ?? '')
    if (glued && !matchAt(AFTER_NUMBER, this.#text, to)) rejectAt(from, 'a number is not valid Python')
    return true
  }

  #readName(from: number): boolean {
    const name = matchAt(NAME, this.#text, from)?.[0]
    if (name !== undefined) this.#push('name', from, from + name.length)
    return name !== undefined
  }

  #readOperator(from: number): boolean {
    const sign = matchAt(OPERATOR, this.#text, from)?.[0]
    if (sign === undefined) return false
    if (sign === '<>') rejectAt(from, '"<>" is Python 2')
    if ('([{'.includes(sign)) this.#opened({ kind: 'bracket', sign, index: this.#tokens.length, from })
    else if (Object.hasOwn(CLOSES, sign)) {
      const open = this.#open.pop()
      const wanted = open?.kind === 'bracket' ? open.sign : open?.kind === 'field' ? '{' : undefined
      if (!open || open.kind === 'format' || wanted !== CLOSES[sign])
        rejectAt(from, `"${sign}" is unexpected`)
      else this.#closing.set(open.index, this.#tokens.length)
    }
    this.#push('operator', from, from + sign.length)
    return true
  }

  #opened(open: Open): void {
    this.#open.push(open)
    if (this.#open.length > MAX_BRACKETS)
      rejectAt(open.from, `its brackets nest deeper than ${MAX_BRACKETS} levels`)
  }

  #isInLine(): boolean {
    const last = this.#tokens.at(-1)
    return last !== undefined && !['newline', 'indent', 'dedent'].includes(last.kind)
  }

  #push(kind: TokenKind, from: number, to = from): void {
    this.#tokens.push({ kind, text: this.#text.slice(from, to), from, to })
    this.#at = to
  }
}

const UNTERMINATED = 'a string is unterminated or has an unknown prefix'

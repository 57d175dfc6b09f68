import { type ConfigProblem, quote } from './problems.ts'
import { indentOf, strip, stripEnd } from './strip.ts'

/*
 * The pre-pass: the line-by-line part of Python's ConfigParser before interpolation, which the `ini` package
 * does not implement.
 *
 * Invariants: a line belongs to the option above it exactly if it is blank, or indented deeper than that
 * option's own line. A comment is a whole line that starts with `#` or `;` after any indent, and is removed
 * even inside a value; there are no inline comments. A header ends at the last `]` of its line. Every error
 * of Python is in `problems`; reading continues after each, so that all are reported at once. Only a result
 * without problems equals Python's.
 */

/** An option as written in the file: its lines folded with `\n`, nothing interpolated. */
export interface RawOption {
  readonly value: string
  readonly line: number
}

/**
 * The sections by name and options by lower-case name, in the order of the file, including `[DEFAULT]`.
 * `headers` contains the line of each section.
 */
export interface RawIni {
  readonly sections: ReadonlyMap<string, ReadonlyMap<string, RawOption>>
  readonly headers: ReadonlyMap<string, number>
  readonly problems: readonly ConfigProblem[]
}

/** The section whose options every other section inherits. */
export const DEFAULT_SECTION = 'DEFAULT'

interface Option {
  readonly parts: string[]
  readonly line: number
}

interface Section {
  readonly name: string
  readonly line: number
  readonly options: Map<string, Option>
}

/** Reads the lines of an ini text; `\n`, `\r\n` and `\r` all end one. */
export function readLines(text: string): RawIni {
  const reader = new LineReader()
  text.split(/\r\n|\r|\n/).forEach((line, index) => {
    reader.read(line, index + 1)
  })
  return reader.finish()
}

class LineReader {
  readonly #sections = new Map<string, Section>()
  readonly #problems: ConfigProblem[] = []
  #section: Section | undefined
  #option: Option | undefined
  #indent = 0
  #headless = false

  read(line: string, number: number): void {
    if (number === 1 && line.startsWith('\ufeff')) {
      this.#report(
        1,
        'the file starts with a byte order mark, which Kytos cannot read. Save it as UTF-8 without one.',
      )
      this.read(line.slice(1), number)
      return
    }
    const text = strip(line)
    if (text.startsWith('#') || text.startsWith(';')) return
    if (text === '') {
      this.#option?.parts.push('')
      return
    }
    const indent = indentOf(line)
    if (this.#option && indent > this.#indent) {
      this.#option.parts.push(text)
      return
    }
    this.#indent = indent
    const end = text.startsWith('[') ? text.lastIndexOf(']') : -1
    if (end > 1) this.#header(text.slice(1, end), number)
    else this.#line(text, number)
  }

  finish(): RawIni {
    const sections = new Map<string, ReadonlyMap<string, RawOption>>()
    for (const { name, options } of this.#sections.values()) {
      sections.set(
        name,
        new Map(
          [...options].map(([key, { parts, line }]) => [key, { value: stripEnd(parts.join('\n')), line }]),
        ),
      )
    }
    const headers = new Map([...this.#sections.values()].map(({ name, line }) => [name, line]))
    return { sections, headers, problems: this.#problems }
  }

  #header(name: string, line: number): void {
    const earlier = this.#sections.get(name)
    // Python allows [DEFAULT] more than once, but not its options.
    if (earlier && name !== DEFAULT_SECTION) {
      this.#report(line, `the section [${name}] is a duplicate of line ${earlier.line}. Merge both sections.`)
    }
    this.#section = earlier ?? { name, line, options: new Map() }
    this.#sections.set(name, this.#section)
    this.#option = undefined
  }

  #line(text: string, line: number): void {
    if (!this.#section) {
      if (!this.#headless)
        this.#report(
          line,
          `${quote(text)} precedes the first section. Add a header such as [daemon] above it.`,
        )
      this.#headless = true
      return
    }
    const delimiter = text.search(/[=:]/)
    if (delimiter < 0) {
      this.#report(
        line,
        `${quote(text)} is neither "key = value" nor a [section]. ` +
          'Indent the continuation lines of a value; start a comment line with "#" or ";".',
      )
      return
    }
    const key = stripEnd(text.slice(0, delimiter)).toLowerCase()
    if (key === '')
      this.#report(line, `${quote(text)} has no key before "${text.charAt(delimiter)}". Write "key = value".`)
    const earlier = this.#section.options.get(key)
    this.#option = { parts: [strip(text.slice(delimiter + 1))], line }
    if (earlier) {
      const where = `${quote(key)} in [${this.#section.name}] is a duplicate of line ${earlier.line}`
      this.#report(line, `${where}. Remove one of them (keys are case-insensitive).`)
    } else this.#section.options.set(key, this.#option)
  }

  #report(line: number, message: string): void {
    this.#problems.push({ line, message })
  }
}

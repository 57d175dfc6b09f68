import { PatternRefused, propertyOf } from './pattern-property.ts'

/*
 * Translation of the patterns of JSON Schema (ECMA-262 with the `u` flag) to the syntax of RE2.
 *
 * Invariant: for every translated pattern and every text, RE2 finds a match exactly where
 * `new RegExp(pattern, 'u')` does. Any other pattern is refused with the reason; no pattern is approximated.
 * The result depends on the pattern only, not on the release of Node or its Unicode.
 */

const MAX_CODE = 0x10ffff
/** ECMA-262 WhiteSpace and LineTerminator, as ranges of code points. */
const SPACES: readonly (readonly [number, number])[] = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
]
const SPACE = SPACES.map(range).join('')
const NO_SPACE = complement(SPACES).map(range).join('')
/** Any character except a LineTerminator. */
const DOT = '[^\\x{a}\\x{d}\\x{2028}\\x{2029}]'
const ANY = '[\\x{0}-\\x{10ffff}]'
const NONE = '[^\\x{0}-\\x{10ffff}]'
const BACK_REFERENCE = 'it has a back-reference, which RE2 does not support'
const CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, 0: 0 }
/**
 * Translates a pattern to the syntax of RE2, without capturing groups.
 * @throws PatternRefused for look-around, back-references and properties that RE2 does not have, and for a
 * text that is no pattern.
 */
export function translatePattern(pattern: string): string {
  try {
    new RegExp(pattern, 'u')
  } catch (error) {
    throw new PatternRefused(error instanceof Error ? error.message : String(error))
  }
  return new Translation(pattern).whole()
}

class Translation {
  readonly #pattern: string
  #at = 0

  /** The pattern is valid as ECMA-262. */
  constructor(pattern: string) {
    this.#pattern = pattern
  }

  whole(): string {
    const parts: string[] = []
    while (this.#at < this.#pattern.length) parts.push(this.#next())
    return parts.join('')
  }

  #next(): string {
    const sign = this.#take()
    switch (sign) {
      case '\\':
        return this.#escape()
      case '[':
        return this.#set()
      case '(':
        return this.#group()
      case '.':
        return DOT
      // Without the flag `m` they are the ends of the text.
      case '^':
        return '\\A'
      case '$':
        return '\\z'
      case ')':
      case '|':
      case '*':
      case '+':
      case '?':
        return sign
      case '{':
        return this.#quantity()
    }
    return literal(sign)
  }

  #quantity(): string {
    const end = this.#pattern.indexOf('}', this.#at)
    const counts = this.#pattern.slice(this.#at, end)
    this.#at = end + 1
    // RE2 reads no leading zeros.
    return `{${counts.replace(/\d+/g, count => count.replace(/^0+(?=\d)/, ''))}}`
  }

  #group(): string {
    if (!this.#skip('?') || this.#skip(':')) return '(?:'
    for (const sign of ['=', '!', '<=', '<!']) {
      if (this.#pattern.startsWith(sign, this.#at))
        throw new PatternRefused(
          `it has a look-around assertion, "(?${sign}", which RE2 does not support; use several patterns in "allOf", or "not"`,
        )
    }
    if (!this.#skip('<'))
      throw new PatternRefused('it has a group with modifiers, "(?", which is not in JSON Schema')
    this.#at = this.#pattern.indexOf('>', this.#at) + 1
    return '(?:'
  }

  /** An escape outside a set; the backslash is taken. */
  #escape(): string {
    const sign = this.#take()
    switch (sign) {
      case 's':
        return `[${SPACE}]`
      case 'S':
        return `[^${SPACE}]`
      case 'd':
      case 'D':
      case 'w':
      case 'W':
      case 'b':
      case 'B':
        return `\\${sign}`
      case 'p':
      case 'P':
        return this.#property(sign)
      case 'k':
        throw new PatternRefused(BACK_REFERENCE)
    }
    if (/[1-9]/.test(sign)) throw new PatternRefused(BACK_REFERENCE)
    return literal(String.fromCodePoint(this.#character(sign)))
  }

  #set(): string {
    const isNegated = this.#skip('^')
    if (this.#skip(']')) return isNegated ? ANY : NONE
    const parts: string[] = []
    while (!this.#skip(']')) parts.push(this.#member())
    return `[${isNegated ? '^' : ''}${parts.join('')}]`
  }

  /** A character, range or class within a set. */
  #member(): string {
    const low = this.#setAtom()
    if (typeof low === 'string') return low
    // A hyphen before the bracket is a literal.
    if (this.#pattern[this.#at] !== '-' || this.#pattern[this.#at + 1] === ']') return range([low, low])
    this.#at++
    const high = this.#setAtom()
    // Valid ECMA-262 has no class at an end of a range.
    return range([low, typeof high === 'number' ? high : low])
  }

  /** The code of one character of a set, or the text of a class. */
  #setAtom(): number | string {
    const sign = this.#take()
    if (sign !== '\\') return codeOf(sign)
    const escaped = this.#take()
    switch (escaped) {
      case 's':
        return SPACE
      case 'S':
        return NO_SPACE
      case 'd':
      case 'D':
      case 'w':
      case 'W':
        return `\\${escaped}`
      case 'p':
      case 'P':
        return this.#property(escaped)
      case 'b':
        return 8
    }
    return this.#character(escaped)
  }

  /** The code of an escape whose first sign was taken. */
  #character(sign: string): number {
    const control = CONTROLS[sign]
    if (control !== undefined) return control
    if (sign === 'c') return this.#take().charCodeAt(0) % 32
    if (sign === 'x') return this.#hex(2)
    if (sign !== 'u') return codeOf(sign)
    if (this.#skip('{')) {
      const end = this.#pattern.indexOf('}', this.#at)
      const code = Number.parseInt(this.#pattern.slice(this.#at, end), 16)
      this.#at = end + 1
      return code
    }
    const high = this.#hex(4)
    const low = /^\\u([dD][c-fC-F][0-9a-fA-F]{2})/.exec(this.#pattern.slice(this.#at, this.#at + 6))?.[1]
    if (high < 0xd800 || high > 0xdbff || low === undefined) return high
    this.#at += 6
    return 0x10000 + (high - 0xd800) * 0x400 + Number.parseInt(low, 16) - 0xdc00
  }

  #hex(digits: number): number {
    const code = Number.parseInt(this.#pattern.slice(this.#at, this.#at + digits), 16)
    this.#at += digits
    return code
  }

  #property(sign: string): string {
    const end = this.#pattern.indexOf('}', this.#at)
    const text = this.#pattern.slice(this.#at + 1, end)
    this.#at = end + 1
    const [, name = '', value] = /^([^=]*)(?:=(.*))?$/s.exec(text) ?? []
    return `\\${sign}{${propertyOf(name, value)}}`
  }

  /** One character, a surrogate pair as a whole. */
  #take(): string {
    const sign = String.fromCodePoint(this.#pattern.codePointAt(this.#at) ?? 0)
    this.#at += sign.length
    return sign
  }

  #skip(sign: string): boolean {
    if (this.#pattern[this.#at] !== sign) return false
    this.#at++
    return true
  }
}

function literal(sign: string): string {
  return /^[A-Za-z0-9]$/.test(sign) ? sign : hex(codeOf(sign))
}

function codeOf(sign: string): number {
  return sign.codePointAt(0) ?? 0
}

function hex(code: number): string {
  return `\\x{${code.toString(16)}}`
}

function range([low, high]: readonly [number, number]): string {
  return low === high ? hex(low) : `${hex(low)}-${hex(high)}`
}

function complement(ranges: readonly (readonly [number, number])[]): readonly (readonly [number, number])[] {
  const starts = [0, ...ranges.map(([, high]) => high + 1)]
  const ends = [...ranges.map(([low]) => low - 1), MAX_CODE]
  return starts.map((start, i): readonly [number, number] => [start, ends[i] ?? MAX_CODE])
}

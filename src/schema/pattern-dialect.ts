/*
 * Translation of the patterns of JSON Schema (ECMA-262 with the `u` flag) to the syntax of RE2.
 *
 * Invariant: for every pattern that is translated, and every text, RE2 finds a match exactly where
 * `new RegExp(pattern, 'u')` does. What cannot be translated so is refused with the reason; nothing is
 * approximated. The result depends on the pattern only, not on the release of Node or of Unicode in it.
 */

/** Why a pattern cannot be used. */
export class PatternRefused extends Error {}

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
/** Any character but a LineTerminator. */
const DOT = '[^\\x{a}\\x{d}\\x{2028}\\x{2029}]'
const ANY = '[\\x{0}-\\x{10ffff}]'
const NONE = '[^\\x{0}-\\x{10ffff}]'
const CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, 0: 0 }
/** The long names of the general categories (PropertyValueAliases.txt); RE2 knows the short ones. */
const CATEGORIES: Readonly<Record<string, string>> = {
  Other: 'C',
  Control: 'Cc',
  cntrl: 'Cc',
  Format: 'Cf',
  Unassigned: 'Cn',
  Private_Use: 'Co',
  Surrogate: 'Cs',
  Letter: 'L',
  Cased_Letter: 'LC',
  Lowercase_Letter: 'Ll',
  Modifier_Letter: 'Lm',
  Other_Letter: 'Lo',
  Titlecase_Letter: 'Lt',
  Uppercase_Letter: 'Lu',
  Mark: 'M',
  Combining_Mark: 'M',
  Spacing_Mark: 'Mc',
  Enclosing_Mark: 'Me',
  Nonspacing_Mark: 'Mn',
  Number: 'N',
  Decimal_Number: 'Nd',
  digit: 'Nd',
  Letter_Number: 'Nl',
  Other_Number: 'No',
  Punctuation: 'P',
  punct: 'P',
  Connector_Punctuation: 'Pc',
  Dash_Punctuation: 'Pd',
  Close_Punctuation: 'Pe',
  Final_Punctuation: 'Pf',
  Initial_Punctuation: 'Pi',
  Other_Punctuation: 'Po',
  Open_Punctuation: 'Ps',
  Symbol: 'S',
  Currency_Symbol: 'Sc',
  Modifier_Symbol: 'Sk',
  Math_Symbol: 'Sm',
  Other_Symbol: 'So',
  Separator: 'Z',
  Line_Separator: 'Zl',
  Paragraph_Separator: 'Zp',
  Space_Separator: 'Zs',
}
const SHORT_CATEGORIES = new Set(Object.values(CATEGORIES))

/**
 * The pattern in the syntax of RE2, without groups that capture.
 * @throws PatternRefused for look-around, back-references and properties that RE2 does not know, and for what
 * is no pattern.
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
    if (!this.#skip('?')) return '(?:'
    if (this.#skip(':')) return '(?:'
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
        throw backReference()
    }
    if (/[1-9]/.test(sign)) throw backReference()
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
    // A hyphen before the bracket stands for itself.
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

  /** The code that an escape stands for, whose first sign was taken. */
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

/** What RE2 calls a property: a category or, where it is said to be one, a script. */
function propertyOf(name: string, value: string | undefined): string {
  const category = value === undefined ? name : /^(?:General_Category|gc)$/.test(name) ? value : undefined
  if (category !== undefined) {
    if (SHORT_CATEGORIES.has(category)) return category
    const short = Object.hasOwn(CATEGORIES, category) ? CATEGORIES[category] : undefined
    if (short !== undefined) return short
    if (category === 'Any' && value === undefined) return 'Any'
  }
  if (value !== undefined && /^(?:Script|sc)$/.test(name)) return value
  throw new PatternRefused(
    `it has the property "${value === undefined ? name : `${name}=${value}`}"; allowed are general categories such as "L" or "Letter", and scripts by their long names such as "Script=Greek"`,
  )
}

function backReference(): PatternRefused {
  return new PatternRefused('it has a back-reference, which RE2 does not support')
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

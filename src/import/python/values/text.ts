import { NotData, NotPython, type PyValue, pyText } from './value.ts'

/*
 * Python's string literals and what `str()` makes of numbers.
 */

const HEAD = /^([a-zA-Z]*)('''|"""|'|")/
const PREFIXES: ReadonlySet<string> = new Set(['', 'r', 'u', 'b', 'br', 'rb', 'f', 'fr', 'rf'])
const SIMPLE: Readonly<Record<string, string>> = {
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\n': '',
}

/** A string token, taken apart. */
export interface StringToken {
  readonly raw: boolean
  readonly bytes: boolean
  readonly format: boolean
  /** Where its content begins and ends, in the token. */
  readonly from: number
  readonly to: number
}

/** A string token, or undefined for what Python refuses: an unknown prefix, no end. */
export function readToken(text: string): StringToken | undefined {
  const [head, prefix = '', quote = ''] = HEAD.exec(text) ?? []
  const kind = prefix.toLowerCase()
  if (head === undefined || !PREFIXES.has(kind)) return undefined
  const from = head.length
  const to = text.length - quote.length
  if (to < from || !text.endsWith(quote)) return undefined
  const end = endOf(text, from, quote)
  if (end !== to && !kind.includes('f')) return undefined
  return { raw: kind.includes('r'), bytes: kind.includes('b'), format: kind.includes('f'), from, to }
}

/** Where the closing quote stands that Python would find. */
function endOf(text: string, from: number, quote: string): number | undefined {
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text.startsWith(quote, at)) return at
    else if (text[at] === '\n' && quote.length === 1) return undefined
  }
  return undefined
}

/**
 * The content of a literal with its escapes resolved; an unknown escape stays as it is.
 * @throws NotData for one that Python refuses or we cannot tell.
 */
export function resolveEscapes(content: string, { raw, bytes }: Pick<StringToken, 'raw' | 'bytes'>): string {
  if (bytes && /[^\0-\x7f]/.test(content)) throw new NotPython('bytes contain non-ASCII characters')
  if (raw || !content.includes('\\')) return content
  return content.replace(
    /\\(?:([0-7]{1,3})|x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([\s\S])(?:(?<=N)\{[^}]+\})?|$)/g,
    (whole, octal, hex, four, eight, sign) => {
      if (octal !== undefined) return byOctal(octal, bytes)
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16))
      if (bytes && (four !== undefined || eight !== undefined)) return whole
      if (four !== undefined || eight !== undefined) return byCodePoint(Number.parseInt(four ?? eight, 16))
      if (sign === undefined) throw new NotPython('it ends with a backslash')
      if (sign === 'x' || (!bytes && (sign === 'u' || sign === 'U')))
        throw new NotPython(`the escape \\${sign} lacks digits`)
      if (sign === 'N' && !bytes && whole.length === 2) throw new NotPython('the escape \\N lacks a name')
      if (sign === 'N' && !bytes)
        throw new NotData('escapes by name (\\N{...}) are not supported; write the character itself')
      return SIMPLE[sign] ?? whole
    },
  )
}

/** The text between two fields of an f-string: doubled braces are one, and one behind a backslash ends nothing. */
export function resolveFormatText(content: string, raw: boolean): string {
  const single = content.replaceAll(/\{\{|\}\}/g, ([brace]) => brace as string) // a match has a first character
  return resolveEscapes(/(?<!\\)(?:\\\\)*\\$/.test(single) && !raw ? `${single}\\` : single, {
    raw,
    bytes: false,
  })
}

function byOctal(digits: string, bytes: boolean): string {
  const code = Number.parseInt(digits, 8)
  if (bytes && code > 0xff) throw new NotData('an octal escape is larger than a byte')
  return String.fromCharCode(code)
}

function byCodePoint(code: number): string {
  if (code > 0x10ffff) throw new NotPython('an escape is beyond Unicode')
  // Python keeps halves of pairs apart; no text in UTF-8 can hold one.
  if (code >= 0xd800 && code <= 0xdfff)
    throw new NotData('it contains half a surrogate pair, which is not valid Unicode')
  return String.fromCodePoint(code)
}

/**
 * What `str()` and `{...}` in an f-string give.
 * @throws NotData for values whose text is not surely the same.
 */
export function toText(value: PyValue): string {
  switch (value.type) {
    case 'none':
      return 'None'
    case 'bool':
      return value.value ? 'True' : 'False'
    case 'int':
      return String(value.value)
    case 'float':
      return printFloat(value.value)
    case 'str':
      return value.value
    default:
      throw new NotData(`converting a ${value.type} to a string is not supported`)
  }
}

/** Python's `repr` of a float: the shortest digits that give it back. */
export function printFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  const [, sign = '', first = '', rest = '', exponent = '0'] =
    /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(value.toExponential()) ?? []
  const power = Number(exponent)
  const digits = first + rest
  if (power < -4 || power >= 16) {
    return `${sign}${first}${rest === '' ? '' : `.${rest}`}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
  }
  if (power < 0) return `${sign}0.${'0'.repeat(-power - 1)}${digits}`
  const whole = digits.slice(0, power + 1).padEnd(power + 1, '0')
  return `${sign}${whole}.${digits.slice(power + 1) || '0'}`
}

/** Adjacent literals joined; text and bytes do not mix. */
export function joinTexts(parts: readonly PyValue[]): PyValue {
  const types = new Set(parts.map(({ type }) => type))
  if (types.size > 1) throw new NotPython('strings and bytes are mixed')
  const texts = parts.flatMap(part => (part.type === 'str' || part.type === 'bytes' ? [part.value] : []))
  return pyText(types.has('bytes') ? 'bytes' : 'str', texts.join(''))
}

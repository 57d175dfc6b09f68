import { SettingsError } from './errors.ts'
import { INTEGER_DIGITS, OBJECT_MEMBERS, OUTSIDE_VALUES, weighDigits } from './json-limits.ts'
import { isArray, type Json, type JsonObject, setMember } from './value.ts'

export interface ParseOptions {
  readonly maxDepth: number
  readonly refuseDuplicates?: boolean
  /** Refuses more values than one message may have. */
  readonly boundValues?: boolean
}

const SPACE = /[ \t\n\r]*/y
const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y

/**
 * Parses JSON (RFC 8259) with exact integers, by recursive descent. It is slower than the native parser, so
 * {@link parseJson} calls it only when that one could round.
 * @throws SettingsError JSON_MALFORMED with line and column.
 */
export function parseExact(text: string, options: ParseOptions): Json {
  let at = 0
  let values = 0

  const skip = (): void => {
    SPACE.lastIndex = at
    SPACE.test(text)
    at = SPACE.lastIndex
  }

  const fail = (what: string, where = at): SettingsError => {
    const before = text.slice(0, where)
    const line = before.split('\n').length
    const column = where - before.lastIndexOf('\n')
    return new SettingsError('JSON_MALFORMED', `Not JSON: ${what} at line ${line}, column ${column}.`, {
      details: { line, column },
    })
  }

  const count = (more: number): void => {
    values += more
    if (options.boundValues && values > OUTSIDE_VALUES)
      throw fail(`the value has more than ${OUTSIDE_VALUES} members and items`)
  }

  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    if (found) at = pattern.lastIndex
    return found
  }

  const string = (): string => {
    const start = at
    if (text[at] !== '"') throw fail(`expected a string, not ${show(text[at])}`)
    let end = at + 1
    for (let code = text.charCodeAt(end); code !== QUOTE; code = text.charCodeAt(end)) {
      if (Number.isNaN(code)) throw fail('unterminated string', start)
      end += code === BACKSLASH ? 2 : 1
    }
    at = end + 1
    try {
      return JSON.parse(text.slice(start, at))
    } catch {
      throw fail('a string contains an unescaped control character or an unknown escape', start)
    }
  }

  const number = (): number | bigint => {
    const start = at
    const found = match(NUMBER)
    if (!found) throw fail(`unexpected ${show(text[at])}`)
    const [token, fraction, exponent] = found
    const double = Number(token)
    if (fraction === undefined && exponent === undefined) {
      if (Number.isSafeInteger(double)) return double
      const digits = token.length - (token.startsWith('-') ? 1 : 0)
      if (digits > INTEGER_DIGITS)
        throw fail(`an integer has ${digits} digits; ${INTEGER_DIGITS} are allowed`, start)
      count(weighDigits(digits) - 1)
      return BigInt(token)
    }
    if (!Number.isFinite(double)) throw fail(`the number ${token} is out of the range of a double`, start)
    return double
  }

  const array = (depth: number): Json => {
    const items: Json[] = []
    at++
    skip()
    if (text[at] === ']') {
      at++
      return items
    }
    for (;;) {
      items.push(value(depth))
      skip()
      const sign = text[at++]
      if (sign === ']') return items
      if (sign !== ',') throw fail(`expected "," or "]", not ${show(sign)}`, at - 1)
    }
  }

  const object = (depth: number): Json => {
    const target: JsonObject = {}
    let members = 0
    at++
    skip()
    if (text[at] === '}') {
      at++
      return target
    }
    for (;;) {
      skip()
      const start = at
      const key = string()
      if (options.refuseDuplicates && Object.hasOwn(target, key))
        throw fail(`duplicate key ${JSON.stringify(key)} in one object`, start)
      if (++members > OBJECT_MEMBERS && options.boundValues)
        throw fail(`an object has more than ${OBJECT_MEMBERS} members`, start)
      skip()
      if (text[at++] !== ':') throw fail(`expected ":", not ${show(text[at - 1])}`, at - 1)
      setMember(target, key, value(depth))
      skip()
      const sign = text[at++]
      if (sign === '}') return target
      if (sign !== ',') throw fail(`expected "," or "}", not ${show(sign)}`, at - 1)
    }
  }

  const word = (literal: string, meaning: Json): Json => {
    if (!text.startsWith(literal, at)) throw fail(`unexpected ${show(text[at])}`)
    at += literal.length
    return meaning
  }

  const value = (depth: number): Json => {
    skip()
    count(1)
    const sign = text[at]
    if (sign === '{' || sign === '[') {
      if (depth >= options.maxDepth) throw fail(`nesting deeper than ${options.maxDepth} levels`)
      return sign === '{' ? object(depth + 1) : array(depth + 1)
    }
    if (sign === '"') return string()
    if (sign === 't') return word('true', true)
    if (sign === 'f') return word('false', false)
    if (sign === 'n') return word('null', null)
    return number()
  }

  const result = value(0)
  skip()
  if (at < text.length) throw fail(`unexpected ${show(text[at])} after the end of the value`)
  return result
}

function show(sign: string | undefined): string {
  return sign === undefined ? 'end of text' : JSON.stringify(sign)
}

/**
 * Parses a text from outside with the native parser, which is several times as fast as an exact one. Undefined
 * for a text that is not JSON, has a duplicate key, or with `boundValues` too many values: the exact parser
 * tells where. The text must nest within the limit, and have no number that the native parser rounds.
 *
 * Invariant: a duplicate key is a name in the text for which the value has no member, so their numbers differ.
 */
export function parsePlain(text: string, boundValues: boolean): Json | undefined {
  let value: Json
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  const { values, members, most } = countIn(value)
  if (boundValues && (values > OUTSIDE_VALUES || most > OBJECT_MEMBERS)) return undefined
  return members === countNames(text) ? value : undefined
}

/** The values in a value, the members of all its objects, and those of the largest one. */
function countIn(value: Json): { readonly values: number; readonly members: number; readonly most: number } {
  let [values, members, most] = [0, 0, 0]
  const look = (one: Json): void => {
    values++
    if (typeof one !== 'object' || one === null) return
    if (isArray(one)) {
      for (let i = 0; i < one.length; i++) look(one[i] as Json)
      return
    }
    const keys = Object.keys(one)
    members += keys.length
    if (keys.length > most) most = keys.length
    for (const key of keys) look(one[key] as Json)
  }
  look(value)
  return { values, members, most }
}

/** The names of members in a JSON text: its strings with a colon after them. */
function countNames(text: string): number {
  let names = 0
  for (let start = text.indexOf('"'); start >= 0; ) {
    let end = text.indexOf('"', start + 1)
    while (isEscaped(text, end)) end = text.indexOf('"', end + 1)
    let next = end + 1
    while (isSpace(text.charCodeAt(next))) next++
    if (text.charCodeAt(next) === COLON) names++
    start = text.indexOf('"', next)
  }
  return names
}

/** True when the quote is part of a string: behind an odd number of backslashes. */
function isEscaped(text: string, quote: number): boolean {
  let at = quote
  while (text.charCodeAt(at - 1) === BACKSLASH) at--
  return (quote - at) % 2 === 1
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09
}

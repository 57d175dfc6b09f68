import { SettingsError } from './errors.ts'
import { parseExact, parsePlain } from './json-parser.ts'
import { isArray, type Json, MAX_DEPTH } from './value.ts'

/** A run of 16 digits, which the native functions might round. */
const EXACT = /\d{16}/
/**
 * An exponent that could reach infinity. The expected character after it excludes the hexadecimal digits of a
 * write id.
 */
const HUGE = /\d[eE]\+?\d{3,}[ \t\n\r]*(?:[,\]}]|$)/

/**
 * Parses JSON text without rounding an integer of any size.
 * @throws SettingsError JSON_MALFORMED for a text that is not JSON, nests deeper than {@link MAX_DEPTH}, or
 * contains a number beyond the range of a double.
 * @example
 * parseJson('{"id": 9007199254740993}') // { id: 9007199254740993n }
 */
export function parseJson(text: string): Json {
  if (EXACT.test(text) || HUGE.test(text)) return parseExact(text, { maxDepth: MAX_DEPTH })
  if (isDeep(text))
    throw new SettingsError(
      'JSON_MALFORMED',
      `The JSON value nests deeper than the allowed ${MAX_DEPTH} levels.`,
    )
  try {
    return JSON.parse(text)
  } catch {
    // Parsed again, because the error of the native parser has no position.
    return parseExact(text, { maxDepth: MAX_DEPTH })
  }
}

/**
 * Like {@link parseJson}, but rejects an object with a duplicate key: for text from outside. With
 * `boundValues` it also rejects more values than one message may have, so that none blocks the process.
 */
export function parseUntrustedJson(text: string, boundValues = false): Json {
  // With escaped names the native parser of Node 26 mistakes one for another.
  const isPlain = !text.includes('\\') && !EXACT.test(text) && !HUGE.test(text) && !isDeep(text)
  const plain = isPlain ? parsePlain(text, boundValues) : undefined
  return plain ?? parseExact(text, { maxDepth: MAX_DEPTH, refuseDuplicates: true, boundValues })
}

/**
 * Prints a JSON value so that {@link parseJson} returns exactly the same value: a bigint as its digits, a
 * double from 2^53 on with an exponent. As in JSON.stringify, zero has no sign, keys are in insertion order,
 * and `undefined` members are omitted. Indent in spaces, 0 for one line.
 * @example
 * printJson({ id: 9007199254740993n }) // '{"id":9007199254740993}'
 */
export function printJson(value: Json | undefined, indent = 0): string {
  // The native printer refuses it with an error, which takes as long as a hundred digits.
  if (typeof value === 'bigint') return value.toString()
  const text = printNatively(value, indent)
  if (text !== undefined && !EXACT.test(text)) return text
  return print(value ?? null, indent > 0 ? ' '.repeat(indent) : '', '\n')
}

/** True for a text that nests deeper than {@link MAX_DEPTH}. */
function isDeep(text: string): boolean {
  if (!mayBeDeep(text)) return false
  let depth = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (inString) {
      if (code === 0x5c) i++
      else if (code === 0x22) inString = false
    } else if (code === 0x22) inString = true
    else if (code === 0x5b || code === 0x7b) {
      if (++depth > MAX_DEPTH) return true
    } else if (code === 0x5d || code === 0x7d) depth--
  }
  return false
}

/** False when a text has too few brackets to nest too deep; a fast check that suffices for most texts. */
function mayBeDeep(text: string): boolean {
  let left = MAX_DEPTH
  for (const bracket of '{[') {
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1))
      if (left-- === 0) return true
  }
  return false
}

function printNatively(value: Json | undefined, indent: number): string | undefined {
  try {
    return JSON.stringify(value, undefined, indent)
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}

function print(value: Json, indent: string, lead: string): string {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'number') return printNumber(value)
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const inner = lead + indent
  if (isArray(value)) {
    const items = value.map(item => print(item ?? null, indent, inner))
    return enclose('[', items, ']', indent, lead)
  }
  const colon = indent === '' ? ':' : ': '
  const members = Object.keys(value).flatMap(key => {
    const member = value[key]
    return member === undefined ? [] : [JSON.stringify(key) + colon + print(member, indent, inner)]
  })
  return enclose('{', members, '}', indent, lead)
}

function enclose(open: string, items: string[], close: string, indent: string, lead: string): string {
  if (items.length === 0) return open + close
  if (indent === '') return open + items.join(',') + close
  return open + items.map(item => lead + indent + item).join(',') + lead + close
}

function printNumber(value: number): string {
  if (Math.abs(value) > Number.MAX_SAFE_INTEGER && Number.isFinite(value)) return value.toExponential()
  return JSON.stringify(value)
}

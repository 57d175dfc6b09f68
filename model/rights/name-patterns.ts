import { SettingsError } from '../errors.ts'
import { quote } from '../quote.ts'

/*
 * Patterns of names, in which `*` stands for any number of characters except "/". No other character is
 * special.
 */

/** Maximum number of patterns of one kind in a token. */
export const MAX_PATTERNS = 100
const PART = '[A-Za-z0-9*][A-Za-z0-9._*-]{0,63}'
/** The allowed patterns of namespaces. */
export const NAMESPACE_PATTERN = new RegExp(`^${PART}/${PART}$`)
/** The allowed patterns of boxes, in the characters of their namespaces. */
export const BOX_PATTERN = /^[^\u0000-\u001f\u007f-\u009f/\\]{1,180}$/

/** @throws SettingsError CONTENT_MALFORMED for anything but a non-empty array of patterns of namespaces. */
export function parseNamespacePatterns(value: unknown): readonly string[] {
  return parsePatterns(value, {
    field: 'namespaces',
    isPattern: text => NAMESPACE_PATTERN.test(text),
    allowed: 'NApp ids "username/name" with "*" for any characters except "/", such as "kytos/*"',
  })
}

/** @throws SettingsError CONTENT_MALFORMED for anything but a non-empty array of patterns of box namespaces. */
export function parseBoxPatterns(value: unknown): readonly string[] {
  return parsePatterns(value, {
    field: 'boxes',
    isPattern: text => BOX_PATTERN.test(text) && text.isWellFormed(),
    allowed: 'namespaces of boxes with "*" for any characters, such as "kytos.*"',
  })
}

/** True when a pattern matches the whole name, in time proportional to both lengths at most. */
export function matchesPattern(pattern: string, name: string): boolean {
  let at = 0
  let star = -1
  let retryFrom = 0
  for (let i = 0; i < name.length; ) {
    if (pattern[at] === '*') {
      star = at++
      retryFrom = i
    } else if (pattern[at] === name[i]) {
      at++
      i++
    } else if (star >= 0 && name[retryFrom] !== '/') {
      // The last "*" takes one more character.
      at = star + 1
      i = ++retryFrom
    } else return false
  }
  while (pattern[at] === '*') at++
  return at === pattern.length
}

interface PatternKind {
  readonly field: string
  readonly isPattern: (text: string) => boolean
  readonly allowed: string
}

function parsePatterns(value: unknown, { field, isPattern, allowed }: PatternKind): readonly string[] {
  const given: readonly unknown[] = Array.isArray(value) ? value : []
  const wrong = given.find(one => typeof one !== 'string' || !isPattern(one))
  if (given.length > 0 && given.length <= MAX_PATTERNS && wrong === undefined)
    // The check above does not narrow the type.
    return [...new Set(given as readonly string[])]
  const got = given.length > MAX_PATTERNS ? `${given.length} of them` : quote(wrong ?? value)
  throw new SettingsError(
    'CONTENT_MALFORMED',
    `"${field}" must be an array of 1 to ${MAX_PATTERNS} ${allowed}, not ${got}.`,
    { details: { field, expected: allowed } },
  )
}

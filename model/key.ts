import { SettingsError } from './errors.ts'

declare const key: unique symbol
/**
 * The key of one document in a store, the same in every backend: percent-encoded segments joined by `/`. It
 * is plain ASCII, so string order is byte order. Only this file creates keys; {@link parseKey} makes one of a
 * text from a store.
 */
export type Key = string & { readonly [key]: 'key' }
/** A prefix of keys: whole segments, with `/` at the end; the empty prefix is that of every key. */
export type Prefix = string & { readonly [key]: 'prefix' }

/** The kinds of documents: the first segment of a key. */
export const KINDS = [
  'armed',
  'boxes',
  'controllers',
  'history',
  'meta',
  'pending',
  'presence',
  'schemas',
  'settings',
  'tokens',
] as const
export type Kind = (typeof KINDS)[number]

const PLAIN = /^[A-Za-z0-9_-]+$/
const ENCODED = /^(?:[A-Za-z0-9_-]|%[0-9A-F]{2})+$/

/**
 * Joins segments of any text into a key.
 * @throws SettingsError CONTENT_MALFORMED for an empty segment or a lone surrogate.
 */
export function makeKey(kind: Kind, ...segments: readonly string[]): Key {
  return [kind, ...segments.map(encodeSegment)].join('/') as Key
}

/** The prefix of all keys below these segments. */
export function makePrefix(kind: Kind, ...segments: readonly string[]): Prefix {
  return `${makeKey(kind, ...segments)}/` as Prefix
}

/** The prefix of every key. */
export const EVERYTHING = '' as Prefix

/**
 * Parses a key from a store; undefined when it is foreign (an unknown kind, or an encoding that {@link
 * makeKey} does not produce).
 */
export function parseKey(text: string): Key | undefined {
  const [kind, ...rest] = text.split('/')
  if (!KINDS.includes(kind as Kind) || rest.length === 0) return undefined
  return rest.every(segment => decodeSegment(segment) !== undefined) ? (text as Key) : undefined
}

/** The kind and the decoded segments of a key. */
export function splitKey(address: Key): { kind: Kind; segments: readonly string[] } {
  const [kind, ...rest] = address.split('/')
  // The casts: a Key was checked when it was created, so its kind is known and every segment decodes.
  return { kind: kind as Kind, segments: rest.map(segment => decodeSegment(segment) ?? segment) }
}

/** The prefix of the history records of a document. */
export function historyPrefix(document: Key): Prefix {
  return `history/${document}/` as Prefix
}

/**
 * The key of a history record; versions count from 1 and have 12 digits, so that their order is that of keys.
 */
export function historyKey(document: Key, version: number): Key {
  return `${historyPrefix(document)}${String(version).padStart(12, '0')}` as Key
}

/** The document and the version of a history key; undefined for any other key. */
export function parseHistoryKey(address: Key): { document: Key; version: number } | undefined {
  const found = /^history\/(.+)\/(\d{12})$/.exec(address)
  return found ? { document: found[1] as Key, version: Number(found[2]) } : undefined
}

/** The number of segments of a key below its kind, for the kinds that name no other document. */
const SEGMENTS: Readonly<Partial<Record<Kind, number>>> = {
  boxes: 2,
  controllers: 3,
  meta: 1,
  presence: 2,
  schemas: 3,
  settings: 2,
  tokens: 1,
}

/**
 * True for a key with the number of segments of its kind: `settings/<username>/<name>`,
 * `history/<key>/<version>`.
 */
export function isDocumentKey(address: Key): boolean {
  const [kind, ...rest] = address.split('/')
  if (kind === 'history') return isOverridesKey(parseHistoryKey(address)?.document ?? '')
  if (kind === 'armed' || kind === 'pending') return isOverridesKey(rest.join('/'))
  return SEGMENTS[kind as Kind] === rest.length
}

/** True for the key of overrides. */
function isOverridesKey(address: string): boolean {
  const [kind, ...rest] = address.split('/')
  return (kind === 'settings' || kind === 'controllers') && SEGMENTS[kind] === rest.length
}

/** Percent-encodes a segment reversibly: only `[A-Za-z0-9_-]` are not encoded. */
export function encodeSegment(segment: string): string {
  if (PLAIN.test(segment)) return segment
  if (segment === '' || !segment.isWellFormed()) {
    throw new SettingsError(
      'CONTENT_MALFORMED',
      `${JSON.stringify(segment)} cannot be a segment of a key: it is empty or not valid Unicode.`,
    )
  }
  let text = ''
  for (const byte of Buffer.from(segment, 'utf8')) {
    const sign = String.fromCharCode(byte)
    text += PLAIN.test(sign) ? sign : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return text
}

/** Decodes a segment; undefined for an encoding that {@link encodeSegment} does not produce. */
export function decodeSegment(segment: string): string | undefined {
  if (PLAIN.test(segment)) return segment
  if (!ENCODED.test(segment)) return undefined
  try {
    const text = decodeURIComponent(segment)
    return encodeSegment(text) === segment ? text : undefined
  } catch {
    return undefined
  }
}

/** The key of the state of a confirmed commit at a document of overrides. */
export function pendingKey(document: Key): Key {
  return `pending/${document}` as Key
}

/** The key that exists while a confirmed commit of a document may be confirmed; the store deletes it. */
export function armedKey(document: Key): Key {
  return `armed/${document}` as Key
}

/** The prefix of all tokens. */
export const TOKENS = makePrefix('tokens')

/** The key of the token with this id. */
export function tokenKey(id: string): Key {
  return makeKey('tokens', id)
}

/** True for the key of a token. */
export function isTokenKey(key: Key): boolean {
  return key.startsWith(TOKENS)
}

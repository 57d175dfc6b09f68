import type { Entry } from './document.ts'
import { parseJson } from './json.ts'
import { isDocumentKey, type Key, KINDS, makeKey, parseHistoryKey, parseKey } from './key.ts'
import { isArray, isObject, type Json } from './value.ts'

/*
 * Two stores overlap when the prefix of one is the prefix of the other followed by one of our kinds: `/x` and
 * `/x/settings`, `/x` and `/x/boxes/y`. Then `settings/tokens/<id>` of the outer store is `tokens/<id>` of
 * the inner one, and each store mistakes documents of the other for its own.
 */

/**
 * The key of the mark of a store: `{format, epoch}`, or `{format, filling}` while it is being loaded. A
 * prefix with this document is a store.
 */
export const STORE_KEY = makeKey('meta', 'store')

/** The pattern of the hash of a token in a store. */
export const TOKEN_HASH = /^sha256:([A-Za-z0-9_-]{43})$/

/**
 * The prefixes above `prefix` whose store would own its keys, nearest first: each is `prefix` without a rest
 * that starts with one of our kinds.
 */
export function outerPlaces(prefix: string): readonly string[] {
  const places: string[] = []
  for (let at = prefix.lastIndexOf('/'); at >= 0; at = at === 0 ? -1 : prefix.lastIndexOf('/', at - 1)) {
    if (isKind(prefix.slice(at + 1).split('/')[0])) places.push(prefix.slice(0, at))
  }
  return places
}

/**
 * The relative place, with `/` at the end, of the nested store whose `meta/store` has this address; undefined
 * for any other address, and for that of this store.
 */
export function nestedPlace(address: string): string | undefined {
  if (!address.endsWith(`/${STORE_KEY}`)) return undefined
  const place = address.slice(0, -STORE_KEY.length)
  return isKind(place.split('/')[0]) ? place : undefined
}

/**
 * True for a key that no document of this store can have, but that ends in one: a document of a nested store.
 */
export function isNestedKey(key: Key): boolean {
  if (isDocumentKey(key)) return false
  for (let at = key.indexOf('/'); at >= 0; at = key.indexOf('/', at + 1)) {
    const inner = parseKey(key.slice(at + 1))
    if (inner !== undefined && isDocumentKey(inner)) return true
  }
  return false
}

/** True for the text of a `meta/store`. */
export function isStoreMark(text: string): boolean {
  const value = parseOrUndefined(text)
  if (!isObject(value) || typeof value.format !== 'number') return false
  return typeof value.epoch === 'number' || isObject(value.filling)
}

/**
 * True when an entry may be a document of a nested store, although its key can be one of ours. Its text is a
 * `meta/store` or a token at such a key, or its key is below one of these places of {@link nestedPlace}. An
 * entry with the text of a box never is.
 */
export function isDoubtful(key: Key, text: string, places: Iterable<string>): boolean {
  if (nestedPlace(key) !== undefined && isStoreMark(text)) return true
  if (/\/tokens\/[^/]+$/.test(key) && isTokenText(text)) return true
  return isBelow(key, places) && !(key.startsWith('boxes/') && isBoxText(text))
}

/** True when a key is that of a document of a store at one of these places. */
export function isBelow(key: Key, places: Iterable<string>): boolean {
  for (const place of places) {
    const inner = key.startsWith(place) ? parseKey(key.slice(place.length)) : undefined
    if (inner !== undefined && isDocumentKey(inner)) return true
  }
  return false
}

/**
 * The entries in a copy of a store without those of a nested store. Removed are keys that no document of this
 * store can have, and a token or a `meta/store` at a key of overrides without a history record of the same
 * revision.
 */
export function ownAmong(entries: readonly Entry[]): readonly Entry[] {
  const possible = entries.filter(({ key }) => !isNestedKey(key))
  const doubtful = possible.filter(({ key, text }) => isDoubtful(key, text, []))
  if (doubtful.length === 0) return possible
  const recorded = new Set(
    possible.map(({ key, modRevision: revision }) => `${parseHistoryKey(key)?.document} ${revision}`),
  )
  const foreign = new Set(
    doubtful.filter(({ key, modRevision: revision }) => !recorded.has(`${key} ${revision}`)),
  )
  return possible.filter(entry => !foreign.has(entry))
}

function isTokenText(text: string): boolean {
  const value = parseOrUndefined(text)
  return (
    isObject(value) && typeof value.hash === 'string' && TOKEN_HASH.test(value.hash) && isArray(value.rights)
  )
}

function isBoxText(text: string): boolean {
  const value = parseOrUndefined(text)
  return isObject(value) && value.data !== undefined && value.created_at !== undefined
}

function isKind(text: string | undefined): boolean {
  return KINDS.some(kind => kind === text)
}

function parseOrUndefined(text: string): Json | undefined {
  try {
    return parseJson(text)
  } catch {
    return undefined // a text that is not JSON is none of these
  }
}

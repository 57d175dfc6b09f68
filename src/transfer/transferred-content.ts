import type { Entry } from '../../model/document.ts'
import { parseJson, printJson } from '../../model/json.ts'
import { isDocumentKey, type Key, type Kind, parseHistoryKey } from '../../model/key.ts'
import { isObject } from '../../model/value.ts'

/*
 * The content of a store, which a transfer copies. Not copied are:
 *  - `meta/store`: a store that was loaded begins an epoch of its own, above that of its source, so that no
 *    controller mistakes one for the other.
 *  - `presence`: a controller that runs on one store does not run on the other.
 *  - `armed`: the time for a confirmation is kept by its store, and the rest of it cannot be read. `pending`
 *    is copied, because a transfer must not make an unconfirmed change permanent. A controller that sees it
 *    without its time rolls it back.
 * Tokens are copied: they hold hashes only, and their clients do not depend on the backend.
 */
const TRANSFERRED_KINDS: ReadonlySet<string> = new Set([
  'boxes',
  'controllers',
  'history',
  'pending',
  'schemas',
  'settings',
  'tokens',
] satisfies Kind[])

/**
 * True for content of a store, as opposed to data about the store itself or its controllers. A key that no
 * document of a store has, such as one of a store that is nested below this one, is no content: it is neither
 * copied nor compared nor removed.
 */
export function isTransferred(key: Key): boolean {
  return TRANSFERRED_KINDS.has(kindOf(key)) && isDocumentKey(key)
}

/**
 * True for a key that an archive may hold; archives of older releases also hold keys of nested stores, which
 * a restore ignores.
 */
export function isArchived(key: Key): boolean {
  return TRANSFERRED_KINDS.has(kindOf(key))
}

/** The kind of a key: its first segment. */
export function kindOf(key: Key): string {
  return key.slice(0, key.indexOf('/'))
}

/**
 * The text of an entry in another store. A record of a hand edit holds the revision of that edit, which has
 * another meaning, or none, in another store. It is removed, so that the record counts there, as every other
 * one, from the commit that put it.
 */
export function transferredText({ key, text }: Entry): string {
  if (!parseHistoryKey(key) || !text.includes('"revision"')) return text
  const record = parseOrUndefined(text)
  if (!isObject(record) || record.revision === undefined) return text
  const { revision: _revision, resealed: _resealed, ...rest } = record
  return printJson(rest)
}

function parseOrUndefined(text: string) {
  try {
    return parseJson(text)
  } catch {
    return undefined // another program wrote it; it is copied as it is
  }
}

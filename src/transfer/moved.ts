import type { Entry } from '../../model/document.ts'
import { parseJson, printJson } from '../../model/json.ts'
import { isDocumentKey, type Key, type Kind, parseHistoryKey } from '../../model/key.ts'
import { isObject } from '../../model/value.ts'

/*
 * What of a store is its content, and moves with it. Not so:
 *  - `meta/store`: a store that was filled begins an epoch of its own, above that of the one it was filled
 *    from, so that nobody takes it for the other one.
 *  - `presence`: who runs on the one store does not run on the other.
 *  - `armed`: the time that a change has to be confirmed is kept by its store, and nobody can read what is
 *    left of it. `pending` moves: a change that nobody confirmed does not become a lasting one by being
 *    moved. Whoever sees it without its time takes it back.
 * Tokens move: they hold hashes only, and whoever uses one does not know which backend there is.
 */
const MOVED: ReadonlySet<string> = new Set([
  'boxes',
  'controllers',
  'history',
  'pending',
  'schemas',
  'settings',
  'tokens',
] satisfies Kind[])

/**
 * True for what is content of a store, rather than about the store itself or who runs on it. A key that no
 * document of a store has, such as one of a store that is nested below this one, is nobody's content here: it
 * is neither copied nor compared nor removed.
 */
export function isMoved(key: Key): boolean {
  return MOVED.has(kindOf(key)) && isDocumentKey(key)
}

/**
 * True for a key that an archive may hold; those of older releases also hold keys of nested stores, which no
 * restore takes.
 */
export function isArchived(key: Key): boolean {
  return MOVED.has(kindOf(key))
}

/** The kind of a key, as a text. */
export function kindOf(key: Key): string {
  return key.slice(0, key.indexOf('/'))
}

/**
 * The text that an entry has in another store. A record of an edit by hand names the revision of that edit: a
 * number of the store where it happened, which would mean something else, or nothing, in another one. There
 * the record counts, as every other one, from the commit that brought it.
 */
export function carriedText({ key, text }: Entry): string {
  if (!parseHistoryKey(key) || !text.includes('"revision"')) return text
  const record = parseOrUndefined(text)
  if (!isObject(record) || record.revision === undefined) return text
  const { revision: _revision, ...rest } = record
  return printJson(rest)
}

function parseOrUndefined(text: string) {
  try {
    return parseJson(text)
  } catch {
    return undefined // another hand wrote it; it moves as it is
  }
}

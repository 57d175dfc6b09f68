import { isDocumentKey, type Key } from '../../model/key.ts'
import { STORE_KEY } from '../../model/overlap.ts'
import { parseOverridesKey } from './document-state.ts'

/** The largest number of foreign keys that are reported. */
const MAX_REPORTED = 100

/**
 * Finds keys below our kinds that no document of a store has: another program put them there. They are never
 * read as documents or records; each is returned once, and at most 100 in the life of a process.
 */
export class ForeignKeys {
  readonly #seen = new Set<Key>()

  /** The foreign keys among these that were not returned before. */
  among(keys: Iterable<Key>): readonly Key[] {
    const found: Key[] = []
    for (const key of keys) {
      if (this.#seen.size >= MAX_REPORTED) break
      if (!isForeignKey(key) || this.#seen.has(key)) continue
      this.#seen.add(key)
      found.push(key)
    }
    return found
  }
}

/** True for a key that is valid, and that no document of this release has. */
export function isForeignKey(key: Key): boolean {
  if (!isDocumentKey(key)) return true
  if (key.startsWith('meta/')) return !META_KEYS.has(key)
  return (key.startsWith('settings/') || key.startsWith('controllers/')) && !parseOverridesKey(key)
}

/** `meta/keys` is written by releases with sealed values. */
const META_KEYS: ReadonlySet<string> = new Set([STORE_KEY, 'meta/keys'])

/** The sentence for the log about a foreign key. */
export function foreignKeyMessage(key: Key): string {
  return `Ignored the key "${key}": it is not a document of this store. Another program put it there; delete it in the store.`
}

import type { Entry, Revision } from '../../model/document.ts'
import { type Key, splitKey } from '../../model/key.ts'
import { type Namespace, parseNamespace, schemaKey } from '../../model/namespace.ts'
import { compareNappVersions, parseSchemaDocument, type SchemaDocument } from '../settings/schema-document.ts'

/** A schema as it stands in the store. */
interface StoredSchema {
  readonly revision: Revision
  readonly text: string
  readonly document: SchemaDocument
}

/** All schemas, of every version of every NApp, and which of them is in use here. */
export class SchemaShelf {
  readonly #stored = new Map<Namespace, Map<string, StoredSchema>>()
  /** The digest that this process's NApp registered, in use as soon as the store has it. */
  readonly #preferred = new Map<Namespace, string>()
  /** Registered while the store was away: in use here until it is stored. */
  readonly #local = new Map<Namespace, SchemaDocument>()

  /** The schema in use: the one registered in this process, else the stored one of the highest NApp version, else (ties) the newest. */
  inUse(namespace: Namespace): SchemaDocument | undefined {
    const stored = this.#stored.get(namespace)
    const registered = stored?.get(this.#preferred.get(namespace) ?? '')?.document ?? this.#local.get(namespace)
    if (registered) return registered
    let best: StoredSchema | undefined
    for (const one of stored?.values() ?? []) {
      const order = best ? compareNappVersions(one.document.nappVersion, best.document.nappVersion) : 1
      if (order > 0 || (order === 0 && best && one.revision > best.revision)) best = one
    }
    return best?.document
  }

  prefer(namespace: Namespace, document: SchemaDocument, local: boolean): void {
    this.#preferred.set(namespace, document.digest)
    if (local) this.#local.set(namespace, document)
  }

  /** Takes a stored schema in. @throws SettingsError for a name or a text that is none of ours. */
  put(entry: Entry): void {
    const { namespace, digest } = placeOf(entry.key)
    const document = parseSchemaDocument(entry.text)
    const stored = this.#stored.get(namespace) ?? new Map<string, StoredSchema>()
    this.#stored.set(namespace, stored.set(digest, { revision: entry.revision, text: entry.text, document }))
    if (this.#local.get(namespace)?.digest === digest) this.#local.delete(namespace)
  }

  remove(key: Key): void {
    const { namespace, digest } = placeOf(key)
    const stored = this.#stored.get(namespace)
    stored?.delete(digest)
    if (stored?.size === 0) this.#stored.delete(namespace)
  }

  hasStored(namespace: Namespace, digest: string): boolean {
    return this.#stored.get(namespace)?.has(digest) ?? false
  }

  /** The revision of the newest stored schema of a namespace; 0 when there is none. */
  revision(namespace: Namespace): Revision {
    let newest = 0n
    for (const { revision } of this.#stored.get(namespace)?.values() ?? []) if (revision > newest) newest = revision
    return newest
  }

  *namespaces(): Iterable<Namespace> {
    yield* this.#local.keys()
    yield* this.#stored.keys()
  }

  /** The text stored at a key; undefined when it is not one of a schema in the store. */
  text(key: Key): string | undefined {
    const { segments } = splitKey(key)
    // Only looked up, so that a name which is none finds nothing.
    return this.#stored.get(segments.slice(0, 2).join('/') as Namespace)?.get(segments[2] ?? '')?.text
  }

  *entries(): Iterable<Entry> {
    for (const [namespace, stored] of this.#stored) {
      for (const [digest, { text, revision }] of stored) yield { key: schemaKey(namespace, digest), text, revision, created: revision }
    }
  }
}

/** Whose schema a key holds. @throws SettingsError NAMESPACE_MALFORMED. */
export function placeOf(key: Key): { namespace: Namespace; digest: string } {
  const [username = '', name = '', digest = ''] = splitKey(key).segments
  return { namespace: parseNamespace(`${username}/${name}`), digest }
}

import type { Backend, Operation } from '../../../backends/backend.ts'
import type { Entry } from '../../../model/document.ts'
import type { Key } from '../../../model/key.ts'
import {
  CLUSTER,
  type Namespace,
  overridesKey,
  type Scope,
  schemaKey,
  schemaPrefix,
} from '../../../model/namespace.ts'
import type { Watcher } from '../../watcher/watcher.ts'
import type { ReadDocument } from './change-attempt.ts'
import type { EditedDocument } from './plan.ts'
import { unknownNamespace } from './unknown-namespace.ts'

/** The place of overrides that a command requires. */
interface Place {
  readonly namespace: Namespace
  readonly scope: Scope
}

/**
 * The existence of namespaces that a command requires: a namespace exists while it has a schema, or overrides
 * of the cluster, of this controller or in the scope of the command.
 *
 * Invariant: a namespace is reported as unknown only when the store, read after the call, shows none of them.
 * A deletion of nothing is accepted only by a commit that is guarded by one of them. So of concurrent
 * deletions without a guard one is done, and each other one is answered as if it had come after it.
 */
export class Existence {
  readonly #backend: Backend
  readonly #watcher: Watcher

  constructor(backend: Backend, watcher: Watcher) {
    this.#backend = backend
    this.#watcher = watcher
  }

  /**
   * The guards of a commit that deletes overrides which do not exist: one proof for each namespace. In a
   * retry the proof is read from the store, because the cached one may be what the attempt before lost by.
   * @throws SettingsError NAMESPACE_NOT_FOUND.
   */
  async guards(
    documents: readonly ReadDocument<EditedDocument>[],
    isRetry: boolean,
  ): Promise<readonly Operation[]> {
    const found = new Map<Key, Operation>()
    for (const { namespace, scope, edits, base } of documents) {
      if (base.entry || !edits.some(edit => edit.mustBeKnown)) continue
      const scopes = this.#scopes(scope)
      const together = documents.filter(one => one.namespace === namespace)
      // The commit guards its own documents.
      if (together.some(one => one.base.entry && scopes.includes(one.scope))) continue
      const proof =
        (isRetry ? undefined : this.#cached({ namespace, scope }, together)) ??
        (await this.#read({ namespace, scope }))
      if (proof === 'unguarded') continue
      const { key, modRevision } = proof
      if (!together.some(one => one.key === key)) found.set(key, { key, check: true, expected: modRevision })
    }
    return [...found.values()]
  }

  /** @throws SettingsError NAMESPACE_NOT_FOUND, decided from the store. */
  async require(place: Place): Promise<void> {
    if (!this.#cached(place)) await this.#read(place)
  }

  #scopes(scope: Scope): readonly Scope[] {
    return [...new Set([CLUSTER, this.#watcher.cache.self, scope])]
  }

  /**
   * The proof that the cache has besides documents that were read; `unguarded` for a schema that a NApp of
   * this process uses and that is not stored yet.
   */
  #cached(
    { namespace, scope }: Place,
    read: readonly EditedDocument[] = [],
  ): Pick<Entry, 'key' | 'modRevision'> | 'unguarded' | undefined {
    const { cache } = this.#watcher
    const unread = this.#scopes(scope).filter(one => !read.some(document => document.scope === one))
    const entries = unread.map(one => cache.document(namespace, one)?.entry)
    const entry = entries.find(one => one !== undefined)
    if (entry) return entry
    const schema = cache.schema(namespace)
    const modRevision = cache.schemaRevision(namespace)
    if (!schema) return undefined
    return modRevision === undefined ? 'unguarded' : { key: schemaKey(namespace, schema.digest), modRevision }
  }

  async #read({ namespace, scope }: Place): Promise<Entry | 'unguarded'> {
    const { pages } = await this.#backend.list(schemaPrefix(namespace))
    for await (const [schema] of pages) if (schema) return schema
    for (const one of this.#scopes(scope)) {
      const entry = await this.#backend.get(overridesKey(namespace, one))
      if (entry) return entry
    }
    if (this.#cached({ namespace, scope }) === 'unguarded') return 'unguarded'
    throw unknownNamespace(this.#watcher.cache, namespace)
  }
}

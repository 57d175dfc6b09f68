import type { Backend } from '../../backends/backend.ts'
import { type Namespace, schemaKey } from '../../model/namespace.ts'
import type { Watcher } from '../watcher/watcher.ts'
import { printSchemaDocument, type SchemaDocument } from './schema-document.ts'

/** Milliseconds that a registration waits for the store to be there before it counts in this process only. */
const PATIENCE = 2_000

/** Brings the schemas that NApps of this process register into use and into the store. */
export class Registrar {
  readonly #backend: Backend
  readonly #watcher: Watcher
  /** Registered while the store was away. */
  readonly #unstored = new Map<Namespace, SchemaDocument>()

  constructor(backend: Backend, watcher: Watcher) {
    this.#backend = backend
    this.#watcher = watcher
  }

  /** In use when it resolves; stored too, unless the store is away: then {@link catchUp} stores it. One that is there already commits nothing. */
  async register(namespace: Namespace, document: SchemaDocument): Promise<void> {
    const away = !(await this.#watcher.ready(PATIENCE))
    await this.#watcher.cache.register(namespace, document, away)
    if (away) this.#unstored.set(namespace, document)
    else await this.#store(namespace, document)
  }

  /** Stores what was registered while the store was away; to be called when it is back. */
  async catchUp(): Promise<void> {
    for (const [namespace, document] of this.#unstored) {
      await this.#watcher.cache.register(namespace, document)
      await this.#store(namespace, document)
      this.#unstored.delete(namespace)
    }
  }

  async #store(namespace: Namespace, document: SchemaDocument): Promise<void> {
    if (this.#watcher.cache.hasStoredSchema(namespace, document.digest)) return
    const key = schemaKey(namespace, document.digest)
    const outcome = await this.#backend.commit([{ key, put: printSchemaDocument(document), expected: 'absent' }])
    // Another controller may have been faster; then its commit is the one to wait for.
    const revision = outcome.committed ? outcome.revision : outcome.found[0]?.revision
    if (revision !== undefined) await this.#watcher.passed(revision)
  }
}

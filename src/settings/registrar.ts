import type { Backend } from '../../backends/backend.ts'
import { isSettingsError } from '../../model/errors.ts'
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
    if (await this.#watcher.ready(PATIENCE)) {
      this.#unstored.delete(namespace)
      await this.#watcher.register(namespace, document)
      try {
        return await this.#store(namespace, document)
      } catch (error) {
        if (!isSettingsError(error, 'STORE_UNREACHABLE', 'OUTCOME_UNKNOWN')) throw error
      }
    }
    this.#unstored.set(namespace, document)
    await this.#watcher.register(namespace, document, true)
  }

  /** Stores what was registered while the store was away; to be called when it is back. */
  async catchUp(): Promise<void> {
    const failures: unknown[] = []
    for (const [namespace, document] of [...this.#unstored]) {
      try {
        await this.#watcher.register(namespace, document)
        await this.#store(namespace, document)
        // A newer one may have been registered meanwhile.
        if (this.#unstored.get(namespace) === document) this.#unstored.delete(namespace)
      } catch (error) {
        failures.push(error)
      }
    }
    // One that the store refuses keeps no other from being stored.
    if (failures.length > 0) throw failures[0]
  }

  async #store(namespace: Namespace, document: SchemaDocument): Promise<void> {
    if (this.#watcher.cache.hasStoredSchema(namespace, document.digest)) return
    const key = schemaKey(namespace, document.digest)
    const before = this.#watcher.position
    const outcome = await this.#backend.commit([{ key, put: printSchemaDocument(document), expected: 'absent' }])
    // Another controller may have been faster; then its commit is the one to wait for.
    const revision = outcome.committed ? outcome.revision : outcome.found[0]?.revision
    if (revision !== undefined) await this.#watcher.passed(revision, before)
    // What stands there cannot be read, or is not seen yet: this process's own counts here all the same.
    if (this.#watcher.cache.schema(namespace)?.digest !== document.digest) await this.#watcher.register(namespace, document, true)
  }
}

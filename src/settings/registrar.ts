import type { Backend } from '../../backends/backend.ts'
import { isSettingsError, toSettingsError } from '../../model/errors.ts'
import { type Namespace, schemaKey } from '../../model/namespace.ts'
import type { Log } from '../log/log.ts'
import { printSchemaDocument, type SchemaDocument } from '../schema/schema-document.ts'
import type { Watcher } from '../watcher/watcher.ts'

/** Milliseconds that a registration waits for the store to be there before it counts in this process only. */
const PATIENCE = 2_000
/** Milliseconds between two tries to store what the store lacks. */
const PAUSE = 1_000

interface Registered {
  readonly document: SchemaDocument
  /** The store was away, so what it means for the overrides was decided without their history. */
  readonly away: boolean
}

/**
 * Brings the schemas that NApps of this process register into use and into the store, and back into a store
 * that lost them.
 */
export class Registrar {
  readonly #backend: Backend
  readonly #watcher: Watcher
  readonly #log: Log
  readonly #registered = new Map<Namespace, Registered>()
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(backend: Backend, watcher: Watcher, log: Log) {
    this.#backend = backend
    this.#watcher = watcher
    this.#log = log
  }

  /**
   * In use when it resolves; stored too, unless the store is away: then {@link catchUp} stores it. One that
   * is there already commits nothing.
   */
  async register(namespace: Namespace, document: SchemaDocument): Promise<void> {
    const stored = (await this.#watcher.ready(PATIENCE)) && (await this.#tryToStore(namespace, document))
    if (!stored) await this.#watcher.register(namespace, document, true)
    this.#registered.set(namespace, { document, away: !stored })
    if (!stored && (await this.#watcher.ready(0))) this.#tryAgain()
  }

  /**
   * Stores what the store does not have: it was away, or went back to an older backup. To be called whenever
   * it is there again; never fails.
   */
  async catchUp(): Promise<void> {
    clearTimeout(this.#timer)
    for (const [namespace, registered] of [...this.#registered]) {
      try {
        await this.#restore(namespace, registered)
      } catch (error) {
        if (this.#stopped) return
        // After OUTCOME_UNKNOWN too: the cache tells whether it is stored, and a late copy of the same schema
        // changes nothing.
        if (isSettingsError(error) && (error.retryable || error.code === 'OUTCOME_UNKNOWN')) this.#tryAgain()
        else this.#log.error(`The schema of "${namespace}" was not stored: ${toSettingsError(error).message}`)
      }
    }
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  async #restore(namespace: Namespace, { document, away }: Registered): Promise<void> {
    if (away) await this.#watcher.register(namespace, document)
    await this.#store(namespace, document)
    if (away && this.#registered.get(namespace)?.document === document)
      this.#registered.set(namespace, { document, away: false })
  }

  #tryAgain(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.catchUp(), PAUSE)
    this.#timer.unref()
  }

  /** False when the store went away meanwhile. */
  async #tryToStore(namespace: Namespace, document: SchemaDocument): Promise<boolean> {
    try {
      await this.#watcher.register(namespace, document)
      await this.#store(namespace, document)
      return true
    } catch (error) {
      if (isSettingsError(error, 'STORE_UNREACHABLE', 'OUTCOME_UNKNOWN')) return false
      throw error
    }
  }

  async #store(namespace: Namespace, document: SchemaDocument): Promise<void> {
    if (this.#watcher.cache.hasStoredSchema(namespace, document.digest)) return
    const key = schemaKey(namespace, document.digest)
    const before = this.#watcher.position
    const outcome = await this.#backend.commit([
      { key, put: printSchemaDocument(document), expected: 'absent' },
    ])
    // Another controller may have been faster; then its commit is the one to wait for.
    const revision = outcome.committed ? outcome.revision : outcome.found[0]?.modRevision
    if (revision !== undefined) await this.#watcher.passed(revision, before)
    // What stands there cannot be read, or is not seen yet: this process's own counts here all the same.
    if (this.#watcher.cache.schema(namespace)?.digest !== document.digest)
      await this.#watcher.register(namespace, document, true)
  }
}

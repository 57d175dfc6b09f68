import type { Backend } from '../../backends/backend.ts'
import { isSettingsError, toSettingsError } from '../../model/errors.ts'
import { type Namespace, schemaKey } from '../../model/namespace.ts'
import type { Log } from '../log/log.ts'
import { printSchemaDocument, type SchemaDocument } from '../schema/schema-document.ts'
import type { Watcher } from '../watcher/watcher.ts'

/** How long a registration waits for the store before it takes effect in this process only. */
const STORE_WAIT_MS = 2_000
/** The time between two attempts to store a schema that the store lacks. */
const RETRY_PAUSE_MS = 1_000

interface Registered {
  readonly document: SchemaDocument
  /** True when the store was unavailable, so that the schema was applied without the overrides' history. */
  readonly isAway: boolean
}

/**
 * Applies the schemas that NApps of this process register, stores them, and stores them again in a store that
 * lost them.
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
   * Resolves when the schema is in use, and stored unless the store is unavailable; then {@link catchUp}
   * stores it. A schema that is stored already commits nothing.
   */
  async register(namespace: Namespace, document: SchemaDocument): Promise<void> {
    const stored = (await this.#watcher.ready(STORE_WAIT_MS)) && (await this.#tryToStore(namespace, document))
    if (!stored) await this.#watcher.register(namespace, document, true)
    this.#registered.set(namespace, { document, isAway: !stored })
    if (!stored && (await this.#watcher.ready(0))) this.#scheduleRetry()
  }

  /**
   * Stores the registered schemas that the store lacks, after it was unavailable or restored from an older
   * backup. Call it whenever the store is available again; it never fails.
   */
  async catchUp(): Promise<void> {
    clearTimeout(this.#timer)
    for (const [namespace, registered] of [...this.#registered]) {
      try {
        await this.#restore(namespace, registered)
      } catch (error) {
        if (this.#stopped) return
        // After OUTCOME_UNKNOWN too, because the cache shows whether it is stored, and a late copy of the
        // same schema changes nothing.
        if (isSettingsError(error) && (error.retryable || error.code === 'OUTCOME_UNKNOWN'))
          this.#scheduleRetry()
        else this.#log.error(`The schema of "${namespace}" was not stored: ${toSettingsError(error).message}`)
      }
    }
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  async #restore(namespace: Namespace, { document, isAway: away }: Registered): Promise<void> {
    if (away) await this.#watcher.register(namespace, document)
    await this.#store(namespace, document)
    if (away && this.#registered.get(namespace)?.document === document)
      this.#registered.set(namespace, { document, isAway: false })
  }

  #scheduleRetry(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.catchUp(), RETRY_PAUSE_MS)
    this.#timer.unref()
  }

  /** False when the store became unavailable meanwhile. */
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
    // If another controller stored it first, its commit is the one to wait for.
    const revision = outcome.committed ? outcome.revision : outcome.found[0]?.modRevision
    if (revision !== undefined) await this.#watcher.passed(revision, before)
    // The stored schema is unreadable or not seen yet, but the one of this process is in use here anyway.
    if (this.#watcher.cache.schema(namespace)?.digest !== document.digest)
      await this.#watcher.register(namespace, document, true)
  }
}

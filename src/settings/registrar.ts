import type { Backend } from '../../backends/backend.ts'
import type { KytosEvent } from '../../events/event.ts'
import type { Facts } from '../../events/map.ts'
import type { NAppStatus } from '../../events/nouns.ts'
import type { Actor } from '../../model/actor.ts'
import { isSettingsError, toSettingsError } from '../../model/errors.ts'
import { type Namespace, parseNamespace, schemaKey } from '../../model/namespace.ts'
import { currentVisibility } from '../../model/rights/visibility.ts'
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
  readonly by: Actor
}

export interface RegistrarOptions {
  readonly backend: Backend
  readonly watcher: Watcher
  readonly log: Log
  /** The state of each enabled NApp of the host; absent without a host. */
  readonly napps?: (() => readonly NAppStatus[]) | undefined
}

/** The namespace of Kytos' core, which is not a NApp of the host. */
const CORE = 'kytos/core'

/**
 * Applies the schemas that NApps of this process register, stores them, and stores them again in a store that
 * lost them.
 *
 * Invariant: while a schema is registered here and the store is available, the store has the schema, or this
 * process is about to store it. A registration is noted before the cache is asked for the last time, and
 * each removal that the cache sees afterwards is a fact that {@link observe} takes.
 */
export class Registrar {
  readonly #backend: Backend
  readonly #watcher: Watcher
  readonly #log: Log
  readonly #napps: RegistrarOptions['napps']
  readonly #registered = new Map<Namespace, Registered>()
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor({ backend, watcher, log, napps }: RegistrarOptions) {
    this.#backend = backend
    this.#watcher = watcher
    this.#log = log
    this.#napps = napps
  }

  /**
   * Resolves when the schema is in use, and stored unless the store is unavailable; then {@link catchUp}
   * stores it. A schema that is stored already commits nothing.
   */
  async register(namespace: Namespace, document: SchemaDocument, by: Actor): Promise<void> {
    const stored = (await this.#watcher.ready(STORE_WAIT_MS)) && (await this.#tryToStore(namespace, document))
    if (!stored) await this.#watcher.register(namespace, document, true)
    this.#registered.set(namespace, { document, isAway: !stored, by })
    // Another controller may have removed the schema before this one noted its registration.
    if (stored) this.#restoreRemoved(namespace)
    else if (await this.#watcher.ready(0)) this.#scheduleRetry()
  }

  /** Stores a registered schema again that the store lost. Call it with every fact. */
  observe({ name, content }: KytosEvent): void {
    if (name !== 'settings.changed') return
    const { namespace, scope, kind } = content as Facts['settings.changed'] // as its name says
    if (scope === 'schema' && kind === 'deleted') this.#restoreRemoved(parseNamespace(namespace))
  }

  #restoreRemoved(namespace: Namespace): void {
    const registered = this.#registered.get(namespace)
    if (!registered || this.#stopped || !this.#isEnabled(registered.by)) return
    if (!this.#watcher.cache.hasStoredSchema(namespace, registered.document.digest)) this.#scheduleRetry(0)
  }

  /**
   * True when a NApp of this process uses the settings of a namespace, as far as it is known: it is enabled,
   * or it registered the schema. Undefined without a host, which knows of no NApp.
   */
  isLoaded(namespace: Namespace): boolean | undefined {
    if (!this.#napps) return undefined
    const by = this.#registered.get(namespace)?.by
    if (namespace === CORE || (by && this.#isEnabled(by))) return true
    return this.#napps().some(({ napp }) => napp === namespace)
  }

  /**
   * Ends the registrations of NApps that are not enabled any more, so that a stored schema is in use again.
   * With a removal, also those that a user or a NApp of another process made of its schemas: such a NApp
   * registers again at its next start.
   * @throws the errors of reading the history.
   */
  async forget(removal?: {
    readonly namespace: Namespace
    readonly digest: string | undefined
  }): Promise<void> {
    for (const [namespace, registered] of [...this.#registered]) {
      const { by, document } = registered
      const isRemoved =
        by.type !== 'napp' &&
        removal?.namespace === namespace &&
        (removal.digest ?? document.digest) === document.digest
      if (this.#isEnabled(by) && !isRemoved) continue
      // A removal by a limited caller changes no namespace that it does not see.
      if (removal && !currentVisibility().seesNamespace(namespace)) continue
      await this.#watcher.register(namespace, undefined)
      if (this.#registered.get(namespace) === registered) this.#registered.delete(namespace)
    }
  }

  #isEnabled({ type, name }: Actor): boolean {
    return type !== 'napp' || !this.#napps || this.#napps().some(({ napp }) => napp === name)
  }

  /**
   * Stores the registered schemas that the store lacks, after it was unavailable or restored from an older
   * backup. Call it whenever the store is available again; it never fails.
   */
  async catchUp(): Promise<void> {
    clearTimeout(this.#timer)
    for (const [namespace, registered] of [...this.#registered]) {
      if (!this.#isEnabled(registered.by)) continue
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

  async #restore(namespace: Namespace, { document, isAway: away, by }: Registered): Promise<void> {
    if (away) await this.#watcher.register(namespace, document)
    await this.#store(namespace, document)
    if (away && this.#registered.get(namespace)?.document === document)
      this.#registered.set(namespace, { document, isAway: false, by })
  }

  #scheduleRetry(pause = RETRY_PAUSE_MS): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.catchUp(), pause)
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

import type { Batch } from '../../backends/backend.ts'
import type { Entry, Revision } from '../../model/document.ts'
import type { Key } from '../../model/key.ts'
import type { Namespace } from '../../model/namespace.ts'
import type { SchemaDocument } from '../schema/schema-document.ts'
import { NO_SECRETS } from '../secrets/cache-guard.ts'
import { Environment } from '../state/environment.ts'
import { CaseNames } from '../state/refused-edits.ts'
import { isSameList, type RejectedList } from '../state/rejected-list.ts'
import { cachedRecords, cacheEntries } from './cache-entries.ts'
import { CacheUpdate } from './cache-update.ts'
import { CachedNamespaces } from './cached-namespaces.ts'
import { META_KEY } from './epoch.ts'
import {
  claimOf,
  type NamespaceContext,
  type NamespaceState,
  type ReadHistory,
  settle,
} from './namespace-state.ts'
import { withRegistered } from './schema-versions.ts'
import type { Step } from './step.ts'
import { isAnnounced, isKept, keyOf, StoreIndex } from './store-index.ts'

/**
 * The epoch of a batch, by default the current one, and the source of history records, by default the store.
 */
export interface ApplyOptions {
  readonly epoch?: number
  readonly readHistory?: ReadHistory
}

/** The number of records whose write ids are kept, for the answers to own commits. */
const MAX_REMEMBERED_RECORDS = 4_096

/**
 * The store as this controller knows it: every document of settings, every schema, and an index of the boxes.
 * Only the watcher changes it, one revision after the other.
 *
 * Invariant: at any time the cache equals the store at `revision` of `epoch`, whole. The `effective` settings
 * of every namespace are the merge of its layers in force. A batch that cannot be applied leaves the cache
 * unchanged.
 */
export class Cache extends CachedNamespaces {
  readonly #index = new StoreIndex()
  readonly #names = new CaseNames()
  readonly #unreadable = new Map<Key, string>()
  /** The write ids of the records applied last, by their keys, oldest first. */
  readonly #recorded = new Map<Key, string>()
  #lastChange: Promise<unknown> = Promise.resolve()
  #meta: Entry | undefined
  #revision: Revision = 0n
  #epoch = 0

  constructor(
    controller: string,
    readHistory: ReadHistory,
    {
      environment = new Environment(),
      strict = false,
      secrets = NO_SECRETS,
    }: Partial<Omit<NamespaceContext, 'readHistory'>> = {},
  ) {
    super(controller, { readHistory, environment, strict, secrets })
  }

  get revision(): Revision {
    return this.#revision
  }

  /** 0 before the first store. */
  get epoch(): number {
    return this.#epoch
  }

  /** The document `meta/store`, which identifies the store. */
  get meta(): Entry | undefined {
    return this.#meta
  }

  /** Revision and mark of every key that is kept of the store. */
  get index(): Omit<StoreIndex, 'apply'> {
    return this.#index
  }

  /** The stored token at a key. */
  token(key: Key): Entry | undefined {
    return this.#index.token(key)
  }

  /** Keys of the boxes of a namespace in the order of their creation. */
  boxes(namespace: string): Key[] {
    return this.#index.boxes(namespace)
  }

  /** The write id of a history record, by its key; undefined unless it is one of those applied last. */
  recordedId(key: Key): string | undefined {
    return this.#recorded.get(key)
  }

  /** True when the cache has exactly this entry. */
  holds(entry: Entry): boolean {
    return this.#index.holds(entry)
  }

  /**
   * Prefers the schema that a NApp of this process registered: at once when the store has it, else from the
   * revision that stores it. `local` puts it in use at once, because the store is unavailable. Without a
   * schema, the registrations of this process end. Returns the list
   * of rejected members if it changed.
   * @throws the errors of reading the history, unless `local`; then nothing is registered.
   */
  register(
    namespace: Namespace,
    document: SchemaDocument | undefined,
    local = false,
  ): Promise<RejectedList | undefined> {
    return this.#exclusively(async () => {
      const before = this.stateOfNamespace(namespace)
      if (document) this.context.secrets.learn(namespace, document.digest, document.schema)
      const registered = { ...before, schemas: withRegistered(before.schemas, document, local) }
      const context = local
        ? { ...this.context, readHistory: async (key: Key) => cachedRecords(this.stateOf(key)) }
        : this.context
      this.#names.add(namespace)
      const get = (one: Namespace) => (one === namespace ? registered : this.stateOfNamespace(one))
      const conflicts = this.#names.conflicts([namespace], one => claimOf(get(one)))
      const after = await settle({ ...registered, conflict: conflicts.get(namespace) }, this.self, context)
      const others = new Map<Namespace, NamespaceState>()
      for (const [other, conflict] of conflicts) {
        const state = this.stateOfNamespace(other)
        if (other === namespace || state.conflict === conflict) continue
        others.set(other, await settle({ ...state, conflict }, this.self, context))
      }
      this.states.set(namespace, { ...after, lastRejected: after.rejected })
      for (const [other, state] of others) this.states.set(other, state)
      return isSameList(after.rejected, before.lastRejected) ? undefined : after.rejected
    })
  }

  /**
   * The entries from which this cache can be restored. Boxes and unknown keys have a mark in place of their
   * text.
   */
  *entries(): Iterable<Entry> {
    if (this.#meta) yield this.#meta
    yield* cacheEntries(this.#index, this.states)
  }

  /**
   * Applies one revision, key by key in byte order, and returns the meaning of each change.
   * @throws the errors of reading the history; then nothing is changed.
   */
  apply(batch: Batch, options: ApplyOptions = {}): Promise<readonly Step[]> {
    return this.#exclusively(() => this.#apply(batch, options))
  }

  /** The stored schemas that turned out to be unreadable since the last call, with the reasons. */
  takeUnreadable(): [Key, string][] {
    const found = [...this.#unreadable]
    this.#unreadable.clear()
    return found
  }

  async #apply(
    batch: Batch,
    { epoch = this.#epoch, readHistory = this.context.readHistory }: ApplyOptions,
  ): Promise<readonly Step[]> {
    const update = new CacheUpdate(this.states, this.self, { ...this.context, readHistory }, this.#names)
    // The cached records belong to another store; the listing contains those of this one.
    if (epoch !== this.#epoch) update.forgetRecords()
    const writeIds = update.learnRecords(batch.changes)
    const announced = batch.changes.filter(change => isAnnounced(keyOf(change)))
    const steps = await update.steps(announced, key => this.#index.has(key))
    // Synchronous from here on, so that readers see the whole revision or nothing of it.
    for (const state of update.changed().values()) this.states.set(state.namespace, state)
    for (const change of batch.changes) if (isKept(keyOf(change))) this.#index.apply(change)
    for (const [key, problem] of update.unreadable) this.#unreadable.set(key, problem)
    const meta = batch.changes.find(change => keyOf(change) === META_KEY)
    if (meta) this.#meta = meta.type === 'put' ? meta.entry : undefined
    this.#revision = batch.revision
    if (epoch !== this.#epoch) this.#recorded.clear()
    this.#remember(writeIds)
    this.#epoch = epoch
    return steps
  }

  #remember(writeIds: ReadonlyMap<Key, string>): void {
    for (const [key, writeId] of writeIds) {
      this.#recorded.delete(key)
      this.#recorded.set(key, writeId)
      const [oldest] = this.#recorded.keys()
      if (this.#recorded.size > MAX_REMEMBERED_RECORDS && oldest) this.#recorded.delete(oldest)
    }
  }

  /**
   * Runs one change of the cache at a time. A schema may be registered while a batch is applied, and both
   * read the history.
   */
  async #exclusively<Result>(work: () => Promise<Result>): Promise<Result> {
    const change = this.#lastChange.then(work)
    // A namespace that turned out to share an environment variable with another one loses its value.
    this.#lastChange = change
      .catch(() => {})
      .then(() => this.#settleAgain(this.context.environment.takeUnsettled()))
    return change
  }

  async #settleAgain(namespaces: readonly Namespace[]): Promise<void> {
    for (const namespace of namespaces) {
      try {
        this.states.set(namespace, await settle(this.stateOfNamespace(namespace), this.self, this.context))
      } catch {
        // The history cannot be read now; the next change of the cache retries.
        this.context.environment.unsettle(namespace)
      }
    }
  }
}

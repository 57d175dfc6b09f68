import type { Batch, Change } from '../../backends/backend.ts'
import type { RuleBroken } from '../../events/changes.ts'
import type { Entry, Revision } from '../../model/document.ts'
import { historyKey, type Key } from '../../model/key.ts'
import { controllerScope, type Namespace, type Scope } from '../../model/namespace.ts'
import { isTokenKey } from '../../model/token-key.ts'
import type { JsonObject } from '../../model/value.ts'
import type { SchemaDocument } from '../schema/schema-document.ts'
import type { Budget } from '../schema/step-meter.ts'
import { type DocumentState, parseOverridesKey, UNWRITTEN } from '../state/document-state.ts'
import { Environment } from '../state/environment.ts'
import type { EnvironmentValue } from '../state/overlay.ts'
import { printRecord, type StoredRecord } from '../state/record.ts'
import { CacheUpdate } from './cache-update.ts'
import { META_KEY } from './epoch.ts'
import {
  emptyNamespace,
  type NamespaceContext,
  type NamespaceState,
  namespaceRevision,
  newlyRejected,
  project,
  type ReadHistory,
  settle,
  validateOverrides,
} from './namespace-state.ts'
import { parseSchemaKey, schemaInUse, unusableSchema, withRegistered } from './schema-versions.ts'
import type { Step } from './step.ts'
import { isAnnounced, isKept, keyOf, StoreIndex } from './store-index.ts'

/**
 * How a batch is to be taken: the epoch it belongs to when that is a new one, and where the history is read
 * when not in the store.
 */
export interface ApplyOptions {
  readonly epoch?: number
  readonly readHistory?: ReadHistory
}

/** A namespace as it is or would be. */
export type Projection = Pick<NamespaceState, 'effective' | 'documents' | 'environment'>

/**
 * The store as this controller knows it: every document of settings and schema, and where the boxes are. Only
 * the watcher changes it, one revision after the other; everybody reads it.
 *
 * Invariant: at any time the cache equals the store at `revision` of `epoch`, whole; and `effective` of every
 * namespace is the merge of its layers in force. A batch that cannot be applied leaves it as it was.
 */
export class Cache {
  readonly #self: Scope
  readonly #surroundings: NamespaceContext
  readonly #namespaces = new Map<Namespace, NamespaceState>()
  readonly #index = new StoreIndex()
  readonly #tokens = new Map<Key, Entry>()
  readonly #unreadable = new Map<Key, string>()
  #turn: Promise<unknown> = Promise.resolve()
  #meta: Entry | undefined
  #revision: Revision = 0n
  #epoch = 0

  constructor(controller: string, readHistory: ReadHistory, environment = new Environment()) {
    this.#self = controllerScope(controller)
    this.#surroundings = { readHistory, environment }
  }

  get revision(): Revision {
    return this.#revision
  }

  /** 0 before the first store. */
  get epoch(): number {
    return this.#epoch
  }

  /** The document `meta/store`, by which the store is known. */
  get meta(): Entry | undefined {
    return this.#meta
  }

  /** The scope of this controller's own overrides. */
  get self(): Scope {
    return this.#self
  }

  document(namespace: Namespace, scope: Scope): DocumentState | undefined {
    return this.#namespaces.get(namespace)?.documents.get(scope)
  }

  /** What is known of the document at a key. */
  stateOf(key: Key): DocumentState | undefined {
    const owner = parseOverridesKey(key)
    return owner && this.document(owner.namespace, owner.scope)
  }

  *documents(): Iterable<DocumentState> {
    for (const { documents } of this.#namespaces.values()) yield* documents.values()
  }

  /** Namespaces that have overrides here or a schema, sorted. */
  namespaces(): Namespace[] {
    const found = [...this.#namespaces.values()].filter(
      ({ schemas, documents }) =>
        schemaInUse(schemas) || schemas.stored.size > 0 || [...documents.values()].some(({ entry }) => entry),
    )
    return found.map(({ namespace }) => namespace).sort()
  }

  /** The schema in use here. */
  schema(namespace: Namespace): SchemaDocument | undefined {
    const state = this.#namespaces.get(namespace)
    return state && schemaInUse(state.schemas)
  }

  /** Why no stored schema of a namespace can be used; undefined when one can, or there is none. */
  unusableSchema(namespace: Namespace): string | undefined {
    return unusableSchema(this.#state(namespace).schemas)
  }

  /** The revision at which the schema in use was stored; undefined while it is not. */
  schemaRevision(namespace: Namespace): Revision | undefined {
    const { schemas } = this.#state(namespace)
    return schemas.stored.get(schemaInUse(schemas)?.digest ?? '')?.entry.modRevision
  }

  hasStoredSchema(namespace: Namespace, digest: string): boolean {
    return this.#namespaces.get(namespace)?.schemas.stored.has(digest) ?? false
  }

  /** Effective settings: the layers in force, merged. */
  effective(namespace: Namespace): JsonObject {
    return this.#state(namespace).effective
  }

  /**
   * The effective settings that the last fact told, which a registration without a commit may have changed
   * since.
   */
  lastAnnounced(namespace: Namespace): JsonObject {
    return this.#state(namespace).lastAnnounced
  }

  /**
   * The namespace as it would be with these overrides stored, by scope; undefined for none.
   * @throws what reading the history throws.
   */
  project(namespace: Namespace, stored: ReadonlyMap<Scope, JsonObject | undefined>): Promise<Projection> {
    return project(this.#state(namespace), this.#self, this.#surroundings, stored)
  }

  /** What counts of the environment of this process. */
  environment(namespace: Namespace): readonly EnvironmentValue[] {
    return this.#state(namespace).environment.values
  }

  /** Why variables of the environment do not count, one sentence each. */
  environmentProblems(): readonly string[] {
    const rejected = [...this.#namespaces.values()].flatMap(({ environment }) => environment.rejected)
    return [...this.#surroundings.environment.problems(this.namespaces()), ...rejected]
  }

  /**
   * The rules that overrides of a scope would break on top of the layers below, the cluster's being those
   * given instead, where they are; empty without a schema.
   */
  validate(
    namespace: Namespace,
    scope: Scope,
    overrides: JsonObject,
    cluster?: JsonObject,
    budget?: Budget,
  ): readonly RuleBroken[] {
    return validateOverrides(this.#state(namespace), scope, overrides, cluster, budget)
  }

  /**
   * `Settings.revision`: of the last commit that touched what this controller sees of the namespace; of all
   * `except` its documents in some scopes.
   */
  namespaceRevision(namespace: Namespace, except: readonly Scope[] = []): Revision {
    return namespaceRevision(this.#state(namespace), this.#self, except)
  }

  /** What the store holds at the key of a token. */
  token(key: Key): Entry | undefined {
    return this.#tokens.get(key)
  }

  /** Keys of the boxes of a namespace in the order of their creation. */
  boxes(namespace: string): Key[] {
    return this.#index.boxes(namespace)
  }

  /** True when the cache has exactly this entry. */
  holds(entry: Entry): boolean {
    return this.#index.holds(entry)
  }

  /** True when there is something at a key that is kept of the store. */
  has(key: Key): boolean {
    return this.#index.has(key)
  }

  /** As {@link holds}; and remembers that the listing of this number shows the key, for {@link unseen}. */
  see(entry: Entry, listing: number): boolean {
    return this.#index.see(entry, listing)
  }

  /** The keys that are here and that the listing of this number did not show. */
  unseen(listing: number): Iterable<Key> {
    return this.#index.unseen(listing)
  }

  /** All keys that are kept of the store and exist now. */
  keys(): Iterable<Key> {
    return this.#index.keys()
  }

  /**
   * Prefers the schema that a NApp of this process registered: from now on when the store has it, else from
   * the revision that brings it; `local` when the store is away, so that it counts here at once. Gives the
   * documents that it made unacceptable.
   * @throws what reading the history throws, when `local` is not set; then nothing is registered.
   */
  register(namespace: Namespace, document: SchemaDocument, local = false): Promise<readonly DocumentState[]> {
    return this.#inTurn(async () => {
      const before = this.#state(namespace)
      const registered = { ...before, schemas: withRegistered(before.schemas, document, local) }
      const { readHistory, environment } = this.#surroundings
      const after = await settle(registered, this.#self, {
        environment,
        readHistory: local ? async key => this.#knownRecords(key) : readHistory,
      })
      this.#namespaces.set(namespace, after)
      return newlyRejected(before, after)
    })
  }

  /**
   * The entries this cache stands on, enough to build it again; those of boxes, and of keys that mean nothing
   * to us, with a mark in place of their text.
   */
  *entries(): Iterable<Entry> {
    if (this.#meta) yield this.#meta
    for (const entry of this.#index.entries()) yield this.#entryAt(entry.key) ?? entry
    for (const { key } of this.documents())
      for (const record of this.#knownRecords(key)) yield asEntry(key, record)
  }

  /**
   * Applies one revision, key by key in byte order, and says what each change meant.
   * @throws what reading the history throws; then nothing is changed.
   */
  apply(batch: Batch, options: ApplyOptions = {}): Promise<readonly Step[]> {
    return this.#inTurn(() => this.#apply(batch, options))
  }

  /** Stored schemas that cannot be read, with the reason, since the last call. */
  takeUnreadable(): [Key, string][] {
    const found = [...this.#unreadable]
    this.#unreadable.clear()
    return found
  }

  async #apply(
    batch: Batch,
    { epoch = this.#epoch, readHistory = this.#surroundings.readHistory }: ApplyOptions,
  ): Promise<readonly Step[]> {
    const draft = new CacheUpdate(this.#namespaces, this.#self, { ...this.#surroundings, readHistory })
    // The records of another store: those that its listing brings are the truth.
    if (epoch !== this.#epoch) draft.forgetRecords()
    draft.learnRecords(batch.changes)
    const announced = batch.changes.filter(change => isAnnounced(keyOf(change)))
    const steps = await draft.steps(announced, key => this.#index.has(key))
    // Nothing is awaited from here on: everybody sees the revision whole, or nothing of it.
    for (const state of draft.changed().values()) this.#namespaces.set(state.namespace, state)
    for (const change of batch.changes) if (isKept(keyOf(change))) this.#keep(change)
    for (const [key, problem] of draft.unreadable) this.#unreadable.set(key, problem)
    const meta = batch.changes.find(change => keyOf(change) === META_KEY)
    if (meta) this.#meta = meta.type === 'put' ? meta.entry : undefined
    this.#revision = batch.revision
    this.#epoch = epoch
    return steps
  }

  #keep(change: Change): void {
    this.#index.apply(change)
    if (change.type === 'put' && isTokenKey(change.entry.key))
      this.#tokens.set(change.entry.key, change.entry)
    else this.#tokens.delete(keyOf(change))
  }

  /**
   * One change of the cache at a time: a schema may be registered while a batch is being applied, and both
   * look into the history.
   */
  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const mine = this.#turn.then(work)
    // One that turned out to share a variable of the environment with another namespace has lost it.
    this.#turn = mine
      .catch(() => {})
      .then(() => this.#settleAgain(this.#surroundings.environment.takeUnsettled()))
    return mine
  }

  async #settleAgain(namespaces: readonly Namespace[]): Promise<void> {
    for (const namespace of namespaces) {
      try {
        this.#namespaces.set(namespace, await settle(this.#state(namespace), this.#self, this.#surroundings))
      } catch {
        // Its history cannot be read now; the next change of anything looks at it again.
        this.#surroundings.environment.unsettle(namespace)
      }
    }
  }

  #state(namespace: Namespace): NamespaceState {
    return this.#namespaces.get(namespace) ?? emptyNamespace(namespace)
  }

  /** The stored text of a document, schema or token. */
  #entryAt(key: Key): Entry | undefined {
    const token = this.#tokens.get(key)
    if (token) return token
    const schema = parseSchemaKey(key)
    if (schema) return this.#namespaces.get(schema.namespace)?.schemas.stored.get(schema.digest)?.entry
    return this.stateOf(key)?.entry
  }

  /**
   * The records of a document that are kept here, newest first: its last one, and the one that counts when
   * that is another.
   */
  #knownRecords(document: Key): readonly StoredRecord[] {
    const { record, fallback } = this.stateOf(document) ?? {}
    const kept = fallback?.version === record?.version ? [record] : [record, fallback]
    return kept.flatMap(one => (one && one.writeId !== UNWRITTEN ? [one] : []))
  }
}

function asEntry(document: Key, record: StoredRecord): Entry {
  return {
    key: historyKey(document, record.version),
    text: printRecord(record, record.of),
    modRevision: record.stored,
    createRevision: record.stored,
  }
}

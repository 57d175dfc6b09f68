import type { Batch, Change } from '../../backends/backend.ts'
import type { RuleBroken } from '../../events/map.ts'
import type { Entry, Revision } from '../../model/document.ts'
import { toSettingsError } from '../../model/errors.ts'
import { historyKey, type Key, makeKey, parseHistoryKey, splitKey } from '../../model/key.ts'
import { CLUSTER, controllerScope, type Namespace, overridesKey, type Scope } from '../../model/namespace.ts'
import type { JsonObject } from '../../model/value.ts'
import { mergeLayers } from '../settings/layers.ts'
import { parseObject, parseRecord, printRecord, type StoredRecord } from '../settings/record.ts'
import type { SchemaDocument } from '../settings/schema-document.ts'
import { type DocumentState, documentRevision, documentVersion, parseOverridesKey } from './document-state.ts'
import { placeOf, SchemaShelf } from './schema-shelf.ts'

/** One change as it looks from here: which document, and the effective settings before and after it. */
export type Step =
  | {
      readonly type: 'settings'
      readonly n: number
      readonly state: DocumentState
      readonly existed: boolean
      readonly before: JsonObject
      readonly after: JsonObject
      readonly rejected: readonly DocumentState[]
    }
  | {
      readonly type: 'schema'
      readonly n: number
      readonly namespace: Namespace
      readonly existed: boolean
      readonly gone: boolean
      readonly before: JsonObject
      readonly after: JsonObject
      readonly rejected: readonly DocumentState[]
    }
  | { readonly type: 'box'; readonly n: number; readonly key: Key; readonly entry: Entry | undefined; readonly existed: boolean }

/** The records of a document, newest first. A patient reader asks until there is an answer, the other one fails when the store is away. */
export type ReadHistory = (document: Key, patient: boolean) => Promise<readonly StoredRecord[]>

/**
 * The store as this controller knows it: every document of settings and schema, and where the boxes are. Only the watcher changes it, one revision after
 * the other; everybody reads it.
 *
 * Invariant: between two calls of `apply` the cache equals the store at `revision`, and `effective` of every namespace is the merge of its layers in force.
 */
export class Cache {
  readonly #self: Scope
  readonly #readHistory: ReadHistory
  readonly #documents = new Map<Key, DocumentState>()
  readonly #records = new Map<Key, StoredRecord>()
  readonly #schemas = new SchemaShelf()
  /** Every announced key in the store, also those that mean nothing to us. */
  readonly #index = new Map<Key, { readonly revision: Revision; readonly created: Revision }>()
  readonly #boxes = new Map<string, Set<Key>>()
  readonly #effective = new Map<Namespace, JsonObject>()
  readonly #unreadable = new Map<Key, string>()
  #turn: Promise<unknown> = Promise.resolve()
  #meta: Entry | undefined
  #revision: Revision = 0n

  constructor(controller: string, readHistory: ReadHistory) {
    this.#self = controllerScope(controller)
    this.#readHistory = readHistory
  }

  get revision(): Revision {
    return this.#revision
  }

  get meta(): Entry | undefined {
    return this.#meta
  }

  /** The scope of this controller's own overrides. */
  get self(): Scope {
    return this.#self
  }

  document(namespace: Namespace, scope: Scope): DocumentState | undefined {
    return this.#documents.get(overridesKey(namespace, scope))
  }

  documents(): Iterable<DocumentState> {
    return this.#documents.values()
  }

  /** Namespaces that have overrides here or a schema, sorted. */
  namespaces(): Namespace[] {
    const found = new Set<Namespace>(this.#schemas.namespaces())
    for (const state of this.#documents.values()) if (state.entry) found.add(state.namespace)
    return [...found].sort()
  }

  /** The schema in use here. */
  schema(namespace: Namespace): SchemaDocument | undefined {
    return this.#schemas.inUse(namespace)
  }

  hasStoredSchema(namespace: Namespace, digest: string): boolean {
    return this.#schemas.hasStored(namespace, digest)
  }

  /** Effective settings: the layers in force, merged; frozen by nobody, changed by nobody. */
  effective(namespace: Namespace): JsonObject {
    const known = this.#effective.get(namespace)
    if (known) return known
    const merged = this.merge(namespace, [this.document(namespace, CLUSTER)?.inForce, this.document(namespace, this.#self)?.inForce])
    this.#effective.set(namespace, merged)
    return merged
  }

  /** Default and seed of the schema in use with these overrides on top, low to high. */
  merge(namespace: Namespace, overrides: readonly (JsonObject | undefined)[]): JsonObject {
    const schema = this.schema(namespace)
    const lower = schema ? [schema.defaults, schema.seed] : []
    return mergeLayers([...lower, ...overrides.filter(layer => layer !== undefined)])
  }

  /** The rules that overrides of a scope would break on top of the layers below; empty without a schema. */
  validate(namespace: Namespace, scope: Scope, overrides: JsonObject): readonly RuleBroken[] {
    const schema = this.schema(namespace)
    if (!schema) return []
    const below = scope === CLUSTER ? [] : [this.document(namespace, CLUSTER)?.inForce]
    return schema.validate(this.merge(namespace, [...below, overrides]))
  }

  /** `Settings.revision`: of the last commit that touched what this controller sees of the namespace. */
  namespaceRevision(namespace: Namespace): Revision {
    const cluster = documentRevision(this.document(namespace, CLUSTER))
    const own = documentRevision(this.document(namespace, this.#self))
    const schema = this.#schemas.revision(namespace)
    return [own, schema].reduce((newest, one) => (one > newest ? one : newest), cluster)
  }

  /** Keys of the boxes of a namespace in the order of their creation. */
  boxes(namespace: string): Key[] {
    const created = (key: Key): Revision => this.#index.get(key)?.created ?? 0n
    return [...(this.#boxes.get(namespace) ?? [])].sort((a, b) => (created(a) < created(b) ? -1 : created(a) > created(b) ? 1 : a < b ? -1 : 1))
  }

  /**
   * Prefers the schema that a NApp of this process registered: from now on when the store has it, else from the revision that brings it; `local` when the
   * store is away, so that it counts here at once.
   */
  register(namespace: Namespace, document: SchemaDocument, local = false): Promise<void> {
    return this.#inTurn(async () => {
      this.#schemas.prefer(namespace, document, local)
      await this.#settle(namespace, !local)
    })
  }

  /** True when the cache has exactly this entry; of a box, whose text it does not keep, this revision. */
  holds(entry: Entry): boolean {
    if (this.#index.get(entry.key)?.revision !== entry.revision) return false
    const text = this.#documents.get(entry.key)?.entry?.text ?? this.#schemas.text(entry.key)
    return text === undefined || text === entry.text
  }

  /** What is known of the document at a key. */
  stateOf(key: Key): DocumentState | undefined {
    return this.#documents.get(key)
  }

  /** The newest record of every document that has one, living or deleted. */
  records(): Iterable<[Key, StoredRecord]> {
    return this.#records
  }

  /** All keys that are announced when they change and exist now. */
  keys(): Iterable<Key> {
    return this.#index.keys()
  }

  /** Forgets the records of a store that was rewound: those that a listing brings are the truth. */
  forgetRecords(): void {
    this.#records.clear()
    for (const [key, state] of this.#documents) {
      if (state.entry) this.#documents.set(key, { ...state, record: undefined })
      else this.#documents.delete(key)
    }
  }

  /** The entries this cache stands on, enough to build it again; those of boxes without their text. */
  *entries(): Iterable<Entry> {
    if (this.#meta) yield this.#meta
    for (const state of this.#documents.values()) if (state.entry) yield state.entry
    for (const [document, record] of this.#records) {
      yield { key: historyKey(document, record.version), text: printRecord(record, record.of), revision: record.of, created: record.of }
    }
    yield* this.#schemas.entries()
    for (const boxes of this.#boxes.values()) {
      for (const key of boxes) yield { key, text: '', revision: 0n, created: 0n, ...this.#index.get(key) }
    }
  }

  /** Applies one revision, key by key in byte order, and says what each change meant. */
  apply(batch: Batch): Promise<readonly Step[]> {
    return this.#inTurn(() => this.#apply(batch))
  }

  async #apply(batch: Batch): Promise<readonly Step[]> {
    for (const change of batch.changes) this.#learnRecord(change)
    const steps: Step[] = []
    let n = 0
    for (const change of batch.changes) {
      const key = change.type === 'put' ? change.entry.key : change.key
      const { kind } = splitKey(key)
      if (kind === 'meta' && key === META_KEY) this.#meta = change.type === 'put' ? change.entry : undefined
      if (!ANNOUNCED.has(kind)) continue
      n++
      const existed = this.#index.has(key)
      if (change.type === 'put') this.#index.set(key, { revision: change.entry.revision, created: change.entry.created })
      else this.#index.delete(key)
      const step = await this.#applyOne(key, change, n, existed)
      if (step) steps.push(step)
    }
    this.#revision = batch.revision
    return steps
  }

  async #applyOne(key: Key, change: Change, n: number, existed: boolean): Promise<Step | undefined> {
    const { kind } = splitKey(key)
    if (kind === 'boxes') return this.#applyBox(key, change, n, existed)
    return kind === 'schemas' ? this.#applySchema(key, change, n, existed) : this.#applyDocument(key, change, n, existed)
  }

  async #applyDocument(key: Key, change: Change, n: number, existed: boolean): Promise<Step | undefined> {
    const place = parseOverridesKey(key)
    if (!place) return undefined
    const { namespace, scope } = place
    const before = this.effective(namespace)
    const entry = change.type === 'put' ? change.entry : undefined
    this.#documents.set(key, {
      key,
      namespace,
      scope,
      entry,
      data: entry && parseObject(entry.text),
      record: this.#records.get(key),
      goneAt: change.type === 'delete' ? change.revision : undefined,
      inForce: {},
      rejected: [],
    })
    const rejected = await this.#settle(namespace)
    // Set a few lines above.
    const state = this.#documents.get(key) as DocumentState
    return { type: 'settings', n, state, existed, before, after: this.effective(namespace), rejected }
  }

  async #applySchema(key: Key, change: Change, n: number, existed: boolean): Promise<Step | undefined> {
    let namespace: Namespace
    let before: JsonObject
    try {
      namespace = placeOf(key).namespace
      before = this.effective(namespace)
      if (change.type === 'put') this.#schemas.put(change.entry)
      else this.#schemas.remove(key)
    } catch (error) {
      this.#unreadable.set(key, toSettingsError(error).message)
      return undefined
    }
    const rejected = await this.#settle(namespace)
    return { type: 'schema', n, namespace, existed, gone: change.type === 'delete', before, after: this.effective(namespace), rejected }
  }

  #applyBox(key: Key, change: Change, n: number, existed: boolean): Step {
    const namespace = splitKey(key).segments[0] ?? ''
    const boxes = this.#boxes.get(namespace) ?? new Set<Key>()
    if (change.type === 'put') boxes.add(key)
    else boxes.delete(key)
    if (boxes.size > 0) this.#boxes.set(namespace, boxes)
    else this.#boxes.delete(namespace)
    return { type: 'box', n, key, entry: change.type === 'put' ? change.entry : undefined, existed }
  }

  /** Decides anew what counts of each document in a namespace, the cluster's before this controller's; answers those that were newly refused. */
  async #settle(namespace: Namespace, patient = true): Promise<readonly DocumentState[]> {
    const refused: DocumentState[] = []
    for (const scope of [CLUSTER, this.#self]) {
      const state = this.document(namespace, scope)
      if (!state) continue
      const rejected = state.entry ? this.#errorsOf(state) : []
      const inForce = rejected.length === 0 ? (state.data ?? {}) : await this.#newestValid(state, patient)
      const settled = { ...state, inForce, rejected }
      this.#documents.set(state.key, settled)
      if (rejected.length > 0 && state.rejected.length === 0) refused.push(settled)
    }
    this.#effective.delete(namespace)
    return refused
  }

  #errorsOf(state: DocumentState): readonly RuleBroken[] {
    if (!state.data) return [{ pointer: '', rule: 'type', expected: 'object', message: 'The stored overrides are not a JSON object.' }]
    return this.validate(state.namespace, state.scope, state.data)
  }

  async #newestValid(state: DocumentState, patient: boolean): Promise<JsonObject> {
    const current = documentVersion(state)
    for (const record of await this.#historyOf(state.key, patient)) {
      if (record.version < current && record.data && this.validate(state.namespace, state.scope, record.data).length === 0) return record.data
    }
    return {}
  }

  async #historyOf(document: Key, patient: boolean): Promise<readonly StoredRecord[]> {
    try {
      return await this.#readHistory(document, patient)
    } catch (error) {
      if (patient) throw error
      return [] // the store is away: the layers below count until it is back
    }
  }

  /** One change of the cache at a time: a schema may be registered while a batch is being applied, and both look into the history. */
  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const mine = this.#turn.then(work)
    this.#turn = mine.catch(() => {})
    return mine
  }

  #learnRecord(change: Change): void {
    if (change.type !== 'put') return
    const place = parseHistoryKey(change.entry.key)
    const record = place && parseRecord(change.entry)
    if (!place || !record || record.version < (this.#records.get(place.document)?.version ?? 0)) return
    this.#records.set(place.document, record)
    const owner = parseOverridesKey(place.document)
    if (!owner) return
    const absent = { key: place.document, ...owner, entry: undefined, data: undefined, goneAt: undefined, inForce: {}, rejected: [] }
    this.#documents.set(place.document, { ...absent, ...this.#documents.get(place.document), record })
  }

  /** Stored schemas that cannot be read, with the reason, since the last call. */
  takeUnreadable(): [Key, string][] {
    const found = [...this.#unreadable]
    this.#unreadable.clear()
    return found
  }
}

/** Kinds whose changes are announced and counted in cursors. */
export const ANNOUNCED: ReadonlySet<string> = new Set(['boxes', 'controllers', 'schemas', 'settings'])
export const META_KEY = makeKey('meta', 'store')

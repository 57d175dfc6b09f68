import type { Change } from '../../backends/backend.ts'
import type { Entry, Revision } from '../../model/document.ts'
import { type Key, parseHistoryKey, splitKey } from '../../model/key.ts'
import { CLUSTER, type Namespace, type Scope } from '../../model/namespace.ts'
import type { JsonObject } from '../../model/value.ts'
import {
  absentDocument,
  type DocumentState,
  documentVersion,
  lastValidRecord,
  type OverridesPlace,
  parseOverridesKey,
} from '../state/document-state.ts'
import { type ParsedDocument, parseObject, parseRecord } from '../state/record.ts'
import {
  emptyNamespace,
  type NamespaceContext,
  type NamespaceState,
  newlyRejected,
  settle,
  withDocument,
  withoutRecords,
  withRecord,
} from './namespace-state.ts'
import { parseSchemaKey, withoutStored, withStored } from './schema-versions.ts'
import type { BoxStep, Effect, Place, SchemaStep, Step } from './step.ts'
import { keyOf } from './store-index.ts'

/**
 * What a batch makes of the namespaces. It is thrown away when the history cannot be read, and the batch
 * comes again.
 */
export class CacheUpdate {
  readonly #base: ReadonlyMap<Namespace, NamespaceState>
  readonly #self: Scope
  readonly #surroundings: NamespaceContext
  #anew = false
  readonly #changed = new Map<Namespace, NamespaceState>()
  readonly #parsed = new Map<Entry, JsonObject | undefined>()
  /** Stored schemas that cannot be read, and why. */
  readonly unreadable = new Map<Key, string>()

  constructor(base: ReadonlyMap<Namespace, NamespaceState>, self: Scope, surroundings: NamespaceContext) {
    this.#base = base
    this.#self = self
    this.#surroundings = surroundings
  }

  /** The namespaces as they are afterwards, those that changed. */
  changed(): ReadonlyMap<Namespace, NamespaceState> {
    return this.#changed
  }

  /** Begins with another store: the records of the old one count for nothing. */
  forgetRecords(): void {
    this.#anew = true
    for (const state of this.#base.values()) this.#changed.set(state.namespace, withoutRecords(state))
  }

  /** Takes in the records of a batch. */
  learnRecords(changes: readonly Change[]): void {
    const entries = new Map(
      changes.flatMap(change => (change.type === 'put' ? [[change.entry.key, change.entry]] : [])),
    )
    for (const [key, entry] of entries) {
      const history = parseHistoryKey(key)
      const owner = history && parseOverridesKey(history.document)
      if (!history || !owner) continue
      const record = parseRecord(entry, this.#parsedDocument(entries.get(history.document)))
      if (record)
        this.#changed.set(
          owner.namespace,
          withRecord(this.#state(owner.namespace), history.document, owner.scope, record),
        )
    }
  }

  /** The overrides that an entry holds, parsed once. */
  #parse(entry: Entry): JsonObject | undefined {
    if (!this.#parsed.has(entry)) this.#parsed.set(entry, parseObject(entry.text))
    return this.#parsed.get(entry)
  }

  #parsedDocument(entry: Entry | undefined): ParsedDocument | undefined {
    const data = entry && this.#parse(entry)
    return data && { text: entry.text, data }
  }

  /**
   * What the changes of announced keys, all those of one revision, mean, in their order; keys that mean
   * nothing to us are left out. Nobody sees what stood between two changes of one commit: all of it is told
   * by the first of its steps that counts here, and what that made unacceptable too.
   * @throws what reading the history throws.
   */
  async steps(changes: readonly Change[], existed: (key: Key) => boolean): Promise<readonly Step[]> {
    const taken = changes.flatMap(
      (change, i) => this.#take(change, { n: i + 1, existed: existed(keyOf(change)) }) ?? [],
    )
    const effects = new Map<Taken, Effect>()
    const tellers = this.#tellers(taken)
    for (const step of taken) {
      if (step.type === 'box') continue
      const group = tellers.get(step)
      effects.set(step, group ? await this.#settle(step.namespace, group) : this.#unchanged(step.namespace))
    }
    return taken.map(step => this.#finish(step, effects.get(step)))
  }

  /** The steps that tell of a commit, each with all that the commit does to the namespace. */
  #tellers(taken: readonly Taken[]): ReadonlyMap<Taken, readonly OfNamespace[]> {
    const groups = new Map<string, OfNamespace[]>()
    for (const step of taken) {
      if (step.type === 'box') continue
      const name = `${step.namespace} ${step.type === 'settings' && step.writeId ? step.writeId : step.n}`
      groups.set(name, [...(groups.get(name) ?? []), step])
    }
    const told = new Map<Taken, readonly OfNamespace[]>()
    for (const group of groups.values()) {
      const teller = group.find(step => this.#counts(step)) ?? group[0]
      if (teller) told.set(teller, group)
    }
    return told
  }

  /**
   * A document that is acceptable in the end was never refused, whatever stood between two changes of one
   * revision.
   */
  #finish(step: Taken, effect: Effect = NO_EFFECT): Step {
    if (step.type === 'box') return step
    const rejected = effect.rejected.filter(
      ({ namespace, scope }) => this.#state(namespace).documents.get(scope)?.rejected.length,
    )
    if (step.type === 'schema') {
      const { apply: _, ...rest } = step
      return { ...rest, ...effect, rejected }
    }
    const { namespace, scope, key, apply: _, writeId: __, ...rest } = step
    const state = this.#state(namespace).documents.get(scope) ?? absentDocument(key, step)
    return { ...rest, state, ...effect, rejected }
  }

  /** True when the step is about something that counts for the effective settings here. */
  #counts(step: OfNamespace): boolean {
    return step.type === 'schema' || step.scope === CLUSTER || step.scope === this.#self
  }

  #take(change: Change, place: Place): Taken | undefined {
    const key = keyOf(change)
    const entry = change.type === 'put' ? change.entry : undefined
    const { kind, segments } = splitKey(key)
    if (kind === 'boxes') return segments.length === 2 ? { type: 'box', ...place, key, entry } : undefined
    const owner = parseOverridesKey(key)
    if (owner) return this.#takeDocument(change, owner, entry, place)
    const schema = parseSchemaKey(key)
    return schema && this.#takeSchema(key, schema, entry, place)
  }

  #takeDocument(change: Change, owner: OverridesPlace, entry: Entry | undefined, place: Place): Taken {
    const known = this.#state(owner.namespace).documents.get(owner.scope)
    const absent = absentDocument(keyOf(change), owner)
    const document: DocumentState = entry
      ? { ...absent, entry, data: this.#parse(entry), record: known?.record }
      : { ...absent, record: known?.record, goneAt: this.#goneAt(change, known) }
    const recorded = document.record?.version ?? 0
    const isTold = this.#isTold(document, known)
    const version = isTold ? recorded : Math.max(documentVersion(this.#before(owner)), recorded) + 1
    const changed = { ...document, version, fallback: lastValidRecord(this.#before(owner)) }
    const writeId = isTold ? document.record?.writeId : undefined
    return {
      type: 'settings',
      ...place,
      ...owner,
      key: keyOf(change),
      writeId,
      apply: state => withDocument(state, changed),
    }
  }

  #takeSchema(key: Key, { namespace, digest }: SchemaPlace, entry: Entry | undefined, place: Place): Taken {
    const apply = (state: NamespaceState): NamespaceState => {
      const { shelf, problem } = entry
        ? withStored(state.schemas, digest, entry)
        : { shelf: withoutStored(state.schemas, digest), problem: undefined }
      if (problem) this.unreadable.set(key, problem)
      return { ...state, schemas: shelf }
    }
    return { type: 'schema', ...place, namespace, gone: entry === undefined, apply }
  }

  /** The document before this batch, whose records may be known already. */
  #before({ namespace, scope }: OverridesPlace): DocumentState | undefined {
    return this.#anew ? undefined : this.#base.get(namespace)?.documents.get(scope)
  }

  /** True when the newest record tells of this very change; false for an edit by hand. */
  #isTold({ entry, record }: DocumentState, known: DocumentState | undefined): boolean {
    if (entry) return record?.of === entry.modRevision
    if (record?.kind === 'deleted') return this.#anew || record.of > (known?.entry?.modRevision ?? 0n)
    return record === undefined && (this.#anew || !known?.entry)
  }

  /**
   * When a document went: what its record says, for a listing shows only that it is gone; and in another
   * store it may never have been.
   */
  #goneAt(change: Change, known: DocumentState | undefined): Revision | undefined {
    const record = known?.record
    if (record?.kind === 'deleted' && (this.#anew || record.of > (known?.entry?.modRevision ?? 0n)))
      return record.of
    return change.type === 'put' || this.#anew ? undefined : change.revision
  }

  /** Applies what a commit does to a namespace, and decides what counts then. */
  async #settle(namespace: Namespace, group: readonly OfNamespace[]): Promise<Effect> {
    const changed = group.reduce((state, step) => step.apply(state), this.#state(namespace))
    const settled = await settle(changed, this.#self, this.#surroundings)
    this.#changed.set(namespace, { ...settled, lastAnnounced: settled.effective })
    return {
      before: changed.lastAnnounced,
      after: settled.effective,
      rejected: newlyRejected(changed, settled),
    }
  }

  #unchanged(namespace: Namespace): Effect {
    const { lastAnnounced: told } = this.#state(namespace)
    return { before: told, after: told, rejected: [] }
  }

  #state(namespace: Namespace): NamespaceState {
    return this.#changed.get(namespace) ?? this.#base.get(namespace) ?? emptyNamespace(namespace)
  }
}

type SchemaPlace = NonNullable<ReturnType<typeof parseSchemaKey>>

const NO_EFFECT: Effect = { before: {}, after: {}, rejected: [] }

/** What a change does to its namespace. */
interface Applied {
  readonly apply: (state: NamespaceState) => NamespaceState
}

/**
 * A change that was taken, before it is known what it comes to; the changes of one commit have one write id.
 */
type Taken = BoxStep | OfNamespace
type OfNamespace = Applied &
  (
    | (Place &
        OverridesPlace & {
          readonly type: 'settings'
          readonly key: Key
          readonly writeId: string | undefined
        })
    | Omit<SchemaStep, keyof Effect>
  )

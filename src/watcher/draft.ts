import type { Change } from '../../backends/backend.ts'
import type { Entry, Revision } from '../../model/document.ts'
import { type Key, parseHistoryKey, splitKey } from '../../model/key.ts'
import { CLUSTER, type Namespace, type Scope } from '../../model/namespace.ts'
import type { JsonObject } from '../../model/value.ts'
import { type ParsedDocument, parseObject, parseRecord } from '../settings/record.ts'
import { absentDocument, type DocumentState, documentVersion, lastValid, type OverridesPlace, parseOverridesKey } from './document-state.ts'
import {
  emptyNamespace,
  type NamespaceState,
  newlyRejected,
  type Surroundings,
  settle,
  withDocument,
  withoutRecords,
  withRecord,
} from './namespace-state.ts'
import { parseSchemaKey, withoutStored, withStored } from './schema-shelf.ts'
import type { BoxStep, Effect, Place, SchemaStep, Step } from './step.ts'
import { keyOf } from './store-index.ts'

/** What a batch makes of the namespaces. It is thrown away when the history cannot be read, and the batch comes again. */
export class Draft {
  readonly #base: ReadonlyMap<Namespace, NamespaceState>
  readonly #self: Scope
  readonly #surroundings: Surroundings
  #anew = false
  readonly #changed = new Map<Namespace, NamespaceState>()
  readonly #parsed = new Map<Entry, JsonObject | undefined>()
  /** Stored schemas that cannot be read, and why. */
  readonly unreadable = new Map<Key, string>()

  constructor(base: ReadonlyMap<Namespace, NamespaceState>, self: Scope, surroundings: Surroundings) {
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
    const entries = new Map(changes.flatMap(change => (change.type === 'put' ? [[change.entry.key, change.entry]] : [])))
    for (const [key, entry] of entries) {
      const history = parseHistoryKey(key)
      const owner = history && parseOverridesKey(history.document)
      if (!history || !owner) continue
      const record = parseRecord(entry, this.#parsedDocument(entries.get(history.document)))
      if (record) this.#changed.set(owner.namespace, withRecord(this.#state(owner.namespace), history.document, owner.scope, record))
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
   * What the changes of announced keys, all those of one revision, mean, in their order; keys that mean nothing to us are left out. Nobody sees what stood between
   * two of them: all that differs in a namespace is told by the first of its steps that counts here, and what was rejected by its last.
   * @throws what reading the history throws.
   */
  async steps(changes: readonly Change[], existed: (key: Key) => boolean): Promise<readonly Step[]> {
    const taken = changes.flatMap((change, i) => this.#take(change, { n: i + 1, existed: existed(keyOf(change)) }) ?? [])
    const effects = new Map<Taken, Effect>()
    for (const [namespace, steps] of byNamespace(taken)) {
      const { before, after, rejected } = await this.#settle(namespace)
      const teller = steps.find(step => this.#counts(step)) ?? steps[0]
      let told = before
      for (const step of steps) {
        effects.set(step, { before: told, after: step === teller ? after : told, rejected: step === steps.at(-1) ? rejected : [] })
        if (step === teller) told = after
      }
    }
    return taken.map(step => this.#finish(step, effects.get(step)))
  }

  #finish(step: Taken, effect: Effect = NO_EFFECT): Step {
    if (step.type === 'box') return step
    if (step.type === 'schema') return { ...step, ...effect }
    const { namespace, scope, key, ...rest } = step
    const state = this.#state(namespace).documents.get(scope) ?? absentDocument(key, step)
    return { ...rest, state, ...effect }
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
    const before = this.#state(owner.namespace)
    const known = before.documents.get(owner.scope)
    const absent = absentDocument(keyOf(change), owner)
    const document: DocumentState = entry
      ? { ...absent, entry, data: this.#parse(entry), record: known?.record }
      : { ...absent, record: known?.record, goneAt: this.#goneAt(change, known) }
    const recorded = document.record?.version ?? 0
    const version = this.#isTold(document, known) ? recorded : Math.max(documentVersion(this.#before(owner)), recorded) + 1
    this.#changed.set(owner.namespace, withDocument(before, { ...document, version, fallback: lastValid(this.#before(owner)) }))
    return { type: 'settings', ...place, ...owner, key: keyOf(change) }
  }

  #takeSchema(key: Key, { namespace, digest }: SchemaPlace, entry: Entry | undefined, place: Place): Taken {
    const before = this.#state(namespace)
    const { shelf, problem } = entry
      ? withStored(before.schemas, digest, entry)
      : { shelf: withoutStored(before.schemas, digest), problem: undefined }
    if (problem) this.unreadable.set(key, problem)
    this.#changed.set(namespace, { ...before, schemas: shelf })
    return { type: 'schema', ...place, namespace, gone: entry === undefined }
  }

  /** The document before this batch, whose records may be known already. */
  #before({ namespace, scope }: OverridesPlace): DocumentState | undefined {
    return this.#anew ? undefined : this.#base.get(namespace)?.documents.get(scope)
  }

  /** True when the newest record tells of this very change; false for an edit by hand. */
  #isTold({ entry, record }: DocumentState, known: DocumentState | undefined): boolean {
    if (entry) return record?.of === entry.revision
    if (record?.kind === 'deleted') return this.#anew || record.of > (known?.entry?.revision ?? 0n)
    return record === undefined && (this.#anew || !known?.entry)
  }

  /** When a document went: what its record says, for a listing shows only that it is gone; and in another store it may never have been. */
  #goneAt(change: Change, known: DocumentState | undefined): Revision | undefined {
    const record = known?.record
    if (record?.kind === 'deleted' && (this.#anew || record.of > (known?.entry?.revision ?? 0n))) return record.of
    return change.type === 'put' || this.#anew ? undefined : change.revision
  }

  /** Decides what counts of a namespace now that all its changes are taken. */
  async #settle(namespace: Namespace): Promise<Effect> {
    const changed = this.#state(namespace)
    const settled = await settle(changed, this.#self, this.#surroundings)
    this.#changed.set(namespace, { ...settled, told: settled.effective })
    return { before: changed.told, after: settled.effective, rejected: newlyRejected(changed, settled) }
  }

  #state(namespace: Namespace): NamespaceState {
    return this.#changed.get(namespace) ?? this.#base.get(namespace) ?? emptyNamespace(namespace)
  }
}

type SchemaPlace = NonNullable<ReturnType<typeof parseSchemaKey>>

const NO_EFFECT: Effect = { before: {}, after: {}, rejected: [] }

/** A change that was taken, before it is known what it comes to. */
type Taken = BoxStep | OfNamespace
type OfNamespace = (Place & OverridesPlace & { readonly type: 'settings'; readonly key: Key }) | Omit<SchemaStep, keyof Effect>

function byNamespace(taken: readonly Taken[]): ReadonlyMap<Namespace, readonly OfNamespace[]> {
  const found = new Map<Namespace, OfNamespace[]>()
  for (const step of taken) {
    if (step.type === 'box') continue
    const steps = found.get(step.namespace)
    if (steps) steps.push(step)
    else found.set(step.namespace, [step])
  }
  return found
}

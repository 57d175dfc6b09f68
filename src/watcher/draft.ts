import type { Change } from '../../backends/backend.ts'
import type { Entry, Revision } from '../../model/document.ts'
import { type Key, parseHistoryKey, splitKey } from '../../model/key.ts'
import type { Namespace, Scope } from '../../model/namespace.ts'
import { parseObject, parseRecord } from '../settings/record.ts'
import { absentDocument, type DocumentState, documentVersion, lastValid, type OverridesPlace, parseOverridesKey } from './document-state.ts'
import {
  emptyNamespace,
  type NamespaceState,
  newlyRejected,
  type ReadHistory,
  settle,
  withDocument,
  withoutRecords,
  withRecord,
} from './namespace-state.ts'
import { parseSchemaKey, withoutStored, withStored } from './schema-shelf.ts'
import type { Step } from './step.ts'
import { keyOf } from './store-index.ts'

/** What a batch makes of the namespaces, change by change. It is thrown away when the history cannot be read, and the batch comes again. */
export class Draft {
  readonly #base: ReadonlyMap<Namespace, NamespaceState>
  readonly #self: Scope
  readonly #readHistory: ReadHistory
  #anew = false
  readonly #changed = new Map<Namespace, NamespaceState>()
  /** Stored schemas that cannot be read, and why. */
  readonly unreadable = new Map<Key, string>()

  constructor(base: ReadonlyMap<Namespace, NamespaceState>, self: Scope, readHistory: ReadHistory) {
    this.#base = base
    this.#self = self
    this.#readHistory = readHistory
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

  learnRecord(change: Change): void {
    const history = parseHistoryKey(keyOf(change))
    const owner = history && change.type === 'put' ? parseOverridesKey(history.document) : undefined
    const record = owner && change.type === 'put' ? parseRecord(change.entry) : undefined
    if (!history || !owner || !record) return
    this.#changed.set(owner.namespace, withRecord(this.#state(owner.namespace), history.document, owner.scope, record))
  }

  /** The step that a change of an announced key is; undefined for a key that means nothing to us. @throws what reading the history throws. */
  async step(change: Change, n: number, existed: boolean): Promise<Step | undefined> {
    const key = keyOf(change)
    const entry = change.type === 'put' ? change.entry : undefined
    const { kind, segments } = splitKey(key)
    if (kind === 'boxes') return segments.length === 2 ? { type: 'box', n, existed, key, entry } : undefined
    const owner = parseOverridesKey(key)
    if (owner) return this.#settingsStep(change, owner, entry, { n, existed })
    return this.#schemaStep(key, entry, { n, existed })
  }

  /** A document that is acceptable in the end was never refused, whatever stood between two changes of one revision. */
  withoutPassing(step: Step): Step {
    if (step.type === 'box' || step.rejected.length === 0) return step
    return { ...step, rejected: step.rejected.filter(({ namespace, scope }) => this.#state(namespace).documents.get(scope)?.rejected.length) }
  }

  async #settingsStep(
    change: Change,
    owner: OverridesPlace,
    entry: Entry | undefined,
    place: { readonly n: number; readonly existed: boolean },
  ): Promise<Step> {
    const before = this.#state(owner.namespace)
    const known = before.documents.get(owner.scope)
    const absent = absentDocument(keyOf(change), owner)
    const document: DocumentState = entry
      ? { ...absent, entry, data: parseObject(entry.text), record: known?.record }
      : { ...absent, record: known?.record, goneAt: this.#goneAt(change, known) }
    const recorded = document.record?.version ?? 0
    const version = this.#isTold(document, known) ? recorded : Math.max(documentVersion(this.#before(owner)), recorded) + 1
    const changed = withDocument(before, { ...document, version, fallback: lastValid(this.#before(owner)) })
    const after = await this.#settle(changed)
    const state = after.documents.get(owner.scope) ?? document
    return { type: 'settings', ...place, state, before: before.told, after: after.effective, rejected: newlyRejected(changed, after) }
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

  async #schemaStep(key: Key, entry: Entry | undefined, place: { readonly n: number; readonly existed: boolean }): Promise<Step | undefined> {
    const owner = parseSchemaKey(key)
    if (!owner) return undefined
    const before = this.#state(owner.namespace)
    const { shelf, problem } = entry
      ? withStored(before.schemas, owner.digest, entry)
      : { shelf: withoutStored(before.schemas, owner.digest), problem: undefined }
    if (problem) this.unreadable.set(key, problem)
    const after = await this.#settle({ ...before, schemas: shelf })
    const effect = { before: before.told, after: after.effective, rejected: newlyRejected(before, after) }
    return { type: 'schema', ...place, namespace: owner.namespace, gone: entry === undefined, ...effect }
  }

  async #settle(state: NamespaceState): Promise<NamespaceState> {
    const settled = await settle(state, this.#self, this.#readHistory)
    const told = { ...settled, told: settled.effective }
    this.#changed.set(told.namespace, told)
    return told
  }

  #state(namespace: Namespace): NamespaceState {
    return this.#changed.get(namespace) ?? this.#base.get(namespace) ?? emptyNamespace(namespace)
  }
}

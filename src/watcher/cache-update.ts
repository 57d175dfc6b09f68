import type { Change } from '../../backends/backend.ts'
import type { Entry } from '../../model/document.ts'
import { type Key, parseHistoryKey, splitKey } from '../../model/key.ts'
import { CLUSTER, type Namespace, type Scope } from '../../model/namespace.ts'
import type { JsonObject } from '../../model/value.ts'
import { absentDocument, type OverridesPlace, parseOverridesKey } from '../state/document-state.ts'
import { type ParsedDocument, parseRecord } from '../state/record.ts'
import type { CaseNames } from '../state/refused-edits.ts'
import { isSameList, type RejectedList } from '../state/rejected-list.ts'
import { parseOverrides } from '../state/stored-overrides.ts'
import {
  claimOf,
  emptyNamespace,
  type NamespaceContext,
  type NamespaceState,
  settle,
  withDocument,
  withoutRecords,
  withRecord,
} from './namespace-state.ts'
import { observeDocument } from './observed-document.ts'
import { readPending } from './pending/pending-index.ts'
import { parseSchemaKey, withoutStored, withStored } from './schema-versions.ts'
import type {
  BoxStep,
  PendingStep as ConfirmedCommitStep,
  Effect,
  SchemaStep,
  Step,
  StepPlace,
} from './step.ts'
import { keyOf } from './store-index.ts'

/**
 * The effect of one batch on the namespaces. It is discarded when the history cannot be read, and the batch
 * is delivered again.
 */
export class CacheUpdate {
  readonly #base: ReadonlyMap<Namespace, NamespaceState>
  readonly #self: Scope
  readonly #context: NamespaceContext
  readonly #names: CaseNames
  /** The conflicts after the batch, of the namespaces that have names differing in case only. */
  #conflicts: ReadonlyMap<Namespace, Namespace | undefined> = new Map()
  readonly #changed = new Map<Namespace, NamespaceState>()
  readonly #parsed = new Map<Entry, JsonObject | undefined>()
  #isNewStore = false
  /** The stored schemas that cannot be read, with the reasons. */
  readonly unreadable = new Map<Key, string>()

  constructor(
    base: ReadonlyMap<Namespace, NamespaceState>,
    self: Scope,
    context: NamespaceContext,
    names: CaseNames,
  ) {
    this.#base = base
    this.#self = self
    this.#context = context
    this.#names = names
  }

  /** The namespaces that changed, as they are after the batch. */
  changed(): ReadonlyMap<Namespace, NamespaceState> {
    return this.#changed
  }

  /** Prepares for a batch of another store: all records of the old store are dropped. */
  forgetRecords(): void {
    this.#isNewStore = true
    for (const state of this.#base.values()) this.#changed.set(state.namespace, withoutRecords(state))
  }

  /** Applies the history records of a batch; returns their write ids by their keys. */
  learnRecords(changes: readonly Change[]): ReadonlyMap<Key, string> {
    const writeIds = new Map<Key, string>()
    const entries = new Map(
      changes.flatMap(change => (change.type === 'put' ? [[change.entry.key, change.entry]] : [])),
    )
    for (const [key, entry] of entries) {
      const history = parseHistoryKey(key)
      const owner = history && parseOverridesKey(history.document)
      if (!history || !owner) continue
      const record = parseRecord(entry, this.#parsedDocument(entries.get(history.document)))
      if (!record) continue
      writeIds.set(key, record.writeId)
      this.#changed.set(
        owner.namespace,
        withRecord(this.#state(owner.namespace), history.document, owner.scope, record),
      )
    }
    return writeIds
  }

  /** The overrides in an entry, parsed once. */
  #parse(entry: Entry): JsonObject | undefined {
    if (!this.#parsed.has(entry)) this.#parsed.set(entry, parseOverrides(entry.text))
    return this.#parsed.get(entry)
  }

  #parsedDocument(entry: Entry | undefined): ParsedDocument | undefined {
    const data = entry && this.#parse(entry)
    return data && { text: entry.text, data }
  }

  /**
   * The steps of one revision, in the order of its changes of announced keys; unknown keys are left out. A
   * state between two changes of one commit is never visible. The first step of the commit that affects this
   * controller therefore has the whole effect, of its documents.
   * @throws the errors of reading the history.
   */
  async steps(changes: readonly Change[], existed: (key: Key) => boolean): Promise<readonly Step[]> {
    const pending = changes.flatMap(
      (change, i) => this.#read(change, { n: i + 1, existed: existed(keyOf(change)) }) ?? [],
    )
    this.#conflicts = this.#findConflicts(pending)
    const effects = new Map<PendingStep, Effect>()
    const groups = this.#groups(pending)
    const last = new Map<Namespace, PendingStep>()
    for (const step of pending) {
      if (step.type === 'box' || step.type === 'pending') continue
      const group = groups.get(step)
      effects.set(step, group ? await this.#settle(step.namespace, group) : this.#unchanged(step.namespace))
      if (group) last.set(step.namespace, step)
    }
    // Another name came or went. What changes here by that is part of the next fact of the namespace.
    for (const [namespace, conflict] of this.#conflicts) {
      const state = this.#state(namespace)
      if (state.conflict !== conflict)
        this.#changed.set(namespace, await settle({ ...state, conflict }, this.#self, this.#context))
    }
    // The list of a whole revision: a state between two of its changes was never visible.
    const lists = new Map(
      [...last].map(([namespace, step]) => [step, this.#takeRejected(namespace)] as const),
    )
    return pending.map(step => this.#finish(step, effects.get(step), lists.get(step)))
  }

  /** The list of rejected members of a namespace, if it changed; it is then the last one announced. */
  #takeRejected(namespace: Namespace): RejectedList | undefined {
    const state = this.#state(namespace)
    if (isSameList(state.rejected, state.lastRejected)) return undefined
    this.#changed.set(namespace, { ...state, lastRejected: state.rejected })
    return state.rejected
  }

  /** The steps that have the effect of a commit on a namespace, each with all steps of that commit. */
  #groups(pending: readonly PendingStep[]): ReadonlyMap<PendingStep, readonly NamespaceStep[]> {
    const commits = new Map<string, NamespaceStep[]>()
    for (const step of pending) {
      if (step.type === 'box' || step.type === 'pending') continue
      const commit = `${step.namespace} ${step.type === 'settings' && step.writeId ? step.writeId : step.n}`
      commits.set(commit, [...(commits.get(commit) ?? []), step])
    }
    const groups = new Map<PendingStep, readonly NamespaceStep[]>()
    for (const steps of commits.values()) {
      const announcing = steps.find(step => this.#affectsSelf(step)) ?? steps[0]
      if (announcing) groups.set(announcing, steps)
    }
    return groups
  }

  /** A step as it is announced. */
  #finish(step: PendingStep, effect: Effect = NO_EFFECT, rejected?: RejectedList): Step {
    if (step.type === 'box' || step.type === 'pending') return step
    if (step.type === 'schema') {
      const { apply: _, ...rest } = step
      return { ...rest, ...effect, rejected }
    }
    const { namespace, scope, key, apply: _, writeId: __, ...rest } = step
    const state = this.#state(namespace).documents.get(scope) ?? absentDocument(key, step)
    return { ...rest, state, ...effect, rejected }
  }

  /** True when the step may change the effective settings of this controller. */
  #affectsSelf(step: NamespaceStep): boolean {
    return step.type === 'schema' || step.scope === CLUSTER || step.scope === this.#self
  }

  #read(change: Change, place: StepPlace): PendingStep | undefined {
    const key = keyOf(change)
    const entry = change.type === 'put' ? change.entry : undefined
    const { kind, segments } = splitKey(key)
    if (kind === 'boxes') return segments.length === 2 ? { type: 'box', ...place, key, entry } : undefined
    if (kind === 'pending') return readPendingStep(entry, place)
    const owner = parseOverridesKey(key)
    if (owner) return this.#readDocument(change, owner, place)
    const schema = parseSchemaKey(key)
    return schema && this.#readSchema(key, schema, entry, place)
  }

  #readDocument(change: Change, owner: OverridesPlace, place: StepPlace): PendingStep {
    const { namespace, scope } = owner
    const { document, writeId } = observeDocument(
      change,
      owner,
      change.type === 'put' ? this.#parse(change.entry) : undefined,
      {
        before: this.#isNewStore ? undefined : this.#base.get(namespace)?.documents.get(scope),
        known: this.#state(namespace).documents.get(scope),
        isNewStore: this.#isNewStore,
      },
    )
    return {
      type: 'settings',
      ...place,
      ...owner,
      key: keyOf(change),
      writeId,
      apply: state => withDocument(state, document),
    }
  }

  #readSchema(
    key: Key,
    { namespace, digest }: SchemaPlace,
    entry: Entry | undefined,
    place: StepPlace,
  ): PendingStep {
    const apply = (state: NamespaceState): NamespaceState => {
      const { schemas, problem } = entry
        ? withStored(state.schemas, digest, entry)
        : { schemas: withoutStored(state.schemas, digest), problem: undefined }
      if (problem) this.unreadable.set(key, problem)
      return { ...state, schemas }
    }
    return { type: 'schema', ...place, namespace, gone: entry === undefined, apply }
  }

  /** Applies the steps of a commit to a namespace and derives its effective settings. */
  async #settle(namespace: Namespace, steps: readonly NamespaceStep[]): Promise<Effect> {
    const changed = steps.reduce((state, step) => step.apply(state), this.#state(namespace))
    const conflict = this.#conflicts.get(namespace)
    const settled = await settle({ ...changed, conflict }, this.#self, this.#context)
    this.#changed.set(namespace, { ...settled, lastAnnounced: settled.effective })
    return { before: this.#lastAnnounced(changed), after: settled.effective }
  }

  /** Finds the conflicts between names as they are after all steps, whatever the order of the steps. */
  #findConflicts(pending: readonly PendingStep[]): ReadonlyMap<Namespace, Namespace | undefined> {
    const steps = pending.flatMap(step => (step.type === 'box' || step.type === 'pending' ? [] : [step]))
    for (const { namespace } of steps) this.#names.add(namespace)
    const after = new Map<Namespace, NamespaceState>()
    const get = (namespace: Namespace) => after.get(namespace) ?? this.#state(namespace)
    for (const { namespace, apply } of steps)
      if (this.#names.alike(namespace).length > 1) after.set(namespace, apply(get(namespace)))
    return this.#names.conflicts(after.keys(), namespace => claimOf(get(namespace)))
  }

  #unchanged(namespace: Namespace): Effect {
    const lastAnnounced = this.#lastAnnounced(this.#state(namespace))
    return { before: lastAnnounced, after: lastAnnounced }
  }

  /** The settings of the last fact: a schema may have made values secret since. */
  #lastAnnounced({ namespace, lastAnnounced }: NamespaceState): JsonObject {
    return this.#context.secrets.protect(namespace, lastAnnounced)
  }

  #state(namespace: Namespace): NamespaceState {
    return this.#changed.get(namespace) ?? this.#base.get(namespace) ?? emptyNamespace(namespace)
  }
}

/**
 * The step of an entry below `pending/`; undefined for a text of another program, and for a deletion, because
 * only ended states are pruned, whose end was announced.
 */
function readPendingStep(entry: Entry | undefined, place: StepPlace): ConfirmedCommitStep | undefined {
  const pending = entry && readPending(entry)
  return pending && { type: 'pending', ...place, pending }
}

type SchemaPlace = NonNullable<ReturnType<typeof parseSchemaKey>>

const NO_EFFECT: Effect = { before: {}, after: {} }

/** A change whose effect is not known yet; the changes of one commit have the same write id. */
type PendingStep = BoxStep | ConfirmedCommitStep | NamespaceStep

type NamespaceStep = { readonly apply: (state: NamespaceState) => NamespaceState } & (
  | (StepPlace &
      OverridesPlace & {
        readonly type: 'settings'
        readonly key: Key
        readonly writeId: string | undefined
      })
  | Omit<SchemaStep, keyof Effect | 'rejected'>
)

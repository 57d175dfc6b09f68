import type { Backend } from '../../../backends/backend.ts'
import type { Preview } from '../../../events/changes.ts'
import type { AdmissionHooks } from '../../../events/event.ts'
import type { Actor } from '../../../model/actor.ts'
import type { Key } from '../../../model/key.ts'
import { type Namespace, overridesKey, type Scope } from '../../../model/namespace.ts'
import type { Log } from '../../log/log.ts'
import { prepareArming, refuseManyPending } from '../../pending/arming.ts'
import type { SecretsOfStore } from '../../secrets/secrets-of-store.ts'
import { documentVersion } from '../../state/document-state.ts'
import { isSameRecord } from '../../state/record.ts'
import type { Cache } from '../../watcher/cache.ts'
import { freshenEpoch } from '../../watcher/epoch.ts'
import type { Position } from '../../watcher/readiness.ts'
import type { Watcher } from '../../watcher/watcher.ts'
import { admitPlan } from './admission.ts'
import type { Decision, ReadDocument, WriteOptions, Written, WrittenDocument } from './change-attempt.ts'
import type { DocumentWriter } from './document-writer.ts'
import { Existence } from './existence.ts'
import { freshen } from './freshness.ts'
import { Guards } from './guards.ts'
import { areSeen, isOfOtherStore } from './own-commits.ts'
import { type EditedDocument, makePlan, type OverridesEdit, type Plan, type PlannedDocument } from './plan.ts'
import { countGuess, sealPlan } from './seal-plan.ts'

const NOWHERE: ReadonlyMap<Key, Preview> = new Map()
/** How long the answer to an empty change waits for the cache to reach the store. */
const UNCHANGED_ANSWER_MS = 2_000

export interface OverridesOptions {
  readonly backend: Backend
  readonly watcher: Watcher
  readonly writer: DocumentWriter
  /** The users of settings in this process; they are asked before a commit. */
  readonly consumers: AdmissionHooks
  readonly log: Log
  readonly secrets: SecretsOfStore
  /** Refuse overrides of namespaces without a schema. */
  readonly strict: boolean
}

/** A change of overrides, all or nothing. */
export interface OverridesRequest {
  /** In their order; several may change one document. */
  readonly edits: readonly OverridesEdit[]
  readonly actor: Actor
  readonly comment: string | undefined
  /** True when the caller may read secrets: it may set them at any rate. */
  readonly mayReadSecrets: boolean
  /** Compute the change and write nothing. */
  readonly dryRun: boolean
  /** Roll the change back unless it is confirmed within this many seconds. */
  readonly confirmWithin?: number | undefined
}

/** One document as a request left it, or would leave it. */
export interface OverridesResult {
  readonly namespace: Namespace
  readonly scope: Scope
  readonly written: Written
  /** All of the namespace's documents that the request changes, by scope. */
  readonly together: ReadonlyMap<Scope, Written>
  /** False when the watch was down and this controller has not seen the change yet. */
  readonly observed: boolean
  /** Pointers of the change that a higher layer hides here. */
  readonly shadowed: readonly string[]
  /** Pointers that the change sets and the schema marks as deprecated. */
  readonly deprecated: readonly string[]
  /** With a dry run. */
  readonly preview: Preview | undefined
}

/** The result of an attempt, in addition to its documents. */
interface AttemptResult {
  /** The position of the watcher before the commit was sent. */
  readonly position: Position
  /**
   * True when the store held an older version of a document than the cache, or another record of that
   * version: it was restored, and the cache is still that of the former one.
   */
  readonly wentBack: boolean
  readonly previews: ReadonlyMap<Namespace, Preview>
  /** With a dry run, the effect on other controllers, by the key of their overrides. */
  readonly elsewhere: ReadonlyMap<Key, Preview>
}

/**
 * Changes overrides: checks them against the layers below and the schema, guards them by revision, asks their
 * consumers, waits until this controller has seen the change.
 *
 * Invariants:
 *  1. The checked, the admitted and the committed change are one and the same: it is computed from the bases
 *     whose revisions guard the commit.
 *  2. A request that is rejected, for any reason, leaves nothing behind.
 *  3. A deletion of overrides is decided in the commit, see {@link Existence}.
 *  4. Hooks are asked only about a change that would be committed otherwise, and only when it makes a
 *     difference here.
 */
export class Overrides {
  readonly #options: OverridesOptions
  readonly #guards: Guards
  readonly #existence: Existence

  constructor(options: OverridesOptions) {
    this.#options = options
    this.#guards = new Guards(options.backend, options.watcher)
    this.#existence = new Existence(options.backend, options.watcher)
  }

  /**
   * Returns one result for each document, in the order in which the edits first name it.
   * @throws SettingsError SETTINGS_INVALID, SCHEMA_REQUIRED, REVISION_MISMATCH, CHANGE_VETOED, PENDING,
   * DOCUMENT_TOO_LARGE, NAMESPACE_NOT_FOUND for a deletion, and the errors of the writer and of an edit.
   */
  async change(request: OverridesRequest): Promise<readonly OverridesResult[]> {
    const { backend, watcher, writer } = this.#options
    const { edits, actor, comment, dryRun, confirmWithin } = request
    const documents = groupByDocument(edits)
    if (confirmWithin !== undefined) refuseManyPending(documents.length)
    for (const { namespace, scope, edits } of documents) {
      const { cache } = watcher
      const isOtherStore = edits.some(({ expected }) => (expected?.epoch ?? cache.epoch) !== cache.epoch)
      if (isOtherStore) await freshenEpoch(backend, watcher)
      const isBehind = edits.some(
        ({ expected }) => expected && cache.namespaceRevision(namespace, scope) !== expected.revision,
      )
      if (dryRun || isBehind) await freshen(backend, watcher, namespace, scope)
    }
    const attempt = (read: readonly ReadDocument<EditedDocument>[], isRetry: boolean) =>
      this.#attempt(request, read, isRetry)
    const fresh = edits.some(({ expected }) => expected !== undefined)
    const options: WriteOptions = { actor, comment, fresh, confirmWithin }
    const { documents: written, result } = dryRun
      ? await writer.rehearse(documents, attempt, options)
      : await writer.write(documents, attempt, options)
    const committed = written.find(document => document.written.committed)
    const observed = await (committed
      ? watcher
          .passed(committed.written.revision, result.position)
          .then(passed => passed && areSeen(backend, watcher.cache, written))
      : dryRun || this.#observesUnchanged(written, result))
    return this.#results(request, written, result, observed)
  }

  /** Checks a change of the documents as they were read, and asks the consumers about it. */
  async #attempt(
    request: OverridesRequest,
    documents: readonly ReadDocument<EditedDocument>[],
    isRetry: boolean,
  ): Promise<Decision<PlannedDocument, AttemptResult>> {
    const { watcher, backend, consumers, strict, secrets } = this.#options
    const { cache } = watcher
    if (isRetry) await this.#guards.recheck(documents)
    // A dry run arms nothing, so a change that would extend a confirmed commit is only computed.
    const isArmable = !request.dryRun || request.confirmWithin === undefined
    const arm = isArmable ? await prepareArming(backend, documents, request) : undefined
    const { position } = watcher
    const wentBack = documents.some(({ namespace, scope, base }) =>
      isOfOtherStore(cache.document(namespace, scope), base),
    )
    const existing = await this.#existence.guards(documents, isRetry)
    this.#guards.check(documents)
    // The guards are of this moment, because a change during the admission was not checked.
    const conditions = this.#guards.conditions(documents)
    const guarded = new Set(conditions.map(({ key }) => key))
    const guards = [...conditions, ...existing.filter(({ key }) => !guarded.has(key))]
    const plan = await makePlan(documents, { backend, cache, strict, secrets })
    // Before consumers are asked: a veto would show that the secret is another one.
    if (!isRetry) countGuess(plan.documents, request, secrets)
    const previews = await admitPlan(plan, request, { consumers, cache })
    const elsewhere = request.dryRun ? await previewElsewhere(plan, cache) : NOWHERE
    return {
      next: await sealPlan(plan.documents, secrets),
      guards,
      arm,
      result: { position, wentBack, previews, elsewhere },
    }
  }

  /**
   * True once the cache has what a change of nothing found; false when that does not come in time, or the
   * store went back behind the cache.
   */
  async #observesUnchanged(
    documents: readonly WrittenDocument<PlannedDocument>[],
    { wentBack }: AttemptResult,
  ): Promise<boolean> {
    const { watcher } = this.#options
    const isThere = (): boolean =>
      documents.every(({ namespace, scope, written: { record } }) => {
        const state = watcher.cache.document(namespace, scope)
        return isSameRecord(state?.record, record) || documentVersion(state) > (record?.version ?? 0)
      })
    return !wentBack && watcher.until(isThere, UNCHANGED_ANSWER_MS)
  }

  #results(
    { actor, dryRun }: OverridesRequest,
    documents: readonly WrittenDocument<PlannedDocument>[],
    { previews, elsewhere }: AttemptResult,
    observed: boolean,
  ): readonly OverridesResult[] {
    return documents.map(({ key, namespace, scope, written, shadowed, deprecated }) => {
      const together = new Map(
        documents.flatMap(other =>
          other.namespace === namespace ? [[other.scope, other.written] as const] : [],
        ),
      )
      if (deprecated.length > 0 && written.committed)
        this.#options.log.warn(
          `${actor.name} changed deprecated settings of "${namespace}": ${deprecated.join(', ')}.`,
        )
      const preview = dryRun ? (elsewhere.get(key) ?? previews.get(namespace)) : undefined
      return { namespace, scope, written, together, observed, shadowed, deprecated, preview }
    })
  }
}

/** The effect of a change of overrides of other controllers there; their NApps cannot be asked. */
async function previewElsewhere(plan: Plan, cache: Cache): Promise<ReadonlyMap<Key, Preview>> {
  const previews = new Map<Key, Preview>()
  for (const { key, namespace, scope } of plan.documents) {
    if (!cache.isElsewhere(scope)) continue
    const { changes, rejected } = await plan.effectOn(namespace, scope)
    previews.set(key, { changes, consumers: [], rejected })
  }
  return previews
}

function groupByDocument(edits: readonly OverridesEdit[]): readonly EditedDocument[] {
  const found = new Map<Key, EditedDocument & { readonly edits: OverridesEdit[] }>()
  for (const edit of edits) {
    const { namespace, scope } = edit
    const key = overridesKey(namespace, scope)
    const document = found.get(key)
    if (document) document.edits.push(edit)
    else found.set(key, { key, namespace, scope, edits: [edit] })
  }
  return [...found.values()]
}

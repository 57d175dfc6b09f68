import type { Backend } from '../../../backends/backend.ts'
import type { Preview, RejectedMember } from '../../../events/changes.ts'
import { differences } from '../../../events/differences.ts'
import { DOCUMENT_BYTES } from '../../../model/document.ts'
import type { ExpectedRevision } from '../../../model/expected-revision.ts'
import { refuseExcess } from '../../../model/extent.ts'
import { mergeLayers } from '../../../model/merge.ts'
import { CLUSTER, type Namespace, type Scope } from '../../../model/namespace.ts'
import { isObject, type Json, type JsonObject } from '../../../model/value.ts'
import { placesOf } from '../../schema/deprecated.ts'
import type { Secrets } from '../../secrets/secrets.ts'
import { type Base, isAsKnown, readRecords } from '../../state/document-reader.ts'
import type { OverridesPlace } from '../../state/document-state.ts'
import { describeEffect, type Effect } from '../../state/effect.ts'
import type { Cache } from '../../watcher/cache.ts'
import type { NextDocument, ReadDocument, Target } from './change-attempt.ts'
import { PatchBudget } from './patch-budget.ts'
import { admitTags } from './secret-changes.ts'
import { refuseInvalid } from './validity.ts'

/** One step of a change of overrides. */
export interface OverridesEdit {
  readonly namespace: Namespace
  readonly scope: Scope
  /** The revision that the namespace must have before the change. */
  readonly expected?: ExpectedRevision | undefined
  /**
   * Computes the next overrides; undefined deletes them. `before` is the result of the edit before it of the
   * same document, else the stored overrides, or those in force where the text is no JSON object.
   */
  readonly make: (base: Base, before: JsonObject, budget: PatchBudget) => JsonObject | undefined
  /** True for a deletion, which requires a known namespace. */
  readonly mustBeKnown?: boolean
  /** True when the edit only removes: it creates no name. */
  readonly isRemoval?: boolean
  /** The earlier overrides of this document that the edit returns to; their secrets may be set again. */
  readonly restored?: JsonObject | undefined
  /** True for an edit that may copy values, so that a short text makes a long value. */
  readonly multiplies?: boolean
}

/** A document and its edits, in their order. */
export interface EditedDocument extends Target {
  readonly namespace: Namespace
  readonly scope: Scope
  readonly edits: readonly OverridesEdit[]
}

/** A document with its next overrides. */
export interface PlannedDocument extends EditedDocument, NextDocument {
  /** The overrides before the change, or those in force in place of a text that is no JSON object. */
  readonly before: JsonObject
  /** Pointers of the change that a higher layer hides here. */
  readonly shadowed: readonly string[]
  /** Pointers that the change sets and the schema marks as deprecated. */
  readonly deprecated: readonly string[]
}

/** The effects of a change, computed from the bases of its documents. */
export interface Plan {
  readonly documents: readonly PlannedDocument[]
  readonly namespaces: readonly Namespace[]
  /**
   * The differences in a namespace as the controller of a scope sees it, by default this one.
   * @throws the errors of reading the history.
   */
  readonly effectOn: (namespace: Namespace, scope?: Scope) => Promise<NamespaceEffect>
}

/** The effect of a change on a namespace. */
export interface NamespaceEffect extends Effect {
  /** The members that the change would make rejected. */
  readonly rejected: Preview['rejected']
}

interface PlanContext {
  readonly secrets: Secrets
  readonly backend: Backend
  readonly cache: Cache
  readonly strict: boolean
}

/** A document whose edits are applied. */
type ComputedDocument = Omit<PlannedDocument, 'shadowed' | 'deprecated'>

/** The number of history records that are searched for a valid version. */
const MAX_SEARCHED_RECORDS = 50

/** @throws SettingsError SETTINGS_INVALID, SCHEMA_REQUIRED, DOCUMENT_TOO_LARGE, and the errors of an edit. */
export async function makePlan(
  documents: readonly ReadDocument<EditedDocument>[],
  context: PlanContext,
): Promise<Plan> {
  // Shared by all edits, because many small patches cost as much as a large one.
  const budget = new PatchBudget()
  const computed = await Promise.all(documents.map(document => computeDocument(document, budget, context)))
  refuseInvalid(computed, context)
  return {
    documents: await Promise.all(computed.map(one => planDocument(one, computed, context.cache))),
    namespaces: [...new Set(computed.map(({ namespace }) => namespace))],
    effectOn: (namespace, scope = CLUSTER) => effectOn({ namespace, scope }, computed, context.cache),
  }
}

async function computeDocument(
  document: ReadDocument<EditedDocument>,
  budget: PatchBudget,
  context: PlanContext,
): Promise<ComputedDocument> {
  const { namespace, scope, edits, base } = document
  const { cache, secrets } = context
  const stored = base.data ?? (base.entry ? await lastObject(document, context) : {})
  const before = cache.protect(namespace, stored)
  let next: JsonObject | undefined = before
  const what = `The overrides of "${namespace}"${scope === CLUSTER ? '' : ` in scope ${scope}`}`
  for (const { make, multiplies } of edits) {
    next = make(base, next ?? {}, budget)
    // A value that copies itself must be stopped before the next copy; every other value is no longer than
    // the one that was sent. Many edits of a large document are as much work as one of all of them.
    if (next && multiplies) budget.spendWork(refuseExcess(next, what, DOCUMENT_BYTES))
  }
  if (next) refuseExcess(next, what, DOCUMENT_BYTES)
  const earlier = edits.flatMap(({ restored }) => (restored ? [restored] : []))
  if (next) next = admitTags(secrets, cache, { namespace, known: [before, ...earlier], next })
  return { ...document, before, next }
}

/**
 * The overrides that count in place of a stored text that is no JSON object: a patch of it starts from them.
 */
async function lastObject({ key }: EditedDocument, { backend }: PlanContext): Promise<JsonObject> {
  const records = await readRecords(backend, key, MAX_SEARCHED_RECORDS)
  return records.find(({ kind, data }) => data !== undefined || kind === 'deleted')?.data ?? {}
}

async function planDocument(
  document: ComputedDocument,
  documents: readonly ComputedDocument[],
  cache: Cache,
): Promise<PlannedDocument> {
  const { namespace, scope, before, next } = document
  const higher = await layersAbove(scope, namespace, documents, cache)
  const deprecated = cache.schema(namespace)?.deprecated ?? []
  // A large document takes a while to compare, and mostly there is nothing to find.
  if (deprecated.length === 0 && Object.keys(higher).length === 0)
    return { ...document, shadowed: [], deprecated: [] }
  const changes = differences(before, next ?? {})
  const set = changes.flatMap(change => (change.new === undefined ? [] : [change.path]))
  return {
    ...document,
    shadowed: hiddenPaths(
      higher,
      changes.map(({ path }) => path),
    ),
    deprecated: placesOf(deprecated, set),
  }
}

/** The layers above a scope here after the change, merged; without those of other controllers. */
async function layersAbove(
  scope: Scope,
  namespace: Namespace,
  documents: readonly ComputedDocument[],
  cache: Cache,
): Promise<JsonObject> {
  if (scope !== CLUSTER && scope !== cache.self) return {}
  const mayBeHidden =
    cache.environment(namespace).length > 0 || (scope === CLUSTER && hasOwn(namespace, documents, cache))
  if (!mayBeHidden) return {}
  const after = await cache.project(namespace, storedAfter(namespace, documents))
  const own = scope === CLUSTER ? (after.documents.get(cache.self)?.inForce ?? {}) : {}
  return mergeLayers([own, ...after.environment.values.map(({ overrides }) => overrides)])
}

function hasOwn(namespace: Namespace, documents: readonly ComputedDocument[], cache: Cache): boolean {
  const own = find(documents, namespace, cache.self)
  return own ? own.next !== undefined : cache.document(namespace, cache.self)?.entry !== undefined
}

function storedAfter(
  namespace: Namespace,
  documents: readonly ComputedDocument[],
): ReadonlyMap<Scope, JsonObject | undefined> {
  return new Map(
    documents.flatMap(document =>
      document.namespace === namespace ? [[document.scope, document.next]] : [],
    ),
  )
}

async function effectOn(
  { namespace, scope: viewer }: OverridesPlace,
  documents: readonly ComputedDocument[],
  cache: Cache,
): Promise<NamespaceEffect> {
  // A document that the cache has not seen yet is taken as the store has it.
  const unseen = documents.filter(
    document =>
      document.namespace === namespace &&
      !isAsKnown(cache.document(namespace, document.scope), document.base),
  )
  const before = await cache.project(
    namespace,
    new Map(unseen.map(({ scope, base }) => [scope, base.entry && base.data])),
    viewer,
  )
  const after = await cache.project(namespace, storedAfter(namespace, documents), viewer)
  const isKnown = ({ scope, pointer, rule }: RejectedMember): boolean =>
    before.rejected.rejected.some(one => one.scope === scope && one.pointer === pointer && one.rule === rule)
  const rejected = after.rejected.rejected.filter(one => !isKnown(one))
  return { ...describeEffect(cache.schema(namespace), before.effective, after.effective), rejected }
}

function find(
  documents: readonly ComputedDocument[],
  namespace: Namespace,
  scope: Scope,
): ComputedDocument | undefined {
  return documents.find(document => document.namespace === namespace && document.scope === scope)
}

/**
 * The paths, in the order of the document, at which the layer has a value, or a value that is no object on the
 * way there.
 */
function hiddenPaths(higher: JsonObject, paths: readonly string[]): readonly string[] {
  let above = ''
  let found: Json | undefined = higher
  return paths.filter(path => {
    const cut = path.lastIndexOf('/')
    const parent = path.slice(0, cut)
    // Many paths have the same beginning, which may be long.
    if (parent !== above) found = follow(higher, parent)
    above = parent
    return found !== undefined && follow(found, path.slice(cut)) !== undefined
  })
}

/** The value at a path, or the value that is no object on the way there; undefined without either. */
function follow(value: Json, path: string): Json | undefined {
  let at = value
  for (const token of path.split('/').slice(1)) {
    if (!isObject(at)) return at
    const next: Json | undefined = ownMember(at, token.replaceAll('~1', '/').replaceAll('~0', '~'))
    if (next === undefined) return undefined
    at = next
  }
  return at
}

function ownMember(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined
}

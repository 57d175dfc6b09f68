import type { Backend } from '../../../backends/backend.ts'
import type { Preview } from '../../../events/changes.ts'
import { differences } from '../../../events/differences.ts'
import { DOCUMENT_BYTES, type Revision } from '../../../model/document.ts'
import { SettingsError } from '../../../model/errors.ts'
import { refuseExcess } from '../../../model/extent.ts'
import type { Key } from '../../../model/key.ts'
import { mergeLayers } from '../../../model/merge.ts'
import { CLUSTER, type Namespace, type Scope } from '../../../model/namespace.ts'
import { isObject, type JsonObject } from '../../../model/value.ts'
import { placesOf } from '../../schema/deprecated.ts'
import { valueAt } from '../../schema/exact-keywords.ts'
import { sharedBudget } from '../../schema/step-meter.ts'
import { refuseBroken } from '../../schema/validator.ts'
import { type Base, isAsKnown, readRecords } from '../../state/document-reader.ts'
import { describeEffect, type Effect } from '../../state/effect.ts'
import type { Cache } from '../../watcher/cache.ts'
import { createPatchBudget, type PatchBudget } from './patch.ts'

/** One step of a change of overrides. */
export interface Edit {
  readonly namespace: Namespace
  readonly scope: Scope
  /** At which revision the namespace must be before the change. */
  readonly expected?: Revision | undefined
  /**
   * What overrides are to become; undefined to delete them. `before` is what they are, or what counts in
   * their place where they are no JSON object; for a later edit of the same document what the one before it
   * made.
   */
  readonly make: (base: Base, before: JsonObject, budget: PatchBudget) => JsonObject | undefined
  /** It may copy what it finds, so that a short text makes a long value. */
  readonly multiplies?: boolean
}

/** A document that a change is about. */
export interface PlannedDocument {
  readonly namespace: Namespace
  readonly scope: Scope
  readonly key: Key
  readonly edits: readonly Edit[]
}

/** What becomes of one document. */
export interface PlannedChange {
  readonly namespace: Namespace
  /** The overrides afterwards; undefined to delete them. */
  readonly next: JsonObject | undefined
  readonly shadowed: readonly string[]
  readonly deprecated: readonly string[]
}

/** What a change is going to do, worked out from its bases. */
export interface Plan {
  /** In the order of the documents. */
  readonly documents: readonly PlannedChange[]
  readonly namespaces: readonly Namespace[]
  /** The overrides that are set, for each document. */
  readonly overrides: readonly JsonObject[]
  /** What differs here in a namespace. @throws what reading the history throws. */
  readonly effectOn: (namespace: Namespace) => Promise<NamespaceEffect>
}

/** What a change does to a namespace here. */
export interface NamespaceEffect extends Effect {
  /** The scopes whose overrides do not count any more from then on, and why. */
  readonly rejected: Preview['rejected']
}

interface Surroundings {
  readonly backend: Backend
  readonly cache: Cache
  readonly strict: boolean
}

interface Made {
  readonly document: PlannedDocument
  readonly base: Base
  readonly before: JsonObject
  readonly next: JsonObject | undefined
}

/** How far back a valid version is looked for. */
const KEPT_RECORDS = 50

/** @throws SettingsError SETTINGS_INVALID, SCHEMA_REQUIRED, DOCUMENT_TOO_LARGE, what an edit throws. */
export async function makePlan(
  documents: readonly PlannedDocument[],
  bases: readonly Base[],
  around: Surroundings,
): Promise<Plan> {
  // For all edits together: many small patches cost as much as a large one.
  const budget = createPatchBudget()
  const made = await Promise.all(
    documents.map((document, i) => makeDocument(document, bases[i], budget, around)),
  )
  refuseInvalid(made, around)
  return {
    documents: await Promise.all(made.map(one => presentChange(one, made, around.cache))),
    namespaces: [...new Set(documents.map(({ namespace }) => namespace))],
    overrides: made.flatMap(({ next }) => (next ? [next] : [])),
    effectOn: namespace => effectOn(namespace, made, around.cache),
  }
}

async function makeDocument(
  document: PlannedDocument,
  base: Base | undefined,
  budget: PatchBudget,
  around: Surroundings,
): Promise<Made> {
  const { namespace, scope, key, edits } = document
  if (!base) throw new RangeError(`${key} has no base.`)
  const before = base.data ?? (base.entry ? await lastValid(document, around) : {})
  let next: JsonObject | undefined = before
  const what = `The overrides of "${namespace}"${scope === CLUSTER ? '' : ` in scope ${scope}`}`
  for (const { make, multiplies } of edits) {
    next = make(base, next ?? {}, budget)
    // What copies itself must be stopped before the next one does; everything else is no longer than what was
    // sent.
    if (next && multiplies) refuseExcess(next, what, DOCUMENT_BYTES)
  }
  if (next) refuseExcess(next, what, DOCUMENT_BYTES)
  return { document, base, before, next }
}

/**
 * What counts in the place of stored overrides that are no JSON object: what a patch of them has to start
 * from.
 */
async function lastValid(
  { namespace, scope, key }: PlannedDocument,
  { backend, cache }: Surroundings,
): Promise<JsonObject> {
  const records = await readRecords(backend, key, KEPT_RECORDS)
  const budget = sharedBudget()
  const isValid = (data: JsonObject) => cache.validate(namespace, scope, data, undefined, budget).length === 0
  return records.find(({ data }) => data && isValid(data))?.data ?? {}
}

/** @throws SettingsError SETTINGS_INVALID with all rules that are broken in any document, SCHEMA_REQUIRED. */
function refuseInvalid(made: readonly Made[], { cache, strict }: Surroundings): void {
  const broken = made.flatMap(({ document: { namespace, scope }, next }) => {
    if (next === undefined) return []
    if (!cache.schema(namespace) && strict) {
      throw new SettingsError(
        'SCHEMA_REQUIRED',
        `"${namespace}" has no schema, which [settings] strict = true requires. Register its schema first.`,
      )
    }
    const unusable = cache.unusableSchema(namespace)
    if (unusable !== undefined) {
      throw new SettingsError(
        'SCHEMA_REQUIRED',
        `"${namespace}" cannot be changed, because its stored schema cannot be used: ${unusable} Register a schema of its NApp that can.`,
      )
    }
    const cluster = find(made, namespace, CLUSTER)
    const rules = cache.validate(namespace, scope, next, cluster && (cluster.next ?? {}))
    return rules.map(rule => ({ ...rule, ...(made.length > 1 && { namespace, scope }) }))
  })
  const named = [...new Set(broken.map(rule => nameOf(rule) ?? nameOf(made[0]?.document)))]
  refuseBroken(broken, named.join(' and '))
}

function nameOf(
  place: { readonly namespace?: string; readonly scope?: string } | undefined,
): string | undefined {
  if (place?.namespace === undefined) return undefined
  return place.scope === CLUSTER ? `"${place.namespace}"` : `"${place.namespace}" in scope ${place.scope}`
}

async function presentChange(
  { document: { namespace, scope }, before, next }: Made,
  made: readonly Made[],
  cache: Cache,
): Promise<PlannedChange> {
  const higher = await layersAbove(scope, namespace, made, cache)
  const deprecated = cache.schema(namespace)?.deprecated ?? []
  // To compare a large document takes a while, and mostly there is nothing to look for.
  if (deprecated.length === 0 && Object.keys(higher).length === 0)
    return { namespace, next, shadowed: [], deprecated: [] }
  const changes = differences(before, next ?? {})
  const set = changes.flatMap(change => (change.new === undefined ? [] : [change.path]))
  return {
    namespace,
    next,
    shadowed: changes.map(({ path }) => path).filter(path => isHidden(higher, path)),
    deprecated: placesOf(deprecated, set),
  }
}

/** What stands above a scope here afterwards, merged; nothing of another controller's. */
async function layersAbove(
  scope: Scope,
  namespace: Namespace,
  made: readonly Made[],
  cache: Cache,
): Promise<JsonObject> {
  if (scope !== CLUSTER && scope !== cache.self) return {}
  const mayBeHidden =
    cache.environment(namespace).length > 0 || (scope === CLUSTER && hasOwn(namespace, made, cache))
  if (!mayBeHidden) return {}
  const { documents, environment } = await cache.project(namespace, storedAfter(namespace, made))
  const own = scope === CLUSTER ? (documents.get(cache.self)?.inForce ?? {}) : {}
  return mergeLayers([own, ...environment.values.map(({ overrides }) => overrides)])
}

function hasOwn(namespace: Namespace, made: readonly Made[], cache: Cache): boolean {
  const own = find(made, namespace, cache.self)
  return own ? own.next !== undefined : cache.document(namespace, cache.self)?.entry !== undefined
}

function storedAfter(
  namespace: Namespace,
  made: readonly Made[],
): ReadonlyMap<Scope, JsonObject | undefined> {
  return new Map(
    made.flatMap(({ document, next }) => (document.namespace === namespace ? [[document.scope, next]] : [])),
  )
}

async function effectOn(namespace: Namespace, made: readonly Made[], cache: Cache): Promise<NamespaceEffect> {
  // What the cache has not seen yet counts as the store has it.
  const unseen = made.filter(
    ({ document, base }) =>
      document.namespace === namespace && !isAsKnown(cache.document(namespace, document.scope), base),
  )
  const before = await cache.project(
    namespace,
    new Map(unseen.map(({ document, base }) => [document.scope, base.entry && base.data])),
  )
  const after = await cache.project(namespace, storedAfter(namespace, made))
  const rejected = [...after.documents.values()].flatMap(({ scope, rejected: errors }) =>
    errors.length > 0 && !before.documents.get(scope)?.rejected.length ? [{ scope, errors }] : [],
  )
  return { ...describeEffect(cache.schema(namespace), before.effective, after.effective), rejected }
}

function find(made: readonly Made[], namespace: Namespace, scope: Scope): Made | undefined {
  return made.find(({ document }) => document.namespace === namespace && document.scope === scope)
}

/** True when the layer has a value at the path, or one on the way there that no member can shine through. */
function isHidden(higher: JsonObject, path: string): boolean {
  const onTheWay = [...path.matchAll(/\//g)]
    .slice(1)
    .map(({ index }) => valueAt(higher, path.slice(0, index)))
  return (
    valueAt(higher, path) !== undefined || onTheWay.some(value => value !== undefined && !isObject(value))
  )
}

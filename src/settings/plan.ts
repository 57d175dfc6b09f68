import type { Backend } from '../../backends/backend.ts'
import { differences } from '../../events/differences.ts'
import { DOCUMENT_BYTES, type Revision } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import type { Key } from '../../model/key.ts'
import { CLUSTER, type Namespace, type Scope } from '../../model/namespace.ts'
import { isObject, type JsonObject } from '../../model/value.ts'
import type { Cache } from '../watcher/cache.ts'
import { placesOf } from './deprecated.ts'
import { type Base, isAsKnown, readRecords } from './document-reader.ts'
import { describeEffect, type Effect } from './effect.ts'
import { valueAt } from './exact-keywords.ts'
import { refuseExcess } from './extent.ts'
import { mergeLayers } from './layers.ts'
import { refuseBroken } from './validator.ts'

/** One step of a change of overrides. */
export interface Edit {
  readonly namespace: Namespace
  readonly scope: Scope
  /** At which revision the namespace must be before the change. */
  readonly expected?: Revision | undefined
  /**
   * What overrides are to become; undefined to delete them. `before` is what they are, or what counts in their place where they are no JSON object; for a later
   * edit of the same document what the one before it made.
   */
  readonly make: (base: Base, before: JsonObject) => JsonObject | undefined
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
  /** What differs here in a namespace. */
  readonly effectOn: (namespace: Namespace) => Effect
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
export async function makePlan(documents: readonly PlannedDocument[], bases: readonly Base[], around: Surroundings): Promise<Plan> {
  const made = await Promise.all(documents.map((document, i) => makeDocument(document, bases[i], around)))
  for (const one of made) refuseInvalid(one, made, around)
  return {
    documents: made.map(one => presentChange(one, made, around.cache)),
    namespaces: [...new Set(documents.map(({ namespace }) => namespace))],
    effectOn: namespace => effectOn(namespace, made, around.cache),
  }
}

async function makeDocument(document: PlannedDocument, base: Base | undefined, around: Surroundings): Promise<Made> {
  const { namespace, scope, key, edits } = document
  if (!base) throw new RangeError(`There is no base of ${key}.`)
  const before = base.data ?? (base.entry ? await lastValid(document, around) : {})
  let next: JsonObject | undefined = before
  for (const { make } of edits) {
    next = make(base, next ?? {})
    if (next) refuseExcess(next, `The overrides of "${namespace}"${scope === CLUSTER ? '' : ` in scope ${scope}`}`, DOCUMENT_BYTES)
  }
  return { document, base, before, next }
}

/** What counts in the place of stored overrides that are no JSON object: what a patch of them has to start from. */
async function lastValid({ namespace, scope, key }: PlannedDocument, { backend, cache }: Surroundings): Promise<JsonObject> {
  const records = await readRecords(backend, key, KEPT_RECORDS)
  return records.find(({ data }) => data && cache.validate(namespace, scope, data).length === 0)?.data ?? {}
}

function refuseInvalid({ document: { namespace, scope }, next }: Made, made: readonly Made[], { cache, strict }: Surroundings): void {
  if (next === undefined) return
  if (!cache.schema(namespace) && strict) {
    throw new SettingsError(
      'SCHEMA_REQUIRED',
      `"${namespace}" has no schema, and [settings] strict = true allows no free-form settings. Register its schema first.`,
    )
  }
  const cluster = find(made, namespace, CLUSTER)
  const broken = cache.validate(namespace, scope, next, cluster && (cluster.next ?? {}))
  refuseBroken(broken, scope === CLUSTER ? `"${namespace}"` : `"${namespace}" in scope ${scope}`)
}

function presentChange({ document: { namespace, scope }, before, next }: Made, made: readonly Made[], cache: Cache): PlannedChange {
  const higher = layersAbove(scope, namespace, made, cache)
  const deprecated = cache.schema(namespace)?.deprecated ?? []
  // To compare a large document takes a while, and mostly there is nothing to look for.
  if (deprecated.length === 0 && Object.keys(higher).length === 0) return { namespace, next, shadowed: [], deprecated: [] }
  const changes = differences(before, next ?? {})
  const set = changes.flatMap(change => (change.new === undefined ? [] : [change.path]))
  return {
    namespace,
    next,
    shadowed: changes.map(({ path }) => path).filter(path => isHidden(higher, path)),
    deprecated: placesOf(deprecated, set),
  }
}

/** What stands above a scope here, merged; nothing of another controller's. */
function layersAbove(scope: Scope, namespace: Namespace, made: readonly Made[], cache: Cache): JsonObject {
  if (scope !== CLUSTER && scope !== cache.self) return {}
  const environment = cache.environment(namespace).map(({ overrides }) => overrides)
  if (scope !== CLUSTER) return mergeLayers(environment)
  const own = find(made, namespace, cache.self)
  return mergeLayers([(own ? own.next : cache.document(namespace, cache.self)?.inForce) ?? {}, ...environment])
}

function effectOn(namespace: Namespace, made: readonly Made[], cache: Cache): Effect {
  const before = new Map<Scope, JsonObject | undefined>()
  const after = new Map<Scope, JsonObject | undefined>()
  for (const { document, base, before: was, next } of made) {
    if (document.namespace !== namespace) continue
    // What counts of overrides that were rejected is another version of them, which the cache knows.
    if (!isAsKnown(cache.document(namespace, document.scope), base)) before.set(document.scope, was)
    after.set(document.scope, next)
  }
  return describeEffect(cache.schema(namespace), cache.project(namespace, before), cache.project(namespace, after))
}

function find(made: readonly Made[], namespace: Namespace, scope: Scope): Made | undefined {
  return made.find(({ document }) => document.namespace === namespace && document.scope === scope)
}

/** True when the layer has a value at the path, or one on the way there that no member can shine through. */
function isHidden(higher: JsonObject, path: string): boolean {
  const onTheWay = [...path.matchAll(/\//g)].slice(1).map(({ index }) => path.slice(0, index))
  return valueAt(higher, path) !== undefined || onTheWay.some(ancestor => !isObject(valueAt(higher, ancestor) ?? {}))
}

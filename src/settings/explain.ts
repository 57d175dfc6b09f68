import { setImmediate as turn } from 'node:timers/promises'
import type { Backend } from '../../backends/backend.ts'
import type { Explanation, Layer, LayerValue } from '../../events/changes.ts'
import type { Settings } from '../../events/nouns.ts'
import { printRevision } from '../../model/document.ts'
import { toSettingsError } from '../../model/errors.ts'
import { historyPrefix } from '../../model/key.ts'
import type { Scope } from '../../model/namespace.ts'
import { isObject, isSealed, type Json, type JsonObject, pointerToken } from '../../model/value.ts'
import { memberOf } from '../schema/exact-keywords.ts'
import type { DocumentState, OverridesPlace } from '../state/document-state.ts'
import { parseRecord, type StoredRecord } from '../state/record.ts'
import type { Cache } from '../watcher/cache.ts'
import type { Projection } from '../watcher/cached-namespaces.ts'
import { schemaInUse } from '../watcher/schema-versions.ts'
import { findSetters } from './provenance.ts'

/** More records than a document may have. */
const MAX_SEARCHED_RECORDS = 1_000
const MAX_EXPLAIN_ATTEMPTS = 5
const UNKNOWN_SETTER = { set_by: null, set_at: null, revision: null }

/** The values of one layer, and for overrides the state of their document. */
interface ExplainedLayer {
  readonly layer: Layer
  readonly data: JsonObject
  /** The fields that all values of the layer share. */
  readonly common: Omit<LayerValue, 'layer' | 'value'>
  readonly state?: DocumentState
}

/** The value of a layer for a leaf of the effective settings: at its place, or at one above it as a whole. */
interface FoundValue {
  readonly layer: ExplainedLayer
  readonly place: string
  readonly value: Json
}

/**
 * Settings with the origin of each value: the layer of every leaf (any value but an object with members), and
 * the values that it hides. The author of a value is unknown while the store is unavailable, or when no
 * record of it is left. `present` returns the settings of the state that is explained. For the scope of
 * another controller, the layers are those that it has as far as the store tells.
 */
export async function explainSettings(
  backend: Backend,
  cache: Cache,
  { namespace, scope }: OverridesPlace,
  present: (seen: Projection) => Settings,
): Promise<Settings> {
  for (let attempt = 1; ; attempt++) {
    const revision = cache.namespaceRevision(namespace, scope)
    const seen = await cache.project(namespace, undefined, scope)
    const settings = present(seen)
    const explain = await explainState(seen, cache.seenFrom(scope), (state, newest) =>
      recordsUpTo(backend, state, newest),
    )
    // The records belong to the cached settings unless those changed meanwhile. If they do so in each
    // attempt, the author of such a change stays unknown.
    if (cache.namespaceRevision(namespace, scope) === revision || attempt === MAX_EXPLAIN_ATTEMPTS)
      return { ...settings, explain }
  }
}

/**
 * The origin of each value of a state, without a look at the store: the author of a value is unknown, unless
 * its document has one version only.
 */
export function explainFromCache(seen: Projection, scopes: readonly [Scope, Scope]): Promise<Explanations> {
  return explainState(seen, scopes, ({ record }, newest) =>
    record && record.version <= newest ? [record] : [],
  )
}

type Explanations = Readonly<Record<string, Explanation>>
/** The records of a document from a version on back, newest first. */
type RecordsUpTo = (state: DocumentState, newest: number) => AsyncIterable<StoredRecord> | StoredRecord[]

async function explainState(
  seen: Projection,
  scopes: readonly [Scope, Scope],
  recordsUpTo: RecordsUpTo,
): Promise<Explanations> {
  const layers = layersOf(seen, scopes)
  const leaves = findLeaves(seen.effective, layers)
  const setters = new Map(
    await Promise.all(
      layers.map(async layer => [layer, await settersIn(recordsUpTo, layer, leaves.values())] as const),
    ),
  )
  const explained: Record<string, Explanation> = {}
  for (const [pointer, found] of leaves) {
    const [top, ...below] = found.map(({ layer, place, value }) => ({
      layer: layer.layer,
      value,
      ...layer.common,
      ...presentSetter(setters.get(layer)?.get(place)),
      ...(place !== pointer && { pointer: place }),
    }))
    // The value in force is that of the highest layer that has one, and at least one has it.
    if (top) explained[pointer] = { ...top, shadowed: below }
  }
  return explained
}

/** The layers of a controller that sees these scopes, highest first. */
function layersOf(
  { documents, schemas, environment }: Projection,
  [cluster, own]: readonly [Scope, Scope],
): readonly ExplainedLayer[] {
  const schema = schemaInUse(schemas)
  const stored = schemas.stored.get(schema?.digest ?? '')?.entry.modRevision
  const declared = { ...UNKNOWN_SETTER, revision: stored === undefined ? null : printRevision(stored) }
  const overrides = (layer: Layer, scope: Scope): ExplainedLayer[] => {
    const state = documents.get(scope)
    return state?.entry ? [{ layer, data: state.inForce, common: UNKNOWN_SETTER, state }] : []
  }
  return [
    ...environment.values.map(({ variable, overrides: data }): ExplainedLayer => {
      return { layer: 'environment', data: data, common: { ...UNKNOWN_SETTER, variable } }
    }),
    ...overrides('controller', own),
    ...overrides('cluster', cluster),
    { layer: 'seed', data: schema?.seed ?? {}, common: declared },
    { layer: 'default', data: schema?.defaults ?? {}, common: declared },
  ]
}

/**
 * The leaves of the effective settings by JSON Pointer, each with the values that layers have for it: at its
 * place, or at one above it that is no object and so hides it or is hidden as a whole.
 */
function findLeaves(
  effective: JsonObject,
  layers: readonly ExplainedLayer[],
): ReadonlyMap<string, readonly FoundValue[]> {
  const leaves = new Map<string, readonly FoundValue[]>()
  const visit = (data: JsonObject, path: string, above: readonly FoundValue[]): void => {
    for (const [key, value] of Object.entries(data)) {
      const pointer = path + pointerToken(key)
      const found = above.flatMap(one => below(one, key, path, pointer))
      if (isObject(value) && !isSealed(value) && Object.keys(value).length > 0) visit(value, pointer, found)
      else leaves.set(pointer, found)
    }
  }
  visit(
    effective,
    '',
    layers.map(layer => ({ layer, place: '', value: layer.data })),
  )
  return leaves
}

/** The value of a layer for a member of the place `path`, from that for the place itself. */
function below(found: FoundValue, key: string, path: string, pointer: string): FoundValue[] {
  const { layer, place, value } = found
  const inner = place === path ? memberOf(value, key) : undefined
  if (inner !== undefined) return [{ layer, place: pointer, value: inner }]
  return isObject(value) && !isSealed(value) ? [] : [found]
}

async function settersIn(
  recordsUpTo: RecordsUpTo,
  layer: ExplainedLayer,
  leaves: Iterable<readonly FoundValue[]>,
): Promise<ReadonlyMap<string, StoredRecord>> {
  const { state } = layer
  if (!state) return new Map()
  const places = new Set(
    [...leaves].flatMap(found => found.flatMap(one => (one.layer === layer ? [one.place] : []))),
  )
  // Where the stored overrides are rejected, an earlier version of them is in force.
  const newest = (state.fallback ?? state.record)?.version ?? 0
  return findSetters(state.inForce, places, recordsUpTo(state, newest))
}

/**
 * The records of a document from a version on back, newest first, read on demand; only the cached one while
 * the store is unavailable.
 */
async function* recordsUpTo(
  backend: Backend,
  state: DocumentState,
  newest: number,
): AsyncIterable<StoredRecord> {
  try {
    const { pages } = await backend.list(historyPrefix(state.key), { newest: MAX_SEARCHED_RECORDS })
    for await (const page of pages) {
      for (const entry of page) {
        const record = parseRecord(entry)
        if (record && record.version <= newest) yield record
        // A large record takes a while to parse.
        await turn()
      }
    }
  } catch (error) {
    if (!toSettingsError(error).retryable) throw error
    if (state.record) yield state.record
  }
}

function presentSetter(setter: StoredRecord | undefined) {
  return setter && { set_by: setter.actor, set_at: setter.at, revision: printRevision(setter.of) }
}

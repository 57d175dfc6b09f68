import { setImmediate as turn } from 'node:timers/promises'
import type { Backend } from '../../backends/backend.ts'
import type { Explanation, Layer, LayerValue } from '../../events/changes.ts'
import type { Settings } from '../../events/nouns.ts'
import { printRevision } from '../../model/document.ts'
import { toSettingsError } from '../../model/errors.ts'
import { historyPrefix } from '../../model/key.ts'
import { CLUSTER, type Namespace, type Scope } from '../../model/namespace.ts'
import { isObject, type Json, type JsonObject, pointerToken } from '../../model/value.ts'
import { valueAt } from '../schema/exact-keywords.ts'
import type { DocumentState } from '../state/document-state.ts'
import { parseRecord, type StoredRecord } from '../state/record.ts'
import { redact } from '../state/secrets.ts'
import type { Cache } from '../watcher/cache.ts'
import { findSetters } from './provenance.ts'

/** As many records as a document may have, and more. */
const RECORDS = 1_000
const TRIES = 5
const NOBODY = { set_by: null, set_at: null, revision: null }

/** What one layer says, and of overrides where their history stands. */
interface ExplainedLayer {
  readonly layer: Layer
  readonly data: JsonObject
  /** What is known of every value of the layer alike. */
  readonly common: Omit<LayerValue, 'layer' | 'value'>
  readonly state?: DocumentState
}

/** A value that a layer has for a leaf of the effective settings: there, or hidden as a whole above it. */
interface Found {
  readonly layer: ExplainedLayer
  readonly place: string
  readonly value: Json
}

/**
 * Settings with where each of their values comes from: a layer for every leaf (all but an object with members
 * is one), and what that hides. While the store is away, or once no record of it is left, it is not known who
 * set a value. `present` gives the settings of the moment that is explained.
 */
export async function explainSettings(
  backend: Backend,
  cache: Cache,
  namespace: Namespace,
  present: () => Settings,
): Promise<Settings> {
  for (let tries = 1; ; tries++) {
    const revision = cache.namespaceRevision(namespace)
    const settings = present()
    const explain = await explainNow(backend, cache, namespace)
    // What was read belongs to what is known, unless that changed meanwhile; of a change that came in between
    // again and again the author is not told.
    if (cache.namespaceRevision(namespace) === revision || tries === TRIES) return { ...settings, explain }
  }
}

async function explainNow(
  backend: Backend,
  cache: Cache,
  namespace: Namespace,
): Promise<Readonly<Record<string, Explanation>>> {
  const layers = layersOf(cache, namespace)
  const leaves = new Map(
    leavesOf(cache.effective(namespace)).map(pointer => [
      pointer,
      layers.flatMap(layer => find(layer, pointer)),
    ]),
  )
  const setters = new Map(
    await Promise.all(
      layers.map(async layer => [layer, await settersIn(backend, layer, leaves.values())] as const),
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
    // The value that counts is that of the highest layer which has one, and there is one.
    if (top) explained[pointer] = { ...top, shadowed: below }
  }
  return explained
}

/** The layers that there are here, highest first. */
function layersOf(cache: Cache, namespace: Namespace): readonly ExplainedLayer[] {
  const schema = cache.schema(namespace)
  const stored = cache.schemaRevision(namespace)
  const declared = { ...NOBODY, revision: stored === undefined ? null : printRevision(stored) }
  const overrides = (layer: Layer, scope: Scope): ExplainedLayer[] => {
    const state = cache.document(namespace, scope)
    return state?.entry ? [{ layer, data: redact(state.inForce, schema), common: NOBODY, state }] : []
  }
  return [
    ...cache.environment(namespace).map(({ variable, overrides: data }): ExplainedLayer => {
      return { layer: 'environment', data: redact(data, schema), common: { ...NOBODY, variable } }
    }),
    ...overrides('controller', cache.self),
    ...overrides('cluster', CLUSTER),
    { layer: 'seed', data: redact(schema?.seed ?? {}, schema), common: declared },
    { layer: 'default', data: redact(schema?.defaults ?? {}, schema), common: declared },
  ]
}

/** What a layer has at a pointer, or, hiding or hidden as a whole, on the way there. */
function find(layer: ExplainedLayer, pointer: string): Found[] {
  for (let place = pointer; place !== ''; place = place.slice(0, place.lastIndexOf('/'))) {
    const value = valueAt(layer.data, place)
    if (value === undefined) continue
    return place === pointer || !isObject(value) ? [{ layer, place, value }] : []
  }
  return []
}

async function settersIn(
  backend: Backend,
  layer: ExplainedLayer,
  leaves: Iterable<readonly Found[]>,
): Promise<ReadonlyMap<string, StoredRecord>> {
  const { state } = layer
  if (!state) return new Map()
  const places = new Set(
    [...leaves].flatMap(found => found.flatMap(one => (one.layer === layer ? [one.place] : []))),
  )
  // Where the stored overrides do not count, an earlier version of them does.
  const newest = (state.fallback ?? state.record)?.version ?? 0
  return findSetters(state.inForce, places, recordsUpTo(backend, state, newest))
}

/**
 * The records of a document from a version on back, newest first, as they are asked for; while the store is
 * away the one that is known.
 */
async function* recordsUpTo(
  backend: Backend,
  state: DocumentState,
  newest: number,
): AsyncIterable<StoredRecord> {
  try {
    const { pages } = await backend.list(historyPrefix(state.key), { newest: RECORDS })
    for await (const page of pages) {
      for (const entry of page) {
        const record = parseRecord(entry)
        if (record && record.version <= newest) yield record
        // To parse a large one takes a while.
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

function leavesOf(data: JsonObject, path = ''): string[] {
  return Object.entries(data).flatMap(([key, value]) => {
    const pointer = path + pointerToken(key)
    return isObject(value) && Object.keys(value).length > 0 ? leavesOf(value, pointer) : [pointer]
  })
}

import type { Backend } from '../../backends/backend.ts'
import type { Explanation, Layer, LayerValue, Settings } from '../../events/map.ts'
import { printRevision } from '../../model/document.ts'
import { toSettingsError } from '../../model/errors.ts'
import { CLUSTER, type Namespace, type Scope } from '../../model/namespace.ts'
import { isObject, type JsonObject, pointerToken } from '../../model/value.ts'
import type { Cache } from '../watcher/cache.ts'
import type { DocumentState } from '../watcher/document-state.ts'
import { readRecords } from './document-reader.ts'
import { valueAt } from './exact-keywords.ts'
import { settersOf } from './provenance.ts'
import type { StoredRecord } from './record.ts'
import { redact } from './secrets.ts'

/** Who set a value of a layer, when, in which commit. */
type Provenance = Omit<LayerValue, 'layer' | 'value'>

interface ExplainedLayer {
  readonly layer: Layer
  readonly data: JsonObject
  readonly provenance: (pointer: string) => Provenance
}

/** As many records as a document may have, and more. */
const RECORDS = 1_000
const TRIES = 5
const NOBODY: Provenance = { set_by: null, set_at: null, revision: null }

/**
 * Settings with where each of their values comes from: a layer for every leaf (all but an object with members is one), and what that hides. While the store is
 * away, or once no record of it is left, it is not known who set a value. `present` gives the settings of the moment that is explained.
 */
export async function explainSettings(backend: Backend, cache: Cache, namespace: Namespace, present: () => Settings): Promise<Settings> {
  const read = async (scope: Scope): Promise<readonly StoredRecord[]> => readHistory(backend, cache, namespace, scope)
  for (let tries = 1; ; tries++) {
    const revision = cache.namespaceRevision(namespace)
    const records = { cluster: await read(CLUSTER), own: await read(cache.self) }
    // What was read belongs to what is known, unless that changed meanwhile; of a change that came in between again and again the author is not told.
    if (cache.namespaceRevision(namespace) === revision || tries === TRIES) return { ...present(), explain: explain(cache, namespace, records) }
  }
}

interface Records {
  readonly cluster: readonly StoredRecord[]
  readonly own: readonly StoredRecord[]
}

function explain(cache: Cache, namespace: Namespace, { cluster, own }: Records): Readonly<Record<string, Explanation>> {
  const schema = cache.schema(namespace)
  const stored = cache.schemaRevision(namespace)
  const declared = { ...NOBODY, revision: stored === undefined ? null : printRevision(stored) }
  const environment = cache.environment(namespace)
  const layers: readonly ExplainedLayer[] = [
    { layer: 'default', data: schema?.defaults ?? {}, provenance: () => declared },
    { layer: 'seed', data: schema?.seed ?? {}, provenance: () => declared },
    explainOverrides('cluster', cache.document(namespace, CLUSTER), cluster),
    explainOverrides('controller', cache.document(namespace, cache.self), own),
    ...environment.map(
      ({ variable, overrides }): ExplainedLayer => ({ layer: 'environment', data: overrides, provenance: () => ({ ...NOBODY, variable }) }),
    ),
  ]
  const shown = layers.map(layer => ({ ...layer, data: redact(layer.data, schema) })).reverse()
  const explained: Record<string, Explanation> = {}
  for (const pointer of leavesOf(cache.effective(namespace))) {
    const [top, ...below] = shown.flatMap(layer => at(layer, pointer))
    // The value that counts is that of the highest layer which has one, and there is one.
    if (top) explained[pointer] = { ...top, shadowed: below }
  }
  return explained
}

/** What a layer has at a pointer, or, hiding or hidden as a whole, on the way there. */
function at({ layer, data, provenance }: ExplainedLayer, pointer: string): (LayerValue & { readonly pointer?: string })[] {
  for (let place = pointer; place !== ''; place = place.slice(0, place.lastIndexOf('/'))) {
    const value = valueAt(data, place)
    if (value === undefined) continue
    if (place === pointer) return [{ layer, value, ...provenance(place) }]
    return isObject(value) ? [] : [{ layer, pointer: place, value, ...provenance(place) }]
  }
  return []
}

function explainOverrides(layer: Layer, state: DocumentState | undefined, records: readonly StoredRecord[]): ExplainedLayer {
  const data = state?.inForce ?? {}
  // Where the stored overrides do not count, an earlier version of them does.
  const newest = state?.fallback ?? state?.record
  const setters = settersOf(
    data,
    records.filter(({ version }) => version <= (newest?.version ?? 0)),
  )
  return { layer, data, provenance: pointer => presentSetter(setters.get(pointer)) }
}

function presentSetter(setter: StoredRecord | undefined): Provenance {
  return setter ? { set_by: setter.actor, set_at: setter.at, revision: printRevision(setter.of) } : NOBODY
}

async function readHistory(backend: Backend, cache: Cache, namespace: Namespace, scope: Scope): Promise<readonly StoredRecord[]> {
  const state = cache.document(namespace, scope)
  if (!state?.entry) return []
  return readRecords(backend, state.key, RECORDS).catch(error => {
    if (toSettingsError(error).retryable) return state.record ? [state.record] : []
    throw error
  })
}

function leavesOf(data: JsonObject, path = ''): string[] {
  return Object.entries(data).flatMap(([key, value]) => {
    const pointer = path + pointerToken(key)
    return isObject(value) && Object.keys(value).length > 0 ? leavesOf(value, pointer) : [pointer]
  })
}

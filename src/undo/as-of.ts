import type { Backend } from '../../backends/backend.ts'
import type { AsOf, StandingDocument } from '../../events/history-nouns.ts'
import { historyPrefix, type Prefix } from '../../model/key.ts'
import { type Namespace, overridesKey, type Scope } from '../../model/namespace.ts'
import { currentVisibility } from '../../model/rights/visibility.ts'
import type { JsonObject } from '../../model/value.ts'
import type { OverridesPlace } from '../state/document-state.ts'
import { ALL_RECORDS, listRecords } from './kept-records.ts'
import { type Standing, StandingSearch } from './standing.ts'

/** The state at a time, of one document or of all. */
export interface AsOfRequest {
  readonly at: Date
  readonly document: OverridesPlace | undefined
  /** The shown form of settings. */
  readonly protect: (namespace: Namespace, data: JsonObject) => JsonObject
  /** Throws for an unknown namespace; called when the document has no records. */
  readonly requireKnown: (place: OverridesPlace) => Promise<void>
}

/** Reads the overrides that the caller sees as they were at a time. @throws as `requireKnown`. */
export async function readAsOf(
  backend: Backend,
  { at, document, protect, requireKnown }: AsOfRequest,
): Promise<AsOf> {
  const prefix: Prefix = document
    ? historyPrefix(overridesKey(document.namespace, document.scope))
    : ALL_RECORDS
  const { seesNamespace } = currentVisibility()
  const found = new Map<string, OverridesPlace & { readonly search: StandingSearch }>()
  const { records } = await listRecords(backend, prefix)
  for await (const { key, namespace, scope, record } of records) {
    if (!seesNamespace(namespace)) continue
    const one = found.get(key) ?? { namespace, scope, search: StandingSearch.atTime(at.getTime()) }
    one.search.add(record)
    found.set(key, one)
  }
  if (document && found.size === 0) {
    await requireKnown(document)
    found.set('', { ...document, search: StandingSearch.atTime(at.getTime()) })
  }
  const documents = [...found.values()].map(({ namespace, scope, search }) =>
    present({ namespace, scope }, search.result, data => protect(namespace, data)),
  )
  return { at: at.toISOString(), documents }
}

function present(
  { namespace, scope }: { readonly namespace: Namespace; readonly scope: Scope },
  { record, data, newest, pruned, isBackInTime }: Standing,
  protect: (data: JsonObject) => JsonObject,
): StandingDocument {
  return {
    namespace,
    scope,
    version: record?.version ?? 0,
    data: data && !pruned ? protect(data) : null,
    at: record?.at ?? null,
    actor: record?.actor ?? null,
    controller: record?.controller ?? null,
    ...(isBackInTime && { clock: true }),
    newest: newest?.version ?? 0,
    ...(pruned && { pruned }),
  }
}

import type { Description, ServiceState, Settings } from '../../events/nouns.ts'
import { printRevision, type Revision } from '../../model/document.ts'
import type { SettingsError } from '../../model/errors.ts'
import { type Namespace, overridesKey, type Scope } from '../../model/namespace.ts'
import { presentPending } from '../pending/present-pending.ts'
import { isAsKnown } from '../state/document-reader.ts'
import { type DocumentState, documentVersion } from '../state/document-state.ts'
import { isSameRecord } from '../state/record.ts'
import { presentRejected } from '../state/rejected-list.ts'
import type { Cache } from '../watcher/cache.ts'
import type { Projection } from '../watcher/cached-namespaces.ts'
import { namespaceRevision } from '../watcher/namespace-state.ts'
import { type SchemaVersions, schemaInUse } from '../watcher/schema-versions.ts'
import type { Written } from './write/change-attempt.ts'
import type { OverridesResult } from './write/overrides.ts'
import { unknownNamespace } from './write/unknown-namespace.ts'

/** The stored schemas that one description lists. */
const MAX_STORED_SCHEMAS = 100

/** The view of this controller: the cached store, and its state. */
export interface View {
  readonly cache: Cache
  readonly epoch: number
  readonly state: ServiceState
}

/**
 * The settings of a namespace in a scope, as the controller of the scope sees them: `seen` is the state of the
 * namespace there, at the moment of the view.
 */
export function presentSettings(
  { cache, epoch, state }: View,
  namespace: Namespace,
  scope: Scope,
  seen: Projection,
): Settings {
  const document = seen.documents.get(scope)
  const schema = schemaInUse(seen.schemas)
  return {
    namespace,
    data: seen.effective,
    overrides: document?.data ?? {},
    revision: printRevision(namespaceRevision(seen, cache.seenFrom(scope))),
    version: documentVersion(document),
    epoch,
    state,
    updated_at: document?.record?.at ?? null,
    updated_by: document?.record?.actor ?? null,
    schema: schema !== undefined,
    ...presentRejected(seen.rejected),
    ...(cache.isElsewhere(scope) && { assumed: true }),
    ...presentPending(cache.index.pending, overridesKey(namespace, scope)),
  }
}

/**
 * The settings as a change left them, regardless of later changes; for a dry run, as it would leave them, at
 * the current revision and version.
 */
export async function presentChanged(view: View, changed: OverridesResult): Promise<Settings> {
  const { namespace, scope, written, together, observed, shadowed, deprecated, preview } = changed
  const { cache } = view
  const seen = await cache.project(namespace, undefined, scope)
  const { rejected: _, more: __, ...known } = presentSettings(view, namespace, scope, seen)
  const overtaken =
    preview !== undefined ||
    [...together].some(([one, written]) => !isInCache(seen.documents.get(one), written))
  const left = new Map([...together].map(([one, { data }]) => [one, data]))
  const after = overtaken ? await cache.project(namespace, left, scope) : undefined
  return {
    ...known,
    ...(after && {
      data: after.effective,
      overrides: cache.protect(namespace, written.data ?? {}),
    }),
    ...presentRejected((after ?? seen).rejected),
    ...(overtaken &&
      !preview && {
        version: written.record?.version ?? 0,
        updated_at: written.record?.at ?? null,
        updated_by: written.record?.actor ?? null,
      }),
    revision: preview
      ? known.revision
      : printRevision(revisionOf(changed, { seen, scopes: cache.seenFrom(scope), overtaken })),
    ...(observed ? {} : { observed }),
    ...(shadowed.length > 0 && { shadowed }),
    ...(deprecated.length > 0 && { deprecated }),
    ...(preview && { preview }),
  }
}

/** True when the cache has a document exactly as a change left it, and not another change of its version. */
function isInCache(state: DocumentState | undefined, written: Written): boolean {
  return isSameRecord(state?.record, written.record) && isAsKnown(state, written)
}

/** @throws SettingsError NAMESPACE_NOT_FOUND when the namespace has no schema. */
export function presentDescription({ cache }: View, namespace: Namespace): Description {
  const document = cache.schema(namespace)
  if (!document) throw schemaNotFound(cache, namespace)
  return {
    namespace,
    schema: document.schema,
    digest: document.digest,
    napp_version: document.nappVersion ?? null,
    defaults: document.defaults,
    apply: document.modes,
    stored: presentStored(cache.schemaVersions(namespace)),
    ...presentRejected(cache.rejected(namespace)),
  }
}

/** The error of a description without a schema, with the nearest name. */
export function schemaNotFound(cache: Cache, namespace: Namespace): SettingsError {
  return unknownNamespace(
    cache,
    namespace,
    `"${namespace}" has no schema. Start its NApp, or register one with PUT .../schema.`,
  )
}

/** The stored schemas of a namespace, the one that needs no registration first, then newest first. */
function presentStored(versions: SchemaVersions): Description['stored'] {
  const best = schemaInUse({ ...versions, registered: [] })?.digest
  const newestFirst = [...versions.stored]
    .filter(([, { isSchema }]) => isSchema)
    .sort(([, { entry: a }], [, { entry: b }]) => (a.modRevision > b.modRevision ? -1 : 1))
  return [
    ...newestFirst.filter(([digest]) => digest === best),
    ...newestFirst.filter(([digest]) => digest !== best),
  ]
    .slice(0, MAX_STORED_SCHEMAS)
    .map(([digest, { document, entry }]) => ({
      digest,
      napp_version: document?.nappVersion ?? null,
      revision: printRevision(entry.modRevision),
    }))
}

/** The revision of the namespace as the controller of the scope sees it. */
function revisionOf(
  { together }: OverridesResult,
  {
    seen,
    scopes,
    overtaken,
  }: { readonly seen: Projection; readonly scopes: readonly Scope[]; readonly overtaken: boolean },
): Revision {
  const counting = [...together].flatMap(([one, written]) => (scopes.includes(one) ? [written] : []))
  const committed = counting.find(written => written.committed)
  if (committed && overtaken) return committed.revision
  return counting.reduce(
    (newest, { revision }) => (revision > newest ? revision : newest),
    namespaceRevision(seen, scopes),
  )
}

/** The settings with a sentence about the request, if there is one. */
export function withWarning(settings: Settings, warning: string | undefined): Settings {
  return warning === undefined ? settings : { ...settings, warnings: [warning] }
}

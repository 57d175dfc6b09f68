import type { Description, FileCode, ServiceState, Settings, Summary } from '../../events/nouns.ts'
import { printRevision, type Revision } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import { CLUSTER, type Namespace, type Scope } from '../../model/namespace.ts'
import { nearest } from '../../model/nearest.ts'
import { documentVersion } from '../state/document-state.ts'
import { redact } from '../state/secrets.ts'
import type { Cache } from '../watcher/cache.ts'
import type { OverridesResult } from './write/overrides.ts'

/** The view of this controller: the cached store, and its state. */
export interface View {
  readonly cache: Cache
  readonly epoch: number
  readonly state: ServiceState
}

/** The current settings of a namespace in a scope. */
export function presentSettings({ cache, epoch, state }: View, namespace: Namespace, scope: Scope): Settings {
  const document = cache.document(namespace, scope)
  const schema = cache.schema(namespace)
  return {
    namespace,
    data: redact(cache.effective(namespace), schema),
    overrides: redact(document?.data ?? {}, schema),
    revision: printRevision(cache.namespaceRevision(namespace)),
    version: documentVersion(document),
    epoch,
    state,
    updated_at: document?.record?.at ?? null,
    updated_by: document?.record?.actor ?? null,
    schema: schema !== undefined,
  }
}

/**
 * The settings as a change left them, regardless of later changes; for a dry run, as it would leave them, at
 * the current revision and version.
 */
export async function presentChanged(view: View, changed: OverridesResult): Promise<Settings> {
  const { namespace, scope, written, together, observed, shadowed, deprecated, preview } = changed
  const { cache } = view
  const schema = cache.schema(namespace)
  const known = presentSettings(view, namespace, scope)
  const overtaken =
    preview !== undefined ||
    [...together].some(
      ([one, { record }]) => record?.version !== cache.document(namespace, one)?.record?.version,
    )
  const left = new Map([...together].map(([one, { data }]) => [one, data]))
  const data = overtaken ? (await cache.project(namespace, left)).effective : undefined
  return {
    ...known,
    ...(data && { data: redact(data, schema), overrides: redact(written.data ?? {}, schema) }),
    ...(overtaken &&
      !preview && {
        version: written.record?.version ?? 0,
        updated_at: written.record?.at ?? null,
        updated_by: written.record?.actor ?? null,
      }),
    revision: preview ? known.revision : printRevision(revisionOf(cache, changed, overtaken)),
    ...(observed ? {} : { observed }),
    ...(shadowed.length > 0 && { shadowed }),
    ...(deprecated.length > 0 && { deprecated }),
    ...(preview && { preview }),
  }
}

export function presentSummary(
  { cache, state }: View,
  namespace: Namespace,
  files: readonly FileCode[] = [],
): Summary {
  const cluster = cache.document(namespace, CLUSTER)
  return {
    namespace,
    revision: printRevision(cache.namespaceRevision(namespace)),
    version: documentVersion(cluster),
    state,
    schema: cache.schema(namespace) !== undefined,
    overrides: cluster?.entry !== undefined || cache.document(namespace, cache.self)?.entry !== undefined,
    pending: false,
    ...(files.length > 0 && { files }),
  }
}

/** @throws SettingsError NAMESPACE_NOT_FOUND when the namespace has no schema. */
export function presentDescription({ cache }: View, namespace: Namespace): Description {
  const document = cache.schema(namespace)
  if (!document)
    throw unknownNamespace(
      cache,
      namespace,
      `"${namespace}" has no schema. Start its NApp, or register one with PUT .../schema.`,
    )
  return {
    namespace,
    schema: document.schema,
    digest: document.digest,
    napp_version: document.nappVersion ?? null,
    defaults: document.defaults,
    apply: document.modes,
  }
}

export function unknownNamespace(
  cache: Cache,
  namespace: Namespace,
  what = `The namespace "${namespace}" has neither a schema nor overrides.`,
): SettingsError {
  const near = nearest(
    namespace,
    cache.namespaces().filter(one => one !== namespace),
  )
  return new SettingsError('NAMESPACE_NOT_FOUND', `${what}${near ? ` Did you mean "${near}"?` : ''}`, {
    details: { namespace, ...(near ? { nearest: near } : {}) },
  })
}

/** The revision of the namespace as this controller sees it; overrides of another controller do not count. */
function revisionOf(cache: Cache, { namespace, together }: OverridesResult, overtaken: boolean): Revision {
  const seen = [...together].flatMap(([scope, written]) =>
    scope === CLUSTER || scope === cache.self ? [written] : [],
  )
  const committed = seen.find(written => written.committed)
  if (committed && overtaken) return committed.revision
  return seen.reduce(
    (newest, { revision }) => (revision > newest ? revision : newest),
    cache.namespaceRevision(namespace),
  )
}

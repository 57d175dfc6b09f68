import type { Description, ServiceState, Settings, Summary } from '../../events/map.ts'
import { printRevision, type Revision } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import { CLUSTER, type Namespace, type Scope } from '../../model/namespace.ts'
import { nearest } from '../nearest.ts'
import type { Cache } from '../watcher/cache.ts'
import { documentVersion } from '../watcher/document-state.ts'
import type { Written } from './document-writer.ts'
import { redact } from './secrets.ts'

/** The view from this controller: what the store said last, and how far that can be trusted. */
export interface View {
  readonly cache: Cache
  readonly epoch: number
  readonly state: ServiceState
}

/** Settings of a namespace in a scope; with `written`, as that commit left them, whatever came after it. */
export function presentSettings({ cache, epoch, state }: View, namespace: Namespace, scope: Scope, written?: Written): Settings {
  const known = cache.document(namespace, scope)
  const overtaken = written !== undefined && written.record?.version !== known?.record?.version
  const document = overtaken ? written : known
  const schema = cache.schema(namespace)
  const data = overtaken ? cache.merge(namespace, layersWith(cache, namespace, scope, written)) : cache.effective(namespace)
  return {
    namespace,
    data: redact(data, schema),
    overrides: redact(document?.data ?? {}, schema),
    revision: printRevision(revisionOf(cache, namespace, scope, written, overtaken)),
    version: overtaken ? (written.record?.version ?? 0) : documentVersion(known),
    epoch,
    state,
    updated_at: document?.record?.at ?? null,
    updated_by: document?.record?.actor ?? null,
    schema: schema !== undefined,
  }
}

export function presentSummary({ cache, state }: View, namespace: Namespace): Summary {
  const cluster = cache.document(namespace, CLUSTER)
  return {
    namespace,
    revision: printRevision(cache.namespaceRevision(namespace)),
    version: documentVersion(cluster),
    state,
    schema: cache.schema(namespace) !== undefined,
    overrides: cluster?.entry !== undefined || cache.document(namespace, cache.self)?.entry !== undefined,
    pending: false,
  }
}

/** @throws SettingsError NAMESPACE_UNKNOWN when the namespace has no schema. */
export function presentDescription({ cache }: View, namespace: Namespace): Description {
  const document = cache.schema(namespace)
  if (!document)
    throw unknownNamespace(cache, namespace, `"${namespace}" has no schema. Its NApp registers one when it starts; PUT .../schema does it by hand.`)
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
  what = `There are no settings "${namespace}": neither a schema nor overrides.`,
): SettingsError {
  const near = nearest(
    namespace,
    cache.namespaces().filter(one => one !== namespace),
  )
  return new SettingsError('NAMESPACE_UNKNOWN', `${what}${near ? ` Did you mean "${near}"?` : ''}`, {
    details: { namespace, ...(near ? { nearest: near } : {}) },
  })
}

function layersWith(cache: Cache, namespace: Namespace, scope: Scope, written: Written) {
  const cluster = scope === CLUSTER ? written.data : cache.document(namespace, CLUSTER)?.inForce
  const own = scope === cache.self ? written.data : cache.document(namespace, cache.self)?.inForce
  return [cluster, own]
}

/** Of the namespace as this controller sees it; what was written for another controller does not count. */
function revisionOf(cache: Cache, namespace: Namespace, scope: Scope, written: Written | undefined, overtaken: boolean): Revision {
  const known = cache.namespaceRevision(namespace)
  if (!written || (scope !== CLUSTER && scope !== cache.self)) return known
  if (written.committed && overtaken) return written.revision
  return written.revision > known ? written.revision : known
}

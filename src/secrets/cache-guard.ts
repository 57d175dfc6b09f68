import type { Namespace, Scope } from '../../model/namespace.ts'
import type { JsonObject } from '../../model/value.ts'
import type { DocumentState } from '../state/document-state.ts'
import type { Overlay } from '../state/overlay.ts'

/** Keeps plain secrets out of the cache. */
export interface SecretsGuard {
  /** The settings with a tag in place of each plain secret; the same object without any. */
  protect(namespace: string, data: JsonObject): JsonObject
  /** Adds the sensitive places of a schema. */
  learn(namespace: string, digest: string, schema: JsonObject): void
}

/** For a cache without secrets. */
export const NO_SECRETS: SecretsGuard = { protect: (_, data) => data, learn() {} }

/** The documents of a namespace without plain secrets. */
export function withoutSecrets(
  namespace: Namespace,
  documents: ReadonlyMap<Scope, DocumentState>,
  secrets: SecretsGuard,
): ReadonlyMap<Scope, DocumentState> {
  let changed: Map<Scope, DocumentState> | undefined
  for (const [scope, document] of documents) {
    const data = document.data && secrets.protect(namespace, document.data)
    if (data === document.data) continue
    changed ??= new Map(documents)
    changed.set(scope, { ...document, data })
  }
  return changed ?? documents
}

/** The layer of the environment without plain secrets. */
export function withoutSecretsInOverlay(
  namespace: Namespace,
  overlay: Overlay,
  secrets: SecretsGuard,
): Overlay {
  if (overlay.values.length === 0 && !overlay.judged) return overlay
  const data = secrets.protect(namespace, overlay.data)
  const values = overlay.values.map(value => {
    const overrides = secrets.protect(namespace, value.overrides)
    return overrides === value.overrides ? value : { ...value, overrides }
  })
  const { judged } = overlay
  const stored = judged?.stored && secrets.protect(namespace, judged.stored)
  if (!judged || stored === judged.stored) return { ...overlay, data, values }
  // The message of a rule quotes the value, which is a secret or has one.
  const rejected = judged.rejected.map(one => ({
    ...one,
    message: `The value at "${one.pointer}" does not match the rule "${one.rule}" of the schema.`,
  }))
  return { ...overlay, data, values, judged: { ...judged, stored, rejected } }
}

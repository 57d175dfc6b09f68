import { SettingsError } from '../../../model/errors.ts'
import type { Namespace } from '../../../model/namespace.ts'
import { nearest } from '../../../model/nearest.ts'
import { currentVisibility } from '../../../model/rights/visibility.ts'
import type { Cache } from '../../watcher/cache.ts'

/** The namespaces that the caller of the current command sees. */
export function visibleNamespaces(cache: Cache): readonly Namespace[] {
  const visibility = currentVisibility()
  const all = cache.namespaces()
  return visibility.limits ? all.filter(namespace => visibility.seesNamespace(namespace)) : all
}

/** The error NAMESPACE_NOT_FOUND, with the nearest name that the caller sees. */
export function unknownNamespace(
  cache: Cache,
  namespace: Namespace,
  what = `The namespace "${namespace}" has neither a schema nor overrides.`,
): SettingsError {
  const near = nearest(
    namespace,
    visibleNamespaces(cache).filter(one => one !== namespace),
  )
  return new SettingsError('NAMESPACE_NOT_FOUND', `${what}${near ? ` Did you mean "${near}"?` : ''}`, {
    details: { namespace, ...(near ? { nearest: near } : {}) },
  })
}

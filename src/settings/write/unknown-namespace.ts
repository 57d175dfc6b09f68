import { SettingsError } from '../../../model/errors.ts'
import type { Namespace } from '../../../model/namespace.ts'
import { nearest } from '../../../model/nearest.ts'
import type { Cache } from '../../watcher/cache.ts'

/** The error NAMESPACE_NOT_FOUND, with the nearest name. */
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

import type { SettingsError } from '../../model/errors.ts'
import type { Namespace } from '../../model/namespace.ts'
import { schemaNotFound } from '../settings/present.ts'
import { unknownOwner } from '../status/service.ts'
import type { Cache } from '../watcher/cache.ts'

/**
 * The error of a command about a name that is not known, with which a read of a hidden name is answered. `name`
 * is a NApp id, or a namespace of boxes.
 */
export function unknownName(cache: Cache, command: string, name: string): SettingsError {
  // Commands whose names have no "/" are about boxes or the status.
  return command === 'kytos.settings.describe'
    ? schemaNotFound(cache, name as Namespace)
    : unknownOwner(cache, name)
}

import { isSettingsError, SettingsError } from '../../../model/errors.ts'
import type { Key } from '../../../model/key.ts'
import type { JsonObject } from '../../../model/value.ts'
import { parseReadable } from '../format/readable.ts'
import type { Seen } from './look.ts'

/**
 * The object in the readable file of a document; undefined when there is no file; the error when it cannot be
 * applied. `entryBytes`: the largest document of any kind, in bytes.
 */
export function parseContent(
  key: Key,
  seen: Seen,
  entryBytes: number,
): JsonObject | undefined | SettingsError {
  if (seen.hash === null) return undefined
  if (seen.bytes.length > entryBytes) {
    return new SettingsError(
      'DOCUMENT_TOO_LARGE',
      `It has ${seen.bytes.length} bytes; ${entryBytes} are allowed.`,
    )
  }
  try {
    return parseReadable(key, seen.bytes, entryBytes)
  } catch (error) {
    if (isSettingsError(error)) return error
    throw error
  }
}

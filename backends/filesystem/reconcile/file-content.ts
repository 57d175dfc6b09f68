import { DOCUMENT_BYTES } from '../../../model/document.ts'
import { isSettingsError, SettingsError } from '../../../model/errors.ts'
import { printJson } from '../../../model/json.ts'
import type { Key } from '../../../model/key.ts'
import type { JsonObject } from '../../../model/value.ts'
import { readableKind } from '../format/layout.ts'
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
    return tooLarge(seen.bytes.length, entryBytes)
  }
  try {
    const value = parseReadable(seen.bytes)
    const length = readableKind(key) === 'boxes' ? 0 : Buffer.byteLength(printJson(value))
    return length > DOCUMENT_BYTES ? tooLarge(length, DOCUMENT_BYTES) : value
  } catch (error) {
    if (isSettingsError(error)) return error
    throw error
  }
}

function tooLarge(bytes: number, allowed: number): SettingsError {
  return new SettingsError('DOCUMENT_TOO_LARGE', `It has ${bytes} bytes, ${allowed} are allowed.`)
}

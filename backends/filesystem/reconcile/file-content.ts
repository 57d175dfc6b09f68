import { isSettingsError, SettingsError, toSettingsError } from '../../../model/errors.ts'
import type { Key } from '../../../model/key.ts'
import type { JsonObject } from '../../../model/value.ts'
import { parseReadable } from '../format/readable.ts'
import type { Seen } from './look.ts'
import type { ReconcilerContext } from './reconciler-context.ts'

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

/** The parts of the reconciler that seal what a person typed. */
type Sealing = Pick<ReconcilerContext, 'seal' | 'state' | 'entryBytes'>

/**
 * What a person wrote into the file of a document, with its secrets sealed, so that none enters the journal.
 * Undefined when there is no file; the error when it cannot be applied, or not be sealed now.
 */
export function parseEdit(
  key: Key,
  seen: Seen,
  { seal, state, entryBytes }: Sealing,
): JsonObject | undefined | SettingsError {
  const value = parseContent(key, seen, entryBytes)
  if (!seal || value === undefined || isSettingsError(value)) return value
  try {
    // A parsed content is an object.
    return seal.settings(key, value as JsonObject, prefix => state.below(prefix))
  } catch (error) {
    return toSettingsError(error)
  }
}

/**
 * The text to be kept in place of a rejected one that may have secrets anywhere; undefined to keep it as it is.
 */
export function sealRejected(
  key: Key,
  text: string,
  { seal, state }: Pick<Sealing, 'seal' | 'state'>,
): string | undefined {
  return seal?.text(key, text, prefix => state.below(prefix))
}

import { DOCUMENT_BYTES } from '../model/document.ts'
import { SettingsError } from '../model/errors.ts'
import { DATA_DEPTH, nestsWithin } from '../model/extent.ts'
import { parseJson, parseUntrustedJson, printJson } from '../model/json.ts'
import { isObject, type JsonObject, MAX_DEPTH } from '../model/value.ts'

/*
 * The rule for texts that people and other programs write, the same on every backend. A text counts when it is
 * UTF-8 and one JSON object without a duplicate key, within the limits of commands. A byte order mark is
 * ignored. Any other text is rejected as a whole and kept as it was written.
 */

/** The limits of a document. */
export interface EditLimits {
  /** The largest document, in bytes of its JSON without spaces. */
  readonly bytes: number
  /** The deepest nesting. */
  readonly levels: number
}

const OVERRIDES: EditLimits = { bytes: DOCUMENT_BYTES, levels: DATA_DEPTH }

/** Parses overrides. @throws SettingsError JSON_MALFORMED, DOCUMENT_TOO_LARGE. */
export function parseEditedOverrides(text: string): JsonObject {
  return parseEdited(text, OVERRIDES)
}

/** Parses a box, whose data lies one level below. @throws SettingsError as {@link parseEditedOverrides}. */
export function parseEditedBox(text: string, bytes = Number.POSITIVE_INFINITY): JsonObject {
  return parseEdited(text, { bytes, levels: DATA_DEPTH + 1 })
}

/** Parses any other document. @throws SettingsError JSON_MALFORMED. */
export function parseEditedObject(text: string): JsonObject {
  return parseEdited(text, { bytes: Number.POSITIVE_INFINITY, levels: MAX_DEPTH })
}

function parseEdited(text: string, { bytes, levels }: EditLimits): JsonObject {
  if (!text.isWellFormed()) throw malformed('Not JSON: it is not UTF-8 text. Save it as UTF-8.')
  const source = text.startsWith('\ufeff') ? text.slice(1) : text
  let value = parseJson(source)
  let printed = printJson(value)
  // Equal for a text of this service. Any other one is parsed again, because the fast parser takes the last
  // of several members with one key.
  if (printed !== source) {
    value = parseUntrustedJson(source)
    printed = printJson(value)
  }
  if (!isObject(value)) throw malformed('The top level must be a JSON object, { ... }.')
  if (!nestsWithin(value, levels)) throw malformed(`It nests deeper than the allowed ${levels} levels.`)
  // A character has at most three bytes.
  const got = printed.length * 3 > bytes ? Buffer.byteLength(printed) : 0
  if (got > bytes)
    throw new SettingsError('DOCUMENT_TOO_LARGE', `It has ${got} bytes; ${bytes} are allowed.`, {
      details: { got, limit: bytes },
    })
  return value
}

function malformed(message: string): SettingsError {
  return new SettingsError('JSON_MALFORMED', message)
}

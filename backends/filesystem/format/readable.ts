import { createHash } from 'node:crypto'
import { SettingsError } from '../../../model/errors.ts'
import { parseJson, parseUntrustedJson, printJson } from '../../../model/json.ts'
import { isObject, type Json, type JsonObject } from '../../../model/value.ts'

/**
 * The text of the readable file of a document: its JSON with an indent of two spaces and a line feed at the
 * end; a text that is not JSON is unchanged.
 */
export function readableText(text: string): string {
  const value = parseStored(text)
  return value === undefined ? `${text}\n` : `${printJson(value, 2)}\n`
}

/** The object of a stored document; empty for an absent document, and for one that is no object. */
export function storedObject(text: string | undefined): JsonObject {
  const value = text === undefined ? undefined : parseStored(text)
  return isObject(value) ? value : {}
}

/**
 * The value of a stored document; undefined when its text is not JSON, which only a caller below the service
 * can commit.
 */
export function parseStored(text: string): Json | undefined {
  try {
    return parseJson(text)
  } catch {
    // No error: a store keeps any text.
    return undefined
  }
}

/**
 * Parses the object in a hand-edited file.
 * @throws SettingsError JSON_MALFORMED for anything that is not UTF-8 JSON with an object at its top.
 */
export function parseReadable(bytes: Buffer): JsonObject {
  const value = parseUntrustedJson(decode(bytes))
  if (isObject(value)) return value
  throw new SettingsError('JSON_MALFORMED', 'The top level of the file must be a JSON object, { ... }.')
}

/** The hash that identifies the content of a file: the first 32 hex digits of its SHA-256. */
export function hashOf(content: Buffer | string): string {
  return createHash('sha256').update(content).digest().toString('hex', 0, 16)
}

function decode(bytes: Buffer): string {
  try {
    // The decoder also removes the byte order mark that some editors write.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new SettingsError('JSON_MALFORMED', 'Not JSON: the file is not UTF-8 text. Save it as UTF-8.', {
      cause,
    })
  }
}

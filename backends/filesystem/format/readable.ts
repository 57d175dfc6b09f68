import { createHash } from 'node:crypto'
import { SettingsError } from '../../../model/errors.ts'
import { parseJson, parseUntrustedJson, printJson } from '../../../model/json.ts'
import { isObject, type Json, type JsonObject } from '../../../model/value.ts'

/**
 * What a readable file shows of a document: the JSON with two spaces of indent and a line feed at the end; a
 * text that is not JSON as it is.
 */
export function readableText(text: string): string {
  const value = parseStored(text)
  return value === undefined ? `${text}\n` : `${printJson(value, 2)}\n`
}

/** The object that a stored document holds; empty for an absent document, or one that holds anything else. */
export function storedObject(text: string | undefined): JsonObject {
  const value = text === undefined ? undefined : parseStored(text)
  return isObject(value) ? value : {}
}

/**
 * The value of a stored document; undefined when its text is not JSON, which only a caller below the service
 * would commit.
 */
export function parseStored(text: string): Json | undefined {
  try {
    return parseJson(text)
  } catch {
    // The store keeps any text faithfully; that it means nothing to us is not its error.
    return undefined
  }
}

/**
 * The object that a hand-written file holds.
 * @throws SettingsError JSON_MALFORMED for anything that is not UTF-8 JSON with an object at its top.
 */
export function parseReadable(bytes: Buffer): JsonObject {
  const value = parseUntrustedJson(decode(bytes))
  if (isObject(value)) return value
  throw new SettingsError('JSON_MALFORMED', 'The top level of the file must be a JSON object, { ... }.')
}

/** The hash by which the content of a file is known again: SHA-256, 32 hex digits of it. */
export function hashOf(content: Buffer | string): string {
  return createHash('sha256').update(content).digest().toString('hex', 0, 16)
}

function decode(bytes: Buffer): string {
  try {
    // The decoder also drops the byte order mark that some editors put first.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new SettingsError('JSON_MALFORMED', 'Not JSON: the file is not UTF-8 text. Save it as UTF-8.', {
      cause,
    })
  }
}

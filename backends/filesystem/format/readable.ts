import { createHash } from 'node:crypto'
import { parseJson, printJson } from '../../../model/json.ts'
import type { Key } from '../../../model/key.ts'
import { isObject, type Json, type JsonObject } from '../../../model/value.ts'
import { parseEditedBox, parseEditedOverrides } from '../../edited-text.ts'
import { decodeText } from '../../text-bytes.ts'
import { readableKind } from './layout.ts'

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
 * Parses the object in the hand-edited file of a document; `entryBytes` limits a box.
 * @throws SettingsError JSON_MALFORMED, DOCUMENT_TOO_LARGE.
 */
export function parseReadable(key: Key, bytes: Buffer, entryBytes?: number): JsonObject {
  const text = decodeText(bytes)
  return readableKind(key) === 'boxes' ? parseEditedBox(text, entryBytes) : parseEditedOverrides(text)
}

/** The hash that identifies the content of a file: the first 32 hex digits of its SHA-256. */
export function hashOf(content: Buffer | string): string {
  return createHash('sha256').update(content).digest().toString('hex', 0, 16)
}

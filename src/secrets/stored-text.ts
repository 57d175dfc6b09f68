import { parseJson, printJson } from '../../model/json.ts'
import { type Key, parseHistoryKey } from '../../model/key.ts'
import { isObject, type Json, type JsonObject } from '../../model/value.ts'
import { parseOverridesKey } from '../state/document-state.ts'
import { parseOverrides } from '../state/stored-overrides.ts'

/** The namespace of the settings in the text at a key; undefined for a key without settings. */
export function namespaceOfKey(key: Key): string | undefined {
  return parseOverridesKey(parseHistoryKey(key)?.document ?? key)?.namespace
}

/** True for a text that may have a sealed value; a key may be escaped. */
export function mayBeSealed(text: string): boolean {
  return text.includes('$sealed') || text.includes('\\u')
}

/**
 * The text at a key with its settings mapped: those of a document, or the data of a history record. `mapRaw`
 * maps the unreadable text that a record keeps. Returns the same text when nothing changes. A text that cannot
 * be read is left to its readers.
 */
export function mapSettings(
  key: Key,
  text: string,
  map: (settings: JsonObject) => JsonObject,
  mapRaw: (raw: Json) => Json = raw => raw,
): string {
  if (!parseHistoryKey(key)) {
    const data = parseOverrides(text)
    const mapped = data && map(data)
    return mapped === data || mapped === undefined ? text : printJson(mapped)
  }
  const record = parseRecordText(text)
  if (!record) return text
  const { data = null, raw } = record
  const mapped = isObject(data) ? map(data) : data
  const mappedRaw = raw === undefined ? undefined : mapRaw(raw)
  if (mapped === data && mappedRaw === raw) return text
  return printJson({ ...record, data: mapped, ...(mappedRaw !== undefined && { raw: mappedRaw }) })
}

function parseRecordText(text: string): JsonObject | undefined {
  try {
    const value = parseJson(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined // Another program wrote it; it has no data that is shown.
  }
}

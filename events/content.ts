import { parseRevision, type Revision } from '../model/document.ts'
import { SettingsError } from '../model/errors.ts'
import { refuseExcess } from '../model/extent.ts'
import { nearest } from '../model/nearest.ts'
import { quote } from '../model/quote.ts'
import { isObject, type Json, type JsonObject, toJson } from '../model/value.ts'
import type { Fields } from './command.ts'

/** The longest comment, in characters. */
const COMMENT_LENGTH = 512

/**
 * Checks which members a content has, not what they hold.
 * @throws SettingsError CONTENT_MALFORMED for an unknown member, and for a missing one.
 */
export function checkFields(command: string, content: object, fields: Fields): void {
  const allowed = Object.keys(fields)
  const required = allowed.filter(field => fields[field]?.required)
  for (const field of Object.keys(content)) {
    if (allowed.includes(field)) continue
    const near = nearest(field, allowed)
    throw new SettingsError(
      'CONTENT_MALFORMED',
      `"${command}" has no field ${quote(field)}${near ? `; did you mean "${near}"?` : '.'} Allowed fields: ${allowed.join(', ')}.`,
      {
        details: { got: field, expected: allowed, ...(near ? { nearest: near } : {}) },
      },
    )
  }
  for (const field of required) {
    if ((content as Record<string, unknown>)[field] === undefined) {
      throw new SettingsError('CONTENT_MALFORMED', `"${command}" requires the field "${field}".`, {
        details: { expected: required },
      })
    }
  }
}

/**
 * Any JSON value from a caller, as an own frozen copy.
 * @throws SettingsError JSON_MALFORMED for what is none, or nests too deep to be stored; DOCUMENT_TOO_LARGE
 * for too many values.
 */
export function parseValue(value: unknown, field: string): Json {
  const data = toJson(value, true)
  refuseExcess(data, `"${field}"`, Number.POSITIVE_INFINITY)
  return data
}

/** A JSON object from a caller, as an own frozen copy. */
export function parseData(value: unknown, field: string): JsonObject {
  const data = parseValue(value, field)
  if (!isObject(data))
    throw new SettingsError('CONTENT_MALFORMED', `"${field}" must be a JSON object.`, { details: { field } })
  return data
}

export function parseGuard(value: unknown): Revision | undefined {
  if (value === undefined) return undefined
  const revision = typeof value === 'string' ? parseRevision(value) : undefined
  if (revision === undefined)
    throw new SettingsError(
      'CONTENT_MALFORMED',
      `"revision" must be a decimal string such as "42", not ${quote(value)}.`,
    )
  return revision
}

export function parseComment(value: unknown): string | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'string' || value.length > COMMENT_LENGTH || !value.isWellFormed()) {
    throw new SettingsError(
      'CONTENT_MALFORMED',
      `"comment" must be a string of at most ${COMMENT_LENGTH} characters.`,
    )
  }
  return value
}

export function parseText(value: unknown, field: string): string {
  if (typeof value !== 'string' || value === '')
    throw new SettingsError('CONTENT_MALFORMED', `"${field}" must be a non-empty string.`)
  return value
}

/** True or false; false when absent. */
export function parseFlag(value: unknown, field: string): boolean {
  if (value === undefined) return false
  if (typeof value !== 'boolean')
    throw new SettingsError('CONTENT_MALFORMED', `"${field}" must be true or false, not ${quote(value)}.`)
  return value
}

/** A count between 1 and `most`; `preset` when absent. */
export function parseCount(value: unknown, field: string, preset: number, most: number): number {
  if (value === undefined) return preset
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > most) {
    throw new SettingsError(
      'CONTENT_MALFORMED',
      `"${field}" must be an integer from 1 to ${most}, not ${quote(value)}.`,
    )
  }
  return value
}

/** @throws SettingsError METHOD_NOT_FOUND, with what is allowed. */
export function parseMethod<M extends string>(value: unknown, allowed: readonly M[], preset: M): M {
  if (value === undefined) return preset
  const found = allowed.find(method => method === value)
  if (found === undefined)
    throw new SettingsError(
      'METHOD_NOT_FOUND',
      `Unknown "method" ${quote(value)}; allowed are ${allowed.join(', ')}.`,
      {
        details: { got: typeof value === 'string' ? value : quote(value), expected: allowed },
      },
    )
  return found
}

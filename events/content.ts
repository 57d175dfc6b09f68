import { MAX_CONFIRM_SECONDS, MIN_CONFIRM_SECONDS } from '../model/document.ts'
import { SettingsError } from '../model/errors.ts'
import { type ExpectedRevision, parseExpectedRevision } from '../model/expected-revision.ts'
import { refuseExcess } from '../model/extent.ts'
import { nearest } from '../model/nearest.ts'
import { quote } from '../model/quote.ts'
import { isObject, type Json, type JsonObject, toJson } from '../model/value.ts'
import type { Fields } from './commands/command.ts'
import type { SummaryPart } from './nouns.ts'

/** The maximum length of a comment, in characters. */
const MAX_COMMENT_LENGTH = 512

/**
 * Checks the names of a content's members, not their values.
 * @throws SettingsError CONTENT_MALFORMED for an unknown member, and for a missing one.
 */
export function checkFields(command: string, content: object, fields: Fields): void {
  const allowed = Object.keys(fields)
  const required = allowed.filter(field => fields[field]?.required)
  for (const field of Object.keys(content)) {
    if (allowed.includes(field)) continue
    const suggestion = nearest(field, allowed)
    throw new SettingsError(
      'CONTENT_MALFORMED',
      `"${command}" has no field ${quote(field)}${suggestion ? `; did you mean "${suggestion}"?` : '.'} Allowed fields: ${allowed.join(', ')}.`,
      {
        details: { got: field, expected: allowed, ...(suggestion ? { nearest: suggestion } : {}) },
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

/** The members of a content that are fields. */
export function pickFields(content: object, fields: Fields): object {
  return Object.fromEntries(Object.entries(content).filter(([name]) => Object.hasOwn(fields, name)))
}

/**
/**
 * A JSON value from a caller, as a frozen copy.
 * @throws SettingsError JSON_MALFORMED for any other value, and for one that nests too deep to be stored;
 * DOCUMENT_TOO_LARGE for too many values.
 */
export function parseValue(value: unknown, field: string): Json {
  const data = toJson(value, true)
  refuseExcess(data, `"${field}"`, Number.POSITIVE_INFINITY)
  return data
}

/** A JSON object from a caller, as a frozen copy. */
export function parseData(value: unknown, field: string): JsonObject {
  const data = parseValue(value, field)
  if (!isObject(data))
    throw new SettingsError('CONTENT_MALFORMED', `"${field}" must be a JSON object.`, { details: { field } })
  return data
}

/** An expected revision, `<epoch>.<revision>` or the revision alone; undefined when absent. */
export function parseGuard(value: unknown): ExpectedRevision | undefined {
  if (value === undefined) return undefined
  const expected = typeof value === 'string' ? parseExpectedRevision(value) : undefined
  if (expected === undefined)
    throw new SettingsError(
      'CONTENT_MALFORMED',
      `"revision" must be a string "<epoch>.<revision>" or "<revision>", such as "42", not ${quote(value)}.`,
    )
  return expected
}

export function parseComment(value: unknown): string | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'string' || value.length > MAX_COMMENT_LENGTH || !value.isWellFormed()) {
    throw new SettingsError(
      'CONTENT_MALFORMED',
      `"comment" must be a string of at most ${MAX_COMMENT_LENGTH} characters.`,
    )
  }
  return value
}

export function parseText(value: unknown, field: string): string {
  if (typeof value !== 'string' || value === '')
    throw new SettingsError('CONTENT_MALFORMED', `"${field}" must be a non-empty string.`)
  return value
}

/** A boolean; false when absent. */
export function parseFlag(value: unknown, field: string): boolean {
  if (value === undefined) return false
  if (typeof value !== 'boolean')
    throw new SettingsError('CONTENT_MALFORMED', `"${field}" must be true or false, not ${quote(value)}.`)
  return value
}

/** An integer from 1 to `max`; `fallback` when absent. */
export function parseCount(value: unknown, field: string, fallback: number, max: number): number {
  if (value === undefined) return fallback
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > max) {
    throw new SettingsError(
      'CONTENT_MALFORMED',
      `"${field}" must be an integer from 1 to ${max}, not ${quote(value)}.`,
    )
  }
  return value
}

/** The time for a confirmation, in seconds; undefined when absent. */
export function parseConfirmWithin(value: unknown): number | undefined {
  if (value === undefined) return undefined
  const [least, most] = [MIN_CONFIRM_SECONDS, MAX_CONFIRM_SECONDS]
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value
  throw new SettingsError(
    'CONTENT_MALFORMED',
    `"confirm_within" must be an integer from ${least} to ${most} (seconds), not ${quote(value)}.`,
  )
}

/** @throws SettingsError METHOD_NOT_FOUND, with the allowed methods. */
export function parseMethod<M extends string>(value: unknown, allowed: readonly M[], fallback: M): M {
  if (value === undefined) return fallback
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

/** Every member of a summary that is added on request. */
export const SUMMARY_PARTS = ['data', 'explain', 'rejected'] as const satisfies readonly SummaryPart[]

/** The members of a list that a command adds on request. @throws SettingsError CONTENT_MALFORMED. */
export function parseParts(value: unknown): readonly SummaryPart[] {
  if (value === undefined) return []
  const parts = Array.isArray(value) ? value : [value]
  return parts.map(part => {
    const found = SUMMARY_PARTS.find(one => one === part)
    if (found !== undefined) return found
    throw new SettingsError(
      'CONTENT_MALFORMED',
      `"include" must be an array of ${SUMMARY_PARTS.join(', ')}, not ${quote(value)}.`,
    )
  })
}

import { type Field, optional, required } from '../../events/commands/command.ts'
import { checkFields, parseText } from '../../events/content.ts'
import type { RollbackDocument } from '../../events/history-nouns.ts'
import { TRANSACTION_DOCUMENTS } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import { type ExpectedRevision, parseExpectedRevision } from '../../model/expected-revision.ts'
import { overridesKey, parseNamespace, parseScope } from '../../model/namespace.ts'
import { quote } from '../../model/quote.ts'
import type { RollbackTarget } from './rollback-source.ts'

/* The contents of the commands of this room, parsed; each function throws a SettingsError CONTENT_MALFORMED. */

const DOCUMENT_FIELDS = {
  namespace: required(),
  scope: optional(),
  version: required(),
  if_version: optional(),
} satisfies { readonly [Name in keyof Required<RollbackDocument>]: Field }
/** An instant in ISO 8601, with its time zone. */
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/
/** The most settings that one rollback may name. */
const MAX_KEYS = 1_000

/** A time in ISO 8601, with its time zone. */
export function parseInstant(value: unknown, field: string): Date {
  const time = typeof value === 'string' && INSTANT.test(value) ? new Date(value) : undefined
  if (time && !Number.isNaN(time.getTime())) return time
  throw new SettingsError(
    'CONTENT_MALFORMED',
    `"${field}" must be a time in ISO 8601 with its time zone, such as "2026-11-27T03:00:00Z", not ${quote(value)}.`,
    { details: { field } },
  )
}

/** The cursor of a page of the audit. @throws SettingsError CURSOR_MALFORMED. */
export function parseAuditCursor(value: unknown): Required<ExpectedRevision> {
  const parsed = typeof value === 'string' ? parseExpectedRevision(value) : undefined
  if (parsed?.epoch !== undefined) return { epoch: parsed.epoch, revision: parsed.revision }
  throw new SettingsError(
    'CURSOR_MALFORMED',
    `${quote(value)} is not a cursor of the audit: use "next" of a page, "<epoch>.<revision>".`,
  )
}

/** A version of a document, or 0 for the state before the first. */
export function parseVersion(value: unknown, field: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw new SettingsError(
    'CONTENT_MALFORMED',
    `"${field}" must be a version of the history, or 0 for the state before the first, not ${quote(value)}.`,
    { details: { field } },
  )
}

/** JSON Pointers of settings; undefined when absent. */
export function parsePointers(value: unknown): readonly string[] | undefined {
  if (value === undefined) return undefined
  const isList = Array.isArray(value) && value.length > 0 && value.length <= MAX_KEYS
  if (isList && value.every(one => typeof one === 'string' && /^(?:\/(?:[^~/]|~[01])*)+$/.test(one)))
    return [...new Set<string>(value)]
  throw new SettingsError(
    'CONTENT_MALFORMED',
    `"keys" must be an array of 1 to ${MAX_KEYS} JSON Pointers, such as ["/liveness/min_hellos"], not ${quote(value)}.`,
    { details: { field: 'keys' } },
  )
}

/** The documents of a rollback, each named once. */
export function parseDocuments(
  value: unknown,
  common: string | undefined,
  controller: string,
): readonly RollbackTarget[] {
  if (!Array.isArray(value) || value.length === 0)
    throw new SettingsError(
      'CONTENT_MALFORMED',
      `"documents" must be a non-empty array of {"namespace", "version"}, not ${quote(value)}.`,
    )
  if (value.length > TRANSACTION_DOCUMENTS)
    throw new SettingsError(
      'DOCUMENT_TOO_LARGE',
      `The rollback has ${value.length} documents; ${TRANSACTION_DOCUMENTS} are allowed. Split it.`,
      { details: { got: value.length, limit: TRANSACTION_DOCUMENTS } },
    )
  const targets = value.map(one => parseDocument(one, common, controller))
  const keys = new Set(targets.map(({ namespace, scope }) => overridesKey(namespace, scope)))
  if (keys.size < targets.length)
    throw new SettingsError('CONTENT_MALFORMED', '"documents" names a document twice: name each once.')
  return targets
}

function parseDocument(value: unknown, common: string | undefined, controller: string): RollbackTarget {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new SettingsError(
      'CONTENT_MALFORMED',
      `A document must be an object {"namespace", "version"}, not ${quote(value)}.`,
    )
  // The cast is safe, because each field is checked from here on.
  const document = value as RollbackDocument
  checkFields('a document', document, DOCUMENT_FIELDS)
  const { namespace, scope = common, version, if_version } = document
  return {
    namespace: parseNamespace(namespace),
    scope: parseScope(scope, controller),
    version: parseVersion(version, 'version'),
    ...(if_version !== undefined && { ifVersion: parseVersion(if_version, 'if_version') }),
  }
}

/** The write id of a transaction. */
export function parseWriteId(value: unknown): string {
  return parseText(value, 'write_id')
}

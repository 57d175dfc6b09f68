/**
 * The meaning of an error code: HTTP status, exit code of the command line, and whether a retry may succeed.
 */
interface Meaning {
  readonly status: number
  readonly exit: number
  readonly retryable: boolean
}

const meaning = (status: number, exit: number, retryable = false): Meaning => ({ status, exit, retryable })

/**
 * Every error code of the project, in one table; the bus, REST and the command line print from it.
 * @example
 * ERRORS.STORE_UNREACHABLE.retryable // true
 */
export const ERRORS = {
  CONTENT_MALFORMED: meaning(400, 2),
  JSON_MALFORMED: meaning(400, 4),
  NAMESPACE_MALFORMED: meaning(400, 2),
  BOX_MALFORMED: meaning(400, 2),
  SCOPE_MALFORMED: meaning(400, 2),
  METHOD_NOT_FOUND: meaning(400, 2),
  SCHEMA_MALFORMED: meaning(400, 2),
  CURSOR_MALFORMED: meaning(400, 2),
  /** The request has no credential, but the service requires one. */
  TOKEN_REQUIRED: meaning(401, 1),
  TOKEN_INVALID: meaning(401, 1),
  PERMISSION_DENIED: meaning(403, 1),
  /** Too many failed login attempts in a row. */
  RATE_LIMITED: meaning(429, 1),
  TOKEN_NOT_FOUND: meaning(404, 3),
  COMMAND_NOT_FOUND: meaning(404, 2),
  EVENT_RESERVED: meaning(403, 2),
  /** A `changing` hook may not send commands. */
  HOOK_COMMAND: meaning(409, 5),
  HOST_FORBIDDEN: meaning(403, 2),
  ORIGIN_FORBIDDEN: meaning(403, 2),
  NAMESPACE_NOT_FOUND: meaning(404, 3),
  BOX_NOT_FOUND: meaning(404, 3),
  VERSION_NOT_FOUND: meaning(404, 3),
  /** The version existed, but its record is no longer kept. */
  VERSION_PRUNED: meaning(410, 3),
  ROUTE_NOT_FOUND: meaning(404, 3),
  DEAD_LETTER_NOT_FOUND: meaning(404, 3),
  NAPP_NOT_FOUND: meaning(404, 3),
  SETTING_NOT_FOUND: meaning(404, 3),
  METHOD_NOT_ALLOWED: meaning(405, 2),
  DOCUMENT_EXISTS: meaning(409, 5),
  NAMESPACE_CONFLICT: meaning(409, 5),
  PATCH_CONFLICT: meaning(409, 5),
  /** An earlier change of the document still waits for its confirmation. */
  PENDING: meaning(409, 5),
  /** No change of the document waits for a confirmation. */
  NOT_PENDING: meaning(409, 5),
  /** A controller may use the schema. */
  SCHEMA_IN_USE: meaning(409, 5),
  REVISION_MISMATCH: meaning(412, 5),
  DOCUMENT_TOO_LARGE: meaning(413, 4),
  /** The request did not arrive within its deadline. */
  REQUEST_INCOMPLETE: meaning(408, 1),
  URL_TOO_LONG: meaning(414, 2),
  /** The Expect header of the request has an unknown value. */
  EXPECTATION_UNSUPPORTED: meaning(417, 2),
  HEADERS_TOO_LARGE: meaning(431, 2),
  UNSUPPORTED_MEDIA_TYPE: meaning(415, 2),
  SETTINGS_INVALID: meaning(422, 4),
  SCHEMA_REQUIRED: meaning(422, 4),
  /** The schema is too large to compile, or takes more steps than a validation may take. */
  SCHEMA_TOO_COSTLY: meaning(422, 4),
  /** A tag was sent of which the document has no secret at that place. */
  SECRET_NOT_FOUND: meaning(422, 4),
  /** A secret was copied or moved to a place that is not sensitive. */
  SECRET_MISPLACED: meaning(422, 4),
  CHANGE_VETOED: meaning(423, 5),
  UPGRADE_REQUIRED: meaning(426, 2),
  INTERNAL_ERROR: meaning(500, 1),
  STORE_UNREACHABLE: meaning(503, 6, true),
  STORE_STALE: meaning(503, 6, true),
  STORE_FULL: meaning(503, 6, true),
  CONTENTION: meaning(503, 6, true),
  /** This controller does not have the key of the store's secrets. */
  KEY_MISSING: meaning(503, 6),
  SERVICE_ABSENT: meaning(503, 6, true),
  SERVICE_STOPPING: meaning(503, 6, true),
  CONNECTION_BUSY: meaning(503, 6, true),
  /** The caller, or all callers together, have too many answers that they do not read. */
  ANSWERS_UNREAD: meaning(503, 6, true),
  READER_SLOW: meaning(503, 6, true),
  LISTENER_SLOW: meaning(503, 6, true),
  OUTCOME_UNKNOWN: meaning(504, 6),
  TIMEOUT: meaning(504, 6),
  /** The store no longer has the revisions after the requested one: list and compare. */
  HISTORY_LOST: meaning(503, 6, true),
  /** The store was not available within the time that a start may take. */
  START_TIMEOUT: meaning(503, 1),
  STORE_LOCKED: meaning(503, 1),
  STORE_DAMAGED: meaning(503, 1),
  STORE_FORMAT: meaning(503, 1),
  STORE_REFUSED: meaning(503, 1),
  /** The store overlaps another one: its prefix or path is that of another store plus one of its kinds. */
  STORE_OVERLAP: meaning(503, 1),
  STORE_UNWRITABLE: meaning(503, 1),
  CONTROLLER_CONFLICT: meaning(503, 1),
  CONFIG_INVALID: meaning(500, 2),
  CONFIG_ABSENT: meaning(500, 2),
  /** The configuration names code of another package, and another user of this host could have written it. */
  CONFIG_UNTRUSTED: meaning(500, 2),
  /** The module of a backend cannot be loaded, or does not export what a backend exports. */
  BACKEND_INVALID: meaning(500, 2),
  NAPP_INVALID: meaning(500, 1),
  /** A required NApp is not enabled. */
  NAPP_DISABLED: meaning(503, 1),
  /** The operation would overwrite or remove a NApp in use. */
  NAPP_CONFLICT: meaning(409, 5),
  PORT_TAKEN: meaning(500, 1),
  /** The editor of the command line could not be run, or failed. */
  EDITOR_FAILED: meaning(500, 1),
} as const satisfies Record<string, Meaning>

export type ErrorCode = keyof typeof ERRORS

export interface ErrorOptions {
  readonly cause?: unknown
  /** JSON for the caller: given and allowed values, and the place. Never a secret, never a stack. */
  readonly details?: Readonly<Record<string, unknown>>
}

/**
 * The mark of errors of every copy of this package, because a NApp may load its own copy into the process and
 * still has to recognize the errors of the service.
 */
const MARK = Symbol.for('kytos-settings.error')

/**
 * The error class of this package: `code` is stable and listed in {@link ERRORS}; `message` states problem,
 * place and remedy.
 * @example
 * if (error instanceof SettingsError && error.retryable) await retry()
 */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
  readonly code: ErrorCode
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.details = options.details ?? {}
  }

  get [MARK](): true {
    return true
  }

  /** Also true for an error created by another copy of this package. */
  static override [Symbol.hasInstance](value: unknown): value is SettingsError {
    return typeof value === 'object' && value !== null && MARK in value
  }

  get status(): number {
    return ERRORS[this.code].status
  }

  get exit(): number {
    return ERRORS[this.code].exit
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable
  }
}

/** True when `error` is a SettingsError and, if codes are given, has one of them. */
export function isSettingsError(error: unknown, ...codes: ErrorCode[]): error is SettingsError {
  return error instanceof SettingsError && (codes.length === 0 || codes.includes(error.code))
}

/**
 * Converts any thrown value to a SettingsError: a SettingsError is unchanged, any other value becomes
 * INTERNAL_ERROR with the original as cause.
 */
export function toSettingsError(error: unknown): SettingsError {
  if (error instanceof SettingsError) return error
  const message = error instanceof Error ? error.message : String(error)
  return new SettingsError('INTERNAL_ERROR', `Unexpected error: ${message}`, { cause: error })
}

import { STATUS_CODES } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isSettingsError, SettingsError, toSettingsError } from '../../../model/errors.ts'
import { printJson } from '../../../model/json.ts'
import { quote } from '../../../model/quote.ts'
import { type Json, type JsonObject, setMember, toJson } from '../../../model/value.ts'
import type { Log } from '../../log/log.ts'

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8'

/** Seconds after which a rejected request may be retried. */
const RETRY_AFTER_S = 1

/** The HTTP response of an error. */
export interface ProblemResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** RFC 9457: type, title, status, detail, with `code` and details as extensions; never a stack. */
  readonly body: string
}

/**
 * The problem of an error, with additional members. An unexpected error is not described to the client; the
 * caller of this function logs it.
 */
export function problemOf(error: SettingsError, members: JsonObject = {}): ProblemResponse {
  const { status, code, details } = error
  const detail =
    code === 'INTERNAL_ERROR'
      ? 'An unexpected error occurred. The log of the service has the details.'
      : error.message
  const title = STATUS_CODES[status] ?? 'Error'
  const extensions = code === 'INTERNAL_ERROR' ? {} : toPrintable(details)
  return {
    status,
    headers: {
      'content-type': PROBLEM_TYPE,
      ...(status === 503 && { 'retry-after': String(RETRY_AFTER_S) }),
      ...challenge(error),
    },
    body: printJson({ ...extensions, ...members, type: 'about:blank', title, status, detail, code }),
  }
}

/** The headers of RFC 6750 for a missing, invalid or insufficient credential. */
function challenge({ code, details }: SettingsError): Readonly<Record<string, string>> {
  const realm = 'Bearer realm="kytos-settings"'
  switch (code) {
    case 'TOKEN_REQUIRED':
      return { 'www-authenticate': realm }
    case 'TOKEN_INVALID':
      return { 'www-authenticate': `${realm}, error="invalid_token"` }
    case 'PERMISSION_DENIED':
      return {
        'www-authenticate': `${realm}, error="insufficient_scope"${details.needs === undefined ? '' : `, scope="${details.needs}"`}`,
      }
    case 'RATE_LIMITED':
      return { 'retry-after': String(details.seconds) }
    default:
      return {}
  }
}

/** Answers a request with the problem of `thrown`; an unexpected error is logged. */
export function replyProblem(
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  log: Log,
): FastifyReply {
  const error = toLoggedError(thrown, request, log)
  const { status, headers, body } = problemOf(error)
  return reply
    .code(status)
    .headers({ ...headers, ...accepted(error, request) })
    .send(body)
}

/** The types that a rejected body may have: Accept-Patch of RFC 5789, Accept for other methods. */
function accepted({ code }: SettingsError, request: FastifyRequest): Readonly<Record<string, string>> {
  if (code !== 'UNSUPPORTED_MEDIA_TYPE') return {}
  return { [request.method === 'PATCH' ? 'accept-patch' : 'accept']: acceptedTypes(request).join(', ') }
}

/** A thrown value as a SettingsError; an unexpected error is logged. */
export function toLoggedError(thrown: unknown, request: FastifyRequest, log: Log): SettingsError {
  const error = isSettingsError(thrown) ? thrown : translateFastifyError(thrown, request)
  // An unexpected error from the bus was logged at its source.
  if (error.code === 'INTERNAL_ERROR' && error !== thrown)
    log.error(`${request.method} ${request.url} failed: ${stackOf(thrown)}`)
  return error
}

/** Translates errors of fastify; any other error is unexpected. */
function translateFastifyError(thrown: unknown, request: FastifyRequest): SettingsError {
  const { code, statusCode } = thrown as { readonly code?: unknown; readonly statusCode?: unknown }
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new SettingsError(
        'DOCUMENT_TOO_LARGE',
        `The body exceeds ${request.routeOptions.bodyLimit} bytes, the limit of this request. A settings document may have 256 KiB, a box 16 MiB (1 MiB on etcd).`,
        { cause: thrown },
      )
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return unsupportedMedia(request, undefined, thrown)
    case 'FST_ERR_BAD_URL':
      return new SettingsError(
        'CONTENT_MALFORMED',
        'The path contains a "%" that does not encode valid UTF-8: write a literal "%" as %25.',
        {
          cause: thrown,
        },
      )
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new SettingsError(
        'CONTENT_MALFORMED',
        'A part of the path is too long: each part of "username/name" may have 64 characters, the id of a box 180 bytes.',
        {
          cause: thrown,
        },
      )
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
    case 'ECONNRESET':
      return new SettingsError('CONTENT_MALFORMED', 'The length of the body differs from Content-Length.', {
        cause: thrown,
      })
  }
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500 && thrown instanceof Error) {
    return new SettingsError('CONTENT_MALFORMED', thrown.message, { cause: thrown })
  }
  return toSettingsError(thrown)
}

/** The error for a body of a type that the operation does not accept. */
export function unsupportedMedia(
  request: FastifyRequest,
  got = request.headers['content-type'],
  cause?: unknown,
): SettingsError {
  const expected = acceptedTypes(request)
  return new SettingsError(
    'UNSUPPORTED_MEDIA_TYPE',
    `The Content-Type ${JSON.stringify(got?.slice(0, 100) ?? 'none')} is not supported: send ${expected.join(', ')}, in UTF-8, without compression.`,
    { cause, details: { got: got?.slice(0, 100) ?? null, expected } },
  )
}

/** The body types that the operation of a request accepts; JSON for an operation without a body. */
export function acceptedTypes({ routeOptions }: FastifyRequest): readonly string[] {
  return Object.keys(routeOptions.config.operation?.body ?? { 'application/json': true })
}

/** Arbitrary members as JSON: a value without a JSON form becomes a description, functions are omitted. */
export function toPrintable(details: Readonly<Record<string, unknown>>): JsonObject {
  const members: JsonObject = {}
  for (const [key, value] of Object.entries(details)) {
    if (value !== undefined && typeof value !== 'function') setMember(members, key, valueToPrintable(value))
  }
  return members
}

function valueToPrintable(value: unknown): Json {
  try {
    return toJson(value)
  } catch {
    // A value without a JSON form must not hide the error.
    return quote(value)
  }
}

function stackOf(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
}

import { STATUS_CODES } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isSettingsError, SettingsError, toSettingsError } from '../../../model/errors.ts'
import { printJson } from '../../../model/json.ts'
import { quote } from '../../../model/quote.ts'
import { type Json, type JsonObject, setMember, toJson } from '../../../model/value.ts'
import type { Log } from '../../log/log.ts'

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8'

/** Seconds after which a refused request may be tried again. */
const RETRY_AFTER = 1

/** An answer to send: every error leaves through one of these. */
export interface Problem {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** RFC 9457: type, title, status, detail, and our `code` and details; never a stack. */
  readonly body: string
}

/** The problem that an error stands for, with members of the caller's own. What is unexpected is only named to the client; whoever calls this logs it. */
export function problemOf(error: SettingsError, members: JsonObject = {}): Problem {
  const { status, code, details } = error
  const detail = code === 'INTERNAL_ERROR' ? 'An unexpected error; the log of the service says more.' : error.message
  const title = STATUS_CODES[status] ?? 'Error'
  const extensions = code === 'INTERNAL_ERROR' ? {} : printable(details)
  return {
    status,
    headers: { 'content-type': PROBLEM_TYPE, ...(status === 503 && { 'retry-after': String(RETRY_AFTER) }), ...challenge(error) },
    body: printJson({ ...extensions, ...members, type: 'about:blank', title, status, detail, code }),
  }
}

/** What RFC 6750 has an answer say of a credential that is missing, wrong or not enough. */
function challenge({ code, details }: SettingsError): Readonly<Record<string, string>> {
  const realm = 'Bearer realm="kytos-settings"'
  switch (code) {
    case 'TOKEN_REQUIRED':
      return { 'www-authenticate': realm }
    case 'TOKEN_INVALID':
      return { 'www-authenticate': `${realm}, error="invalid_token"` }
    case 'PERMISSION_DENIED':
      return { 'www-authenticate': `${realm}, error="insufficient_scope", scope="${details.needs}"` }
    case 'RATE_LIMITED':
      return { 'retry-after': String(details.seconds) }
    default:
      return {}
  }
}

/** Answers a request with the problem that `thrown` stands for: ours, fastify's, or one that nobody expected, which is logged. */
export function replyProblem(thrown: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): FastifyReply {
  const { status, headers, body } = problemOf(explain(thrown, request, log))
  return reply.code(status).headers(headers).send(body)
}

/** What was thrown while a request was answered, as one of our errors; what nobody expected is logged. */
export function explain(thrown: unknown, request: FastifyRequest, log: Log): SettingsError {
  const error = isSettingsError(thrown) ? thrown : translate(thrown, request)
  // An unexpected error that comes over the bus was logged where it was met.
  if (error.code === 'INTERNAL_ERROR' && error !== thrown) log.error(`${request.method} ${request.url} failed: ${stackOf(thrown)}`)
  return error
}

/** What fastify's errors are in our terms; anything it did not refuse itself is unexpected. */
function translate(thrown: unknown, request: FastifyRequest): SettingsError {
  const { code, statusCode } = thrown as { readonly code?: unknown; readonly statusCode?: unknown }
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new SettingsError(
        'DOCUMENT_TOO_LARGE',
        `The body is larger than ${request.routeOptions.bodyLimit} bytes, the most that this request may bring; a settings document holds 256 KiB at most, a box 16 MiB, on etcd 1 MiB.`,
        { cause: thrown },
      )
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return unsupportedMedia(request, undefined, thrown)
    case 'FST_ERR_BAD_URL':
      return new SettingsError('CONTENT_MALFORMED', 'The path holds a "%" that is no percent-encoding of valid UTF-8.', { cause: thrown })
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new SettingsError(
        'CONTENT_MALFORMED',
        'A part of the path is too long: each part of "username/name" has 64 characters at most, the id of a box 180 bytes.',
        {
          cause: thrown,
        },
      )
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
    case 'ECONNRESET':
      return new SettingsError('CONTENT_MALFORMED', 'The body is not as long as Content-Length says.', { cause: thrown })
  }
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500 && thrown instanceof Error) {
    return new SettingsError('CONTENT_MALFORMED', thrown.message, { cause: thrown })
  }
  return toSettingsError(thrown)
}

/** @returns the error for a body whose type the operation does not take. */
export function unsupportedMedia(request: FastifyRequest, got = request.headers['content-type'], cause?: unknown): SettingsError {
  const expected = takenTypes(request)
  return new SettingsError(
    'UNSUPPORTED_MEDIA_TYPE',
    `A body of type ${JSON.stringify(got?.slice(0, 100) ?? 'none')} is not understood; send Content-Type: ${expected.join(', ')}, in UTF-8, not compressed.`,
    { cause, details: { got: got?.slice(0, 100) ?? null, expected } },
  )
}

/** The types of body that the operation of a request takes; JSON where it takes none and looks at none. */
export function takenTypes({ routeOptions }: FastifyRequest): readonly string[] {
  return Object.keys(routeOptions.config.operation?.body ?? { 'application/json': true })
}

/** Members that may hold anything, as JSON: what it cannot hold is only named, functions are left out. */
export function printable(details: Readonly<Record<string, unknown>>): JsonObject {
  const members: JsonObject = {}
  for (const [key, value] of Object.entries(details)) {
    if (value !== undefined && typeof value !== 'function') setMember(members, key, toPrintable(value))
  }
  return members
}

function toPrintable(value: unknown): Json {
  try {
    return toJson(value)
  } catch {
    // What JSON cannot hold must not hide what it belongs to.
    return quote(value)
  }
}

function stackOf(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
}

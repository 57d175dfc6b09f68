import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { text } from 'node:stream/consumers'
import { ERRORS, type ErrorCode, SettingsError } from '../../../model/errors.ts'
import { parseJson } from '../../../model/json.ts'
import { isObject, type Json } from '../../../model/value.ts'
import { API } from '../../http/openapi/paths.ts'

/** The URL of a service, and the token for it. */
export interface Address {
  readonly url: string
  readonly token?: string
  /** True for a service on this host, whose certificate may be for another name. */
  readonly isOwn?: boolean
}

export interface ServiceRequest {
  readonly method: string
  /** Below `/api/kytos/settings/v1`. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Milliseconds without a byte after which the request fails. */
  readonly patience?: number
  readonly signal?: AbortSignal
}

/** Milliseconds to wait for an answer; the service itself times out after 30 s. */
const ANSWER_TIMEOUT_MS = 35_000
/** Error codes of a request of which nothing was sent. */
const NOT_REACHED: ReadonlySet<string | undefined> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
])

/**
 * Sends a request and returns the answer of the service as JSON.
 * @throws SettingsError the error of the service; SERVICE_ABSENT without a service; OUTCOME_UNKNOWN when the
 * answer to a change was lost.
 */
export async function askJson(address: Address, request: ServiceRequest): Promise<Json> {
  return readAnswer(address, await send(address, request))
}

/** The body of an answer as JSON. @throws SettingsError the error that it carries. */
export async function readAnswer(address: Address, response: IncomingMessage): Promise<Json> {
  const content = await text(response)
  const status = response.statusCode ?? 500
  const answer = content === '' ? null : readJson(address, content, status)
  if (status < 400) return answer
  const { code, detail, ...details } = isObject(answer) ? answer : {}
  if (typeof code !== 'string') throw stranger(address, `it returned ${status}`)
  throw new SettingsError(
    isCode(code) ? code : 'INTERNAL_ERROR',
    String(detail ?? `The service returned ${status}.`),
    { details },
  )
}

/**
 * Sends a request and returns the answer once its headers arrive.
 * @throws SettingsError as {@link askJson}.
 */
export function send(
  address: Address,
  { method, path, headers, body, patience = ANSWER_TIMEOUT_MS, signal }: ServiceRequest,
): Promise<IncomingMessage> {
  const { url, token, isOwn = false } = address
  const options = {
    method,
    headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...headers },
    agent: false as const,
    timeout: patience,
    rejectUnauthorized: !isOwn,
    ...(signal && { signal }),
  }
  return new Promise((resolve, reject) => {
    const request = (url.startsWith('https:') ? httpsRequest : httpRequest)(
      `${url}${API}${path}`,
      options,
      resolve,
    )
    request.on('timeout', () => request.destroy(new Error(`no answer within ${patience / 1_000} s`)))
    request.on('error', cause => reject(translate(cause, url, method)))
    // A buffer, because Node would send a string together with the headers and encode these as UTF-8 again.
    request.end(body === undefined ? undefined : Buffer.from(body))
  })
}

function translate(cause: NodeJS.ErrnoException, url: string, method: string): SettingsError {
  if (cause.code?.startsWith('ERR_INVALID'))
    return new SettingsError('CONTENT_MALFORMED', `The request cannot be sent: ${cause.message}.`, { cause })
  const isCertificate = /^(?:CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_TLS)/.test(cause.code ?? '')
  const hint = isCertificate ? ' Set NODE_EXTRA_CA_CERTS=FILE to trust the authority of its certificate.' : ''
  if (method === 'GET' || isCertificate || NOT_REACHED.has(cause.code)) {
    return new SettingsError('SERVICE_ABSENT', `No service answers at ${url}: ${cause.message}.${hint}`, {
      cause,
      details: { reason: cause.code },
    })
  }
  const message = `The connection to ${url} was lost (${cause.message}): the change may or may not be stored. Check with "kytos-settings history" before you repeat it.`
  return new SettingsError('OUTCOME_UNKNOWN', message, { cause })
}

function readJson(address: Address, content: string, status: number): Json {
  try {
    return parseJson(content)
  } catch (cause) {
    throw stranger(address, `it returned ${status} without JSON`, cause)
  }
}

function stranger({ url }: Address, what: string, cause?: unknown): SettingsError {
  return new SettingsError('SERVICE_ABSENT', `${url} is not a service of Kytos Settings: ${what}.`, { cause })
}

function isCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code)
}

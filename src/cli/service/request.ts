import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { text } from 'node:stream/consumers'
import { ERRORS, type ErrorCode, SettingsError } from '../../../model/errors.ts'
import { parseJson } from '../../../model/json.ts'
import { isObject, type Json } from '../../../model/value.ts'
import { API } from '../../http/openapi/paths.ts'

/** Where a service answers, and what it takes to be let in. */
export interface Address {
  readonly url: string
  readonly token?: string
  /** True when the line does not leave this host: its certificate may be for another name. */
  readonly isOwn?: boolean
}

export interface Request {
  readonly method: string
  /** Below `/api/kytos/settings/v1`. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Milliseconds without a byte after which it has failed. */
  readonly patience?: number
  readonly signal?: AbortSignal
}

/** Milliseconds that a service may take to answer: it gives up by itself after 30 s. */
const PATIENCE = 35_000
/** What is known before anything was sent. */
const NOT_REACHED: ReadonlySet<string | undefined> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'])

/**
 * Sends a request and gives what the service answered, as JSON.
 * @throws SettingsError what it refused the request with; SERVICE_ABSENT when there is none; OUTCOME_UNKNOWN when its answer to a change was lost.
 */
export async function askJson(address: Address, request: Request): Promise<Json> {
  return readAnswer(address, await send(address, request))
}

/** What an answer holds, as JSON. @throws SettingsError what it refuses the request with. */
export async function readAnswer(address: Address, response: IncomingMessage): Promise<Json> {
  const content = await text(response)
  const status = response.statusCode ?? 500
  const answer = content === '' ? null : readJson(address, content, status)
  if (status < 400) return answer
  const { code, detail, ...details } = isObject(answer) ? answer : {}
  if (typeof code !== 'string') throw stranger(address, `it answered ${status}`)
  throw new SettingsError(isCode(code) ? code : 'INTERNAL_ERROR', String(detail ?? `The service answered ${status}.`), { details })
}

/** Sends a request and gives the answer as soon as it begins. @throws SettingsError as {@link askJson} does. */
export function send(address: Address, { method, path, headers, body, patience = PATIENCE, signal }: Request): Promise<IncomingMessage> {
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
    const request = (url.startsWith('https:') ? httpsRequest : httpRequest)(`${url}${API}${path}`, options, resolve)
    request.on('timeout', () => request.destroy(new Error(`no answer within ${patience / 1_000} s`)))
    request.on('error', cause => reject(translate(cause, url, method)))
    // Bytes: a text would be sent together with the headers, and these be written as UTF-8 once more.
    request.end(body === undefined ? undefined : Buffer.from(body))
  })
}

function translate(cause: NodeJS.ErrnoException, url: string, method: string): SettingsError {
  if (cause.code?.startsWith('ERR_INVALID')) return new SettingsError('CONTENT_MALFORMED', `That cannot be sent: ${cause.message}.`, { cause })
  const isCertificate = /^(?:CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_TLS)/.test(cause.code ?? '')
  const hint = isCertificate ? ' NODE_EXTRA_CA_CERTS=FILE names an authority that this command is to trust.' : ''
  if (method === 'GET' || isCertificate || NOT_REACHED.has(cause.code)) {
    return new SettingsError('SERVICE_ABSENT', `No service answers at ${url}: ${cause.message}.${hint}`, { cause, details: { reason: cause.code } })
  }
  const message = `The line to the service at ${url} was lost (${cause.message}), so the change may have been made or not: look before you repeat it.`
  return new SettingsError('OUTCOME_UNKNOWN', message, { cause })
}

function readJson(address: Address, content: string, status: number): Json {
  try {
    return parseJson(content)
  } catch (cause) {
    throw stranger(address, `it answered ${status} without JSON`, cause)
  }
}

function stranger({ url }: Address, what: string, cause?: unknown): SettingsError {
  return new SettingsError('SERVICE_ABSENT', `What answers at ${url} is no service of Kytos Settings: ${what}.`, { cause })
}

function isCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code)
}

import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { text } from 'node:stream/consumers'
import { ERRORS, type ErrorCode, SettingsError } from '../../model/errors.ts'
import { parseJson, printJson } from '../../model/json.ts'
import { isObject, type Json, type JsonObject } from '../../model/value.ts'
import { API } from '../http/paths.ts'
import type { LocalService } from '../local-door.ts'

/** Milliseconds that a service of this host may take to answer. */
const PATIENCE = 30_000

/**
 * Asks the service of this host; undefined when there is none any more. `path` is below `/api/kytos/settings/v1`.
 * @throws SettingsError what it refused the request with; STORE_UNREACHABLE when it does not answer.
 */
export async function askService(
  service: LocalService,
  method: string,
  path: string,
  body?: JsonObject,
): Promise<{ readonly answer: Json } | undefined> {
  const response = await send(service, method, path, body)
  if (!response) return undefined
  const content = await text(response)
  const answer = content === '' ? null : parseJson(content)
  if ((response.statusCode ?? 500) < 400) return { answer }
  const { code, detail, ...details } = isObject(answer) ? answer : {}
  throw new SettingsError(isCode(code) ? code : 'INTERNAL_ERROR', String(detail ?? `The service answered ${response.statusCode}.`), { details })
}

function send({ url, token }: LocalService, method: string, path: string, body?: JsonObject): Promise<IncomingMessage | undefined> {
  const secure = url.startsWith('https:')
  const headers = { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) }
  // The line does not leave this host, and its certificate is for another name.
  const options = { method, headers, agent: false, timeout: PATIENCE, rejectUnauthorized: false }
  return new Promise((resolve, reject) => {
    const request = (secure ? httpsRequest : httpRequest)(`${url}${API}${path}`, options, resolve)
    request.on('timeout', () => request.destroy(new Error(`no answer within ${PATIENCE / 1_000} s`)))
    request.on('error', (cause: NodeJS.ErrnoException) => {
      // Killed, it could not take its file away.
      if (cause.code === 'ECONNREFUSED') resolve(undefined)
      else reject(new SettingsError('STORE_UNREACHABLE', `The service at ${url} does not answer: ${cause.message}.`, { cause }))
    })
    request.end(body && printJson(body))
  })
}

function isCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERRORS, code)
}

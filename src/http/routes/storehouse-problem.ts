import type { FastifyReply, FastifyRequest } from 'fastify'
import { SettingsError } from '../../../model/errors.ts'
import type { Log } from '../../log/log.ts'
import { problemOf, toLoggedError } from '../messages/problem.ts'

/*
 * Errors of the storehouse routes: problems with the additional member `response`, which clients of
 * storehouse read. It has the text and status of storehouse 1.3.2 where that version had an answer.
 */

/** The answers of 1.3.2 to an unreadable body, by method. */
const UNREADABLE: Readonly<Record<string, string>> = {
  POST: 'Invalid Request',
  PUT: 'Invalid request: empty data',
  PATCH: 'Invalid request: empty data',
}

/** Answers a storehouse request with the problem of `thrown`. */
export function replyStorehouseProblem(
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  log: Log,
): FastifyReply {
  const error = asMalformed(toLoggedError(thrown, request, log), request)
  const { status, headers, body } = problemOf(error, { response: responseOf(error, request) })
  return reply.code(status).headers(headers).send(body)
}

/** Like 1.3.2, treats a body of another type as absent, which is a 400. */
function asMalformed(error: SettingsError, { method }: FastifyRequest): SettingsError {
  if (error.code !== 'UNSUPPORTED_MEDIA_TYPE') return error
  return new SettingsError(
    'CONTENT_MALFORMED',
    'The data of a box must be sent as Content-Type: application/json, in UTF-8, without compression.',
    {
      cause: error,
      details: { got: error.details.got, response: UNREADABLE[method] },
    },
  )
}

function responseOf(error: SettingsError, { method, body }: FastifyRequest): string {
  const { response } = error.details
  if (typeof response === 'string') return response
  if (error.code === 'BOX_NOT_FOUND') return method === 'DELETE' ? 'Box not found' : 'Not Found'
  if (error.code === 'INTERNAL_ERROR') return 'Internal Server Error'
  const isUnread = error.status === 400 && body === undefined
  return (isUnread ? UNREADABLE[method] : undefined) ?? error.message
}

import type { FastifyReply, FastifyRequest } from 'fastify'
import { SettingsError } from '../../../model/errors.ts'
import type { Log } from '../../log/log.ts'
import { explain, problemOf } from '../messages/problem.ts'

/*
 * Errors of the storehouse routes are problems like any other, with the member `response` beside the rest: users of storehouse look there, and where 1.3.2 had
 * an answer it is the same text with the same status. So both kinds of reader are served by one body, and whoever reads `code` learns what 1.3.2 never told.
 */

/** What 1.3.2 says to a body that it cannot read, by method. */
const UNREADABLE: Readonly<Record<string, string>> = {
  POST: 'Invalid Request',
  PUT: 'Invalid request: empty data',
  PATCH: 'Invalid request: empty data',
}

/** Answers a storehouse request with the problem of `thrown`. */
export function replyStorehouseProblem(thrown: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): FastifyReply {
  const error = asMalformed(explain(thrown, request, log), request)
  const { status, headers, body } = problemOf(error, { response: responseOf(error, request) })
  return reply.code(status).headers(headers).send(body)
}

/** 1.3.2 takes a body of another type for none, which is a 400. */
function asMalformed(error: SettingsError, { method }: FastifyRequest): SettingsError {
  if (error.code !== 'UNSUPPORTED_MEDIA_TYPE') return error
  return new SettingsError('CONTENT_MALFORMED', 'The data of a box must be sent as Content-Type: application/json, in UTF-8, without compression.', {
    cause: error,
    details: { got: error.details.got, response: UNREADABLE[method] },
  })
}

function responseOf(error: SettingsError, { method, body }: FastifyRequest): string {
  const { response } = error.details
  if (typeof response === 'string') return response
  if (error.code === 'BOX_NOT_FOUND') return method === 'DELETE' ? 'Box not found' : 'Not Found'
  if (error.code === 'INTERNAL_ERROR') return 'Internal Server Error'
  const isUnread = error.status === 400 && body === undefined
  return (isUnread ? UNREADABLE[method] : undefined) ?? error.message
}

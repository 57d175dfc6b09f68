import type { FastifyInstance } from 'fastify'
import type { DeadLetter, DeadLetters } from '../../../events/event.ts'
import { SettingsError, toSettingsError } from '../../../model/errors.ts'
import { isArray, type Json, type JsonObject } from '../../../model/value.ts'
import { readObject } from '../messages/bodies.ts'
import { toPrintable } from '../messages/problem.ts'
import { Query } from '../messages/query.ts'
import { type RouteRequest, route } from '../messages/routes.ts'
import { MAX_LIST_ITEMS } from '../openapi/openapi-parameters.ts'
import { ROUTES } from '../openapi/openapi-routes.ts'

/** Default number of dead letters in an answer. */
const DEFAULT_LIMIT = 100

/**
 * `GET /dead_letter`: the events whose listener failed, oldest first; `?event_name=` and `?limit=` (the
 * newest ones). `PATCH` redelivers them to the failed listener only, `DELETE` drops them, selected by `ids`,
 * `event_name` or both. With an unknown id, nothing is changed.
 */
export function addDeadLetterRoutes(app: FastifyInstance, letters: DeadLetters): void {
  route(app, ROUTES.deadLetters, {
    GET: request => {
      const query = new Query(request)
      const name = query.text('event_name')
      const limit = query.count('limit') ?? DEFAULT_LIMIT
      const wanted = letters.list().filter(({ event }) => name === undefined || event.name === name)
      return wanted.slice(-limit).map(present)
    },
    PATCH: request => {
      const reinjected: string[] = []
      const kept: JsonObject[] = []
      for (const { id } of selectLetters(request, letters)) {
        try {
          letters.reinject(id)
          reinjected.push(id)
        } catch (error) {
          kept.push({ id, reason: toSettingsError(error).message })
        }
      }
      return { reinjected, kept }
    },
    DELETE: request => {
      const dropped = selectLetters(request, letters).map(({ id }) => id)
      for (const id of dropped) letters.drop(id)
      return { dropped }
    },
  })
}

function present({ id, listener, event, error, at }: DeadLetter): JsonObject {
  const { content, ...envelope } = event
  // The bus accepts only objects as content.
  return {
    id,
    listener,
    event: { ...envelope, content: toPrintable(content as Readonly<Record<string, unknown>>) },
    error: { ...error },
    at,
  }
}

/**
 * The letters that the body names.
 * @throws SettingsError CONTENT_MALFORMED; DEAD_LETTER_NOT_FOUND when one of them does not exist.
 */
function selectLetters(request: RouteRequest, letters: DeadLetters): readonly DeadLetter[] {
  new Query(request)
  const { ids, event_name: name, ...rest } = readObject(request)
  const isValid =
    (ids !== undefined || name !== undefined) &&
    isIdList(ids) &&
    (name === undefined || typeof name === 'string')
  if (!isValid || Object.keys(rest).length > 0) {
    throw new SettingsError(
      'CONTENT_MALFORMED',
      `${request.method} requires {"ids": ["..."]}, {"event_name": "..."} or both, and no other member.`,
    )
  }
  const named = letters.list().filter(({ event }) => name === undefined || event.name === name)
  if (ids === undefined) return named
  const unknown = ids.filter(id => !named.some(letter => letter.id === id))
  if (unknown.length === 0) return named.filter(({ id }) => ids.includes(id))
  throw new SettingsError(
    'DEAD_LETTER_NOT_FOUND',
    `${unknown.length} of ${ids.length} dead letters do not exist: nothing was changed. GET lists the existing ones.`,
    {
      details: { unknown: unknown.slice(0, MAX_LIST_ITEMS) },
    },
  )
}

function isIdList(value: Json | undefined): value is readonly string[] | undefined {
  return (
    value === undefined ||
    (isArray(value) &&
      value.length > 0 &&
      value.length <= MAX_LIST_ITEMS &&
      value.every(item => typeof item === 'string'))
  )
}

import type { FastifyInstance } from 'fastify'
import { SettingsError } from '../../../model/errors.ts'
import { nearest } from '../../../model/nearest.ts'
import { toJson } from '../../../model/value.ts'
import type { Log } from '../../log/log.ts'
import type { Tokens } from '../../tokens/tokens.ts'
import { requireKnown } from '../auth/caller.ts'
import { readObject } from '../messages/bodies.ts'
import { Query } from '../messages/query.ts'
import { route } from '../messages/routes.ts'
import { ROUTES } from '../openapi/openapi-routes.ts'

const FIELDS = ['name', 'rights', 'expires_in'] as const

/**
 * `GET, POST, DELETE /token`: those that there are, a new one, one to revoke by `?id=`. They speak to the tokens and not on the bus, so that nobody who is on
 * the bus can make one.
 */
export function addTokenRoutes(app: FastifyInstance, tokens: Tokens, log: Log): void {
  route(app, ROUTES.tokens, {
    GET: async request => {
      requireKnown(request)
      new Query(request)
      return toJson(await tokens.list())
    },
    POST: async (request, reply) => {
      const { actor } = requireKnown(request)
      new Query(request)
      const { name, rights, expires_in, ...others } = readObject(request)
      for (const field of Object.keys(others)) refuseField(field)
      const made = await tokens.create({ name, rights, expires_in }, actor)
      log.info(`${actor.name} made the token ${made.name} (id ${made.id}; ${made.rights.join(', ')}; ${made.expires_at ?? 'without an end'}).`)
      reply.code(201).header('cache-control', 'no-store')
      return toJson(made)
    },
    DELETE: async (request, reply) => {
      const { actor } = requireKnown(request)
      const id = new Query(request).text('id')
      if (id === undefined) throw new SettingsError('CONTENT_MALFORMED', 'Which token? Name it with ?id=.')
      await tokens.revoke(id)
      log.info(`${actor.name} revoked the token with the id ${id}.`)
      reply.code(204)
      return reply.send()
    },
  })
}

function refuseField(field: string): never {
  const near = nearest(field, FIELDS)
  throw new SettingsError('CONTENT_MALFORMED', `A token has no "${field.slice(0, 100)}"; it has ${FIELDS.join(', ')}.`, {
    details: { got: field.slice(0, 100), allowed: FIELDS, ...(near && { nearest: near }) },
  })
}

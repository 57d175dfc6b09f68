import type { FastifyInstance } from 'fastify'
import { SettingsError } from '../../../model/errors.ts'
import { nearest } from '../../../model/nearest.ts'
import { toJson } from '../../../model/value.ts'
import type { Log } from '../../log/log.ts'
import type { TokenSummary } from '../../tokens/token-store.ts'
import type { Tokens } from '../../tokens/tokens.ts'
import { requireCredential } from '../auth/caller.ts'
import { readObject } from '../messages/bodies.ts'
import { Query } from '../messages/query.ts'
import { route } from '../messages/routes.ts'
import { ROUTES } from '../openapi/openapi-routes.ts'

const FIELDS = ['name', 'rights', 'expires_in', 'namespaces', 'boxes'] as const

/**
 * `GET, POST, DELETE /token`: lists tokens, creates one, revokes one by `?id=`. The routes bypass the bus, so
 * that no client of the bus can create a token.
 */
export function addTokenRoutes(app: FastifyInstance, tokens: Tokens, log: Log): void {
  route(app, ROUTES.tokens, {
    GET: async request => {
      requireCredential(request)
      new Query(request)
      return toJson(await tokens.list())
    },
    POST: async (request, reply) => {
      const { actor } = requireCredential(request)
      new Query(request)
      const { name, rights, expires_in, namespaces, boxes, ...rest } = readObject(request)
      for (const field of Object.keys(rest)) rejectField(field)
      const created = await tokens.create({ name, rights, expires_in, namespaces, boxes }, actor)
      log.info(
        `${actor.name} created the token ${created.name} (id ${created.id}; rights: ${created.rights.join(', ')}; expires at: ${created.expires_at ?? 'never'}${describeLimits(created)}).`,
      )
      reply.code(201).header('cache-control', 'no-store')
      return toJson(created)
    },
    DELETE: async (request, reply) => {
      const { actor } = requireCredential(request)
      const id = new Query(request).text('id')
      if (id === undefined)
        throw new SettingsError(
          'CONTENT_MALFORMED',
          'The parameter "id" is required: DELETE /token?id=<id>. GET /token lists the ids.',
        )
      await tokens.revoke(id)
      log.info(`${actor.name} revoked the token with the id ${id}.`)
      reply.code(204)
      return reply.send()
    },
  })
}

function describeLimits({ namespaces, boxes = [] }: TokenSummary): string {
  if (!namespaces) return ''
  return `; namespaces: ${namespaces.join(', ')}; boxes: ${boxes.join(', ') || 'none'}`
}

function rejectField(field: string): never {
  const near = nearest(field, FIELDS)
  throw new SettingsError(
    'CONTENT_MALFORMED',
    `The member "${field.slice(0, 100)}" of a token is not known; allowed: ${FIELDS.join(', ')}.`,
    {
      details: { got: field.slice(0, 100), allowed: FIELDS, ...(near && { nearest: near }) },
    },
  )
}

import type { FastifyInstance } from 'fastify'
import type { CommandContent } from '../../../events/map.ts'
import { parseNamespace } from '../../../model/namespace.ts'
import type { SendCommand } from '../auth/caller.ts'
import { readObject } from '../messages/bodies.ts'
import { Query } from '../messages/query.ts'
import { route } from '../messages/routes.ts'
import { ROUTES } from '../openapi/openapi-routes.ts'

/** Adds the routes of the status, of the controllers and of the restoration of readable files. */
export function addStatusRoutes(app: FastifyInstance, send: SendCommand): void {
  route(app, ROUTES.status, {
    GET: request => {
      new Query(request)
      return send(request, 'kytos.settings.status', {})
    },
  })

  route(app, ROUTES.namespaceStatus, {
    GET: request => {
      new Query(request)
      const { username, name } = request.params
      return send(request, 'kytos.settings.status', { namespace: parseNamespace(`${username}/${name}`) })
    },
  })

  route(app, ROUTES.controllers, {
    GET: request => {
      new Query(request)
      return send(request, 'kytos.settings.controllers', {})
    },
  })

  route(app, ROUTES.restoreFiles, {
    POST: request => {
      new Query(request)
      // The service checks all members of the body.
      return send(
        request,
        'kytos.settings.restore_files',
        readObject(request) as CommandContent<'kytos.settings.restore_files'>,
      )
    },
  })
}

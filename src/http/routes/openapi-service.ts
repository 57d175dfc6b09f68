import type { FastifyInstance, RouteOptions } from 'fastify'
import type { Json } from '../../../model/value.ts'
import { route } from '../messages/routes.ts'
import { describeApi, type Served } from '../openapi/openapi-document.ts'
import { ROUTES } from '../openapi/openapi-routes.ts'
import type { Method } from '../openapi/operation.ts'

/**
 * `GET /api/kytos/settings/openapi.json`: the document of the routes of this server. Must be added before any
 * other route.
 */
export function addOpenApiRoute(app: FastifyInstance): void {
  const served: Served[] = []
  app.addHook('onRoute', ({ method, url, config }: RouteOptions) => {
    const operation = config?.operation
    // Routes are added one method at a time; HEAD comes with GET.
    if (operation && method !== 'HEAD') served.push({ method: method as Method, path: url, operation })
  })
  let document: Json | undefined
  route(app, ROUTES.openapi, {
    // The document consists of plain objects and strings.
    GET: () => (document ??= describeApi(served) as Json),
  })
}

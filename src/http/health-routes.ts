import type { FastifyInstance } from 'fastify'
import type { Facts } from '../../events/map.ts'
import { route } from './routes.ts'

/** What the service says of itself, as in `settings.state`. */
export type Health = () => Facts['settings.state']

/** `/healthz`: 200 as long as the process answers. `/readyz`: 200 when there are settings to read (READY, STALE), else 503. */
export function addHealthRoutes(app: FastifyInstance, health: Health): void {
  route(app, '/healthz', { GET: () => health() })
  route(app, '/readyz', {
    GET: (_request, reply) => {
      const state = health()
      if (state.state === 'OFFLINE') reply.code(503).header('retry-after', '1')
      return state
    },
  })
}

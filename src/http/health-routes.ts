import type { FastifyInstance } from 'fastify'
import type { Facts, ServiceState } from '../../events/map.ts'
import { printRevision, type Revision } from '../../model/document.ts'
import { route } from './routes.ts'

/** How the service is: `since` is ISO 8601. */
export type Health = () => {
  readonly state: ServiceState
  readonly revision: Revision
  readonly epoch: number
  readonly since: string
  readonly reason: string | null
}

/**
 * `/healthz`: 200 as long as the process answers. `/readyz`: 200 when there are settings to read (READY, STALE), else 503. Both say what `settings.state`
 * says.
 */
export function addHealthRoutes(app: FastifyInstance, health: Health): void {
  const state = (): Facts['settings.state'] => {
    const { state, revision, epoch, since, reason } = health()
    return { state, revision: printRevision(revision), epoch, since, reason }
  }
  route(app, '/healthz', { GET: state })
  route(app, '/readyz', {
    GET: (_request, reply) => {
      const answer = state()
      if (answer.state === 'OFFLINE') reply.code(503).header('retry-after', '1')
      return answer
    },
  })
}

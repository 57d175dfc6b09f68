import type { FastifyInstance } from 'fastify'
import type { Facts } from '../../../events/map.ts'
import type { ServiceState } from '../../../events/nouns.ts'
import { printRevision, type Revision } from '../../../model/document.ts'
import { route } from '../messages/routes.ts'
import { ROUTES } from '../openapi/openapi-routes.ts'

/** The state of the service: `since` is ISO 8601, `age` is in seconds. */
export type HealthSource = () => {
  readonly state: ServiceState
  readonly revision: Revision
  readonly epoch: number
  readonly since: string
  readonly reason: string | null
  readonly age: number | null
  readonly resyncs: number
  readonly repairs: number
  readonly reconciles: number
}

type StateContent = Facts['settings.state']

/**
 * The answer of `/healthz` and `/readyz`: the current content of `settings.state`, and counters since the
 * start.
 */
interface HealthAnswer extends StateContent {
  readonly resyncs: number
  readonly repairs: number
  readonly reconciles: number
}

/**
 * `/healthz`: 200 as long as the process answers. `/readyz`: 200 when there are settings to read (READY,
 * STALE) and the command line can find this service, else 503.
 */
export function addHealthRoutes(
  app: FastifyInstance,
  health: HealthSource,
  isAnnounced: () => boolean,
): void {
  const state = (): HealthAnswer => {
    const { revision, ...rest } = health()
    return { ...rest, revision: printRevision(revision) }
  }
  route(app, ROUTES.alive, { GET: state })
  route(app, ROUTES.ready, {
    GET: (_request, reply) => {
      const answer = state()
      if (answer.state === 'OFFLINE' || !isAnnounced()) reply.code(503).header('retry-after', '1')
      return answer
    },
  })
}

import type { FastifyInstance } from 'fastify'
import type { BusRoutes } from '../bus/bus-routes.ts'
import type { EventRoutes } from '../events/event-routes.ts'
import { route } from '../messages/routes.ts'
import { ROUTES } from '../openapi/openapi-routes.ts'

/** Values that are measured elsewhere, and those who are connected, whom this room knows. */
export interface PrintedMetrics {
  readonly contentType: string
  gauge(name: string, help: string, read: () => number): void
  print(): Promise<string>
}

/** `GET /metrics`: everything that is measured, as Prometheus scrapes it. */
export function addMetricsRoutes(app: FastifyInstance, metrics: PrintedMetrics, events: EventRoutes, connections: BusRoutes): void {
  metrics.gauge('sse_readers', 'Readers of Server-Sent Events that are connected.', () => events.readers)
  metrics.gauge('bus_connections', 'Connections to the bus, over WebSockets.', () => connections.connections)
  route(app, ROUTES.metrics, {
    GET: (_request, reply) => {
      reply.type(metrics.contentType)
      return metrics.print()
    },
  })
}

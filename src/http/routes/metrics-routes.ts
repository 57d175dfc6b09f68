import type { FastifyInstance } from 'fastify'
import type { BusRoutes } from '../bus/bus-routes.ts'
import type { EventRoutes } from '../events/event-routes.ts'
import { route } from '../messages/routes.ts'
import { ROUTES } from '../openapi/openapi-routes.ts'

/** Metrics of other modules, to which the numbers of connections are added here. */
export interface PrintedMetrics {
  readonly contentType: string
  gauge(name: string, help: string, read: () => number): void
  print(): Promise<string>
}

/** `GET /metrics`: all metrics in the text format of Prometheus. */
export function addMetricsRoutes(
  app: FastifyInstance,
  metrics: PrintedMetrics,
  events: EventRoutes,
  connections: BusRoutes,
): void {
  metrics.gauge('sse_readers', 'Connected readers of Server-Sent Events.', () => events.readers)
  metrics.gauge('bus_connections', 'Open WebSocket connections to the bus.', () => connections.connections)
  route(app, ROUTES.metrics, {
    GET: (_request, reply) => {
      reply.type(metrics.contentType)
      return metrics.print()
    },
  })
}

import type { FastifyInstance } from 'fastify'
import type { BusRoutes } from '../bus/bus-routes.ts'
import type { ConnectionCounter } from '../connections/connection-counter.ts'
import type { EventRoutes } from '../events/event-routes.ts'
import { route } from '../messages/routes.ts'
import { ROUTES } from '../openapi/openapi-routes.ts'

/** Metrics of other modules, to which the numbers of connections are added here. */
export interface PrintedMetrics {
  readonly contentType: string
  gauge(name: string, help: string, read: () => number): void
  counter(name: string, help: string, read: () => number): void
  print(): Promise<string>
}

/** The parts of the server that are measured. */
export interface MeasuredParts {
  readonly events: Pick<EventRoutes, 'readers'>
  readonly connections: Pick<BusRoutes, 'connections'>
  readonly counter: ConnectionCounter
}

/** `GET /metrics`: all metrics in the text format of Prometheus. */
export function addMetricsRoutes(
  app: FastifyInstance,
  metrics: PrintedMetrics,
  { events, connections, counter }: MeasuredParts,
): void {
  metrics.gauge('connections', 'Open connections of all kinds.', () => counter.open)
  metrics.gauge('connections_limit', 'Maximum number of open connections.', () => counter.limits.total)
  metrics.counter(
    'connections_rejected_total',
    'Connections closed at once, because the limit of all connections or of their address was reached.',
    () => counter.rejected,
  )
  metrics.gauge('sse_readers', 'Connected readers of Server-Sent Events.', () => events.readers)
  metrics.gauge('bus_connections', 'Open WebSocket connections to the bus.', () => connections.connections)
  route(app, ROUTES.metrics, {
    GET: (_request, reply) => {
      reply.type(metrics.contentType)
      return metrics.print()
    },
  })
}

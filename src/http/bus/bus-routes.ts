import type { FastifyInstance } from 'fastify'
import type { RootBus } from '../../../events/event.ts'
import type { Feed } from '../../../events/feed.ts'
import { permissionFor } from '../../../events/names.ts'
import type { Log } from '../../log/log.ts'
import type { Auth } from '../auth/auth.ts'
import { callerBus, callerOf, requirePermission } from '../auth/caller.ts'
import type { LingeringCloses } from '../connections/lingering-close.ts'
import { Query } from '../messages/query.ts'
import { route } from '../messages/routes.ts'
import { ROUTES } from '../openapi/openapi-routes.ts'
import { BusConnection } from './bus-connection.ts'
import { acceptUpgrades } from './bus-upgrade.ts'

export interface BusRoutesOptions {
  readonly bus: RootBus
  readonly feed: Feed
  readonly log: Log
  /** Milliseconds between two heartbeats. */
  readonly heartbeat: number
  /** Ends a connection when the credential of its request ends. */
  readonly guard: Auth['guard']
  readonly closes: LingeringCloses
}

export interface BusRoutes {
  /** The number of open connections. */
  readonly connections: number
  /** Answers pending commands, rejects new ones, and closes every connection. */
  stop(reason: string): void
}

/** `GET /bus`: the bus for other processes, over WebSockets. */
export function addBusRoutes(
  app: FastifyInstance,
  { bus, feed, log, heartbeat, guard, closes }: BusRoutesOptions,
): BusRoutes {
  const accept = acceptUpgrades(app, closes)
  const connections = new Set<BusConnection>()
  let stopping: string | undefined
  const beat = (): void => {
    for (const connection of connections) connection.beat()
  }
  // After pending input is read, because after a pause of this process it has the answers to the previous
  // beat.
  const beats = setInterval(() => setImmediate(beat), heartbeat)
  beats.unref()
  // Not before, because the beats find dead peers while the service stops.
  app.addHook('onClose', async () => clearInterval(beats))

  route(app, ROUTES.bus, {
    GET: (request, reply) => {
      new Query(request)
      // RFC 9110: a 426 has the protocol in Upgrade.
      reply.header('upgrade', 'websocket')
      // Callers without write permission get the small frame limit, so that no 16 MiB frame is buffered for
      // them.
      const mayStoreBoxes = callerOf(request).rights.has(permissionFor('kytos.storehouse.create'))
      const socket = accept(request, reply, mayStoreBoxes)
      reply.hijack()
      const checkReader = (): void => requirePermission(callerOf(request), 'read', 'to subscribe')
      const onClose = (): void => void connections.delete(connection)
      const receivedBytes = (): number => request.socket.bytesRead
      const connection = new BusConnection(socket, {
        bus: callerBus(bus, request),
        feed,
        log,
        checkReader,
        receivedBytes,
        onClose,
      })
      connections.add(connection)
      socket.once(
        'close',
        guard(request, reason => connection.disconnect(reason)),
      )
      // The request may have been accepted just before the stop.
      if (stopping !== undefined) connection.stop(stopping)
    },
  })

  return {
    get connections() {
      return connections.size
    },
    stop(reason) {
      stopping = reason
      for (const connection of connections) connection.stop(reason)
    },
  }
}

import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { WebSocket } from 'ws'
import type { RootBus } from '../../../events/event.ts'
import type { Feed } from '../../../events/feed.ts'
import { permissionFor } from '../../../events/names.ts'
import { checkSubscription } from '../../../model/rights/visible-facts.ts'
import type { Log } from '../../log/log.ts'
import type { Auth } from '../auth/auth.ts'
import { callerBus, callerOf, requirePermission } from '../auth/caller.ts'
import type { AnswerBudget } from '../connections/answer-budget.ts'
import type { LingeringCloses } from '../connections/lingering-close.ts'
import { keyOf } from '../connections/unread-answers.ts'
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
  readonly budget: AnswerBudget
}

export interface BusRoutes {
  /** The number of open connections. */
  readonly connections: number
  /** Answers pending commands, rejects new ones, and closes every connection. */
  stop(reason: string): void
}

/** Milliseconds between two looks at connections that are not read, because their commands wait. */
const PROBE_MS = 1_000

/** `GET /bus`: the bus for other processes, over WebSockets. */
export function addBusRoutes(
  app: FastifyInstance,
  { bus, feed, log, heartbeat, guard, closes, budget }: BusRoutesOptions,
): BusRoutes {
  const accept = acceptUpgrades(app, closes)
  const connections = new Set<BusConnection>()
  const unfinished = new UnfinishedMessages(budget.limits.caller)
  let stopping: string | undefined
  const beat = (): void => {
    for (const connection of connections) connection.beat()
  }
  // After pending input is read, because after a pause of this process it has the answers to the previous
  // beat.
  const beats = setInterval(() => setImmediate(beat), heartbeat)
  beats.unref()
  const probes = setInterval(() => {
    for (const connection of connections) connection.probe()
  }, PROBE_MS)
  probes.unref()
  // Not before, because the beats find dead peers while the service stops.
  app.addHook('onClose', async () => {
    clearInterval(beats)
    clearInterval(probes)
  })

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
      const caller = callerOf(request)
      const { visibility } = caller
      const checkReader = (names: readonly string[]): void => {
        requirePermission(caller, 'read', 'to subscribe')
        checkSubscription(names, caller.actor.name, visibility)
      }
      const onClose = (): void => void connections.delete(connection)
      const receivedBytes = (): number => request.socket.bytesRead
      const connection = new BusConnection(socket, {
        bus: callerBus(bus, request),
        feed,
        log,
        checkReader,
        visibility,
        receivedBytes,
        onClose,
        budget,
        caller: keyOf(request),
      })
      connections.add(connection)
      unfinished.watch(keyOf(request), request.socket, socket)
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

/** The bytes of a frame of the client besides its payload, for a payload of at most 125. */
const SMALL_FRAME_BYTES = 6

/** A connection and the bytes of its unfinished message. */
interface Unfinished {
  bytes: number
  readonly drop: () => void
}

/**
 * The bytes of messages whose last frame has not arrived, of all connections of a caller. Beyond the limit
 * the connection with the longest one is dropped, because it would keep what it has received.
 */
class UnfinishedMessages {
  readonly #callers = new Map<string, Set<Unfinished>>()
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  watch(caller: string, connection: Socket, socket: WebSocket): void {
    const all = this.#callers.get(caller) ?? new Set()
    this.#callers.set(caller, all)
    const stop = (): void => {
      connection.off('data', receive)
      all.delete(own)
      if (all.size === 0 && this.#callers.get(caller) === all) this.#callers.delete(caller)
    }
    const own: Unfinished = {
      bytes: 0,
      drop: () => {
        // Before the connection is closed, so that it does not end others meanwhile.
        stop()
        socket.terminate()
      },
    }
    all.add(own)
    const receive = (chunk: Buffer): void => {
      own.bytes += chunk.length
      const held = [...all]
      if (held.reduce((sum, { bytes }) => sum + bytes, 0) <= this.#limit) return
      held.reduce((longest, one) => (one.bytes > longest.bytes ? one : longest)).drop()
    }
    connection.on('data', receive)
    socket.on('message', () => {
      own.bytes = 0
    })
    // Control frames may be between those of a message.
    for (const control of ['ping', 'pong'] as const)
      socket.on(control, (data: Buffer) => {
        own.bytes = Math.max(0, own.bytes - data.length - SMALL_FRAME_BYTES)
      })
    socket.once('close', stop)
  }
}

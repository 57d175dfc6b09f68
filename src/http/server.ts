import type { AddressInfo } from 'node:net'
import type { RootBus } from '../../events/event.ts'
import type { Feed } from '../../events/feed.ts'
import { SettingsError } from '../../model/errors.ts'
import type { Log } from '../log/log.ts'
import { checkHost, checkOrigin } from './auth/allowed-hosts.ts'
import { type AuthOptions, createAuth } from './auth/auth.ts'
import { createSendCommand } from './auth/caller.ts'
import { type Certificate, followCertificate } from './auth/certificate.ts'
import { addBusRoutes } from './bus/bus-routes.ts'
import { ConnectionCounter } from './connections/connection-counter.ts'
import { type ConnectionLimits, limitsFor, readDescriptorLimit } from './connections/connection-limits.ts'
import { type Deadlines, REQUEST_MS } from './connections/deadlines.ts'
import { LingeringCloses } from './connections/lingering-close.ts'
import { createApp } from './create-app.ts'
import { addEventRoutes } from './events/event-routes.ts'
import { OpenResponses } from './messages/open-responses.ts'
import { addPreconditions } from './messages/preconditions.ts'
import { rejectRoute } from './messages/routes.ts'
import { ServedPaths } from './messages/served-paths.ts'
import { ROUTES } from './openapi/openapi-routes.ts'
import type { Route } from './openapi/operation.ts'
import { STOREHOUSE } from './openapi/paths.ts'
import { addDeadLetterRoutes } from './routes/dead-letter-routes.ts'
import { addHealthRoutes, type HealthSource } from './routes/health-routes.ts'
import { addMetricsRoutes, type PrintedMetrics } from './routes/metrics-routes.ts'
import { addOpenApiRoute } from './routes/openapi-service.ts'
import { addSettingsRoutes } from './routes/settings-routes.ts'
import { addStatusRoutes } from './routes/status-routes.ts'
import { addStorehouseRoutes } from './routes/storehouse-routes.ts'
import { addTokenRoutes } from './routes/token-routes.ts'

export interface HttpOptions {
  readonly bus: RootBus
  readonly feed: Feed
  readonly health: HealthSource
  /** The metrics for `/metrics`; without them there is no such route. */
  readonly metrics?: PrintedMetrics
  /** The address to listen on, such as `127.0.0.1`. */
  readonly listen: string
  /** The port; 0 selects a free one. */
  readonly port: number
  readonly log: Log
  /** Options of the authentication; without them every caller is accepted. */
  readonly auth?: AuthOptions
  /** Names of the service besides its addresses. */
  readonly hosts?: readonly string[]
  /** The certificate; with it the server accepts only HTTPS. */
  readonly certificate?: Certificate
  /** Milliseconds between two heartbeats of an event stream or a bus connection; 15,000 by default. */
  readonly heartbeat?: number
  /**
   * Milliseconds for pending requests when the service stops; 7,000 by default, so that the store closes
   * within the ten seconds of the host.
   */
  readonly grace?: number
  /** Deadlines of a request; {@link REQUEST_MS} by default. */
  readonly deadlines?: Deadlines
  /** The limits of connections; those for the descriptors of this process by default. */
  readonly connectionLimits?: ConnectionLimits
  /** False while the CLI cannot find this service: `/readyz` is then 503. True by default. */
  readonly isAnnounced?: () => boolean
}

export interface Http {
  /** The URL of the server: `http://<host>:<port>`, or `https`. */
  readonly url: string
  /** The URL with an IP address, for clients that must not resolve a name. */
  readonly addressUrl: string
  readonly port: number
  /** Ends event streams and bus connections, finishes accepted requests and rejects new ones. */
  close(): Promise<void>
}

/** Known paths, for the hint of an unknown one. */
const KNOWN_PATHS = [
  ...Object.values<Route>(ROUTES)
    .map(({ path }) => path)
    .filter(path => !path.includes(':')),
  `${STOREHOUSE}/v1/`,
]

/**
 * Starts the REST API, the event stream and the bus.
 * @throws SettingsError PORT_TAKEN; CONFIG_INVALID for an address of another host.
 */
export async function openHttp(options: HttpOptions): Promise<Http> {
  const {
    bus,
    feed,
    health,
    metrics,
    listen,
    port,
    log,
    certificate,
    heartbeat = 15_000,
    grace = 7_000,
    deadlines = REQUEST_MS,
    connectionLimits = limitsFor(readDescriptorLimit()),
    isAnnounced = () => true,
  } = options
  const { auth: authOptions = { required: false }, hosts = [] } = options
  const responses = new OpenResponses()
  const closes = new LingeringCloses()
  const app = createApp({ log, certificate, deadlines, responses, closes })
  const counter = new ConnectionCounter(app.server, connectionLimits, log)
  const served = new ServedPaths(app)
  if (certificate) followCertificate(app, certificate, log)
  const auth = await createAuth(app, authOptions, log)
  const names = [listen, ...hosts]
  let stopping = false
  app.addHook('onRequest', async (request, reply) => {
    if (closes.has(request.raw.socket)) {
      reply.hijack()
      return
    }
    closes.record(request.raw)
    reply.headers({ 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' })
    checkHost(request, names)
    checkOrigin(request, hosts)
    if (stopping) {
      reply.header('connection', 'close')
      throw new SettingsError('SERVICE_STOPPING', 'The service is stopping. Retry after its restart.')
    }
    responses.add(reply.raw)
    await auth.authenticate(request)
    if (request.is404) await rejectRoute(request, reply, served, KNOWN_PATHS)
  })
  addPreconditions(app)
  addOpenApiRoute(app)
  addHealthRoutes(app, health, isAnnounced)
  const send = createSendCommand(bus)
  addSettingsRoutes(app, send)
  addStatusRoutes(app, send)
  addStorehouseRoutes(app, send, log)
  addDeadLetterRoutes(app, bus.deadLetters)
  if (authOptions.tokens) addTokenRoutes(app, authOptions.tokens, log)
  const events = addEventRoutes(app, { feed, heartbeat, guard: auth.guard })
  const connections = addBusRoutes(app, { bus, feed, log, heartbeat, guard: auth.guard, closes })
  if (metrics) addMetricsRoutes(app, metrics, { events, connections, counter })
  try {
    // For "localhost" fastify would also open a second server, without the limits of this one.
    await app.listen({ host: listen === 'localhost' ? '127.0.0.1' : listen, port })
  } catch (cause) {
    await app.close()
    throw listenError(cause, listen, port)
  }
  // A server that listens on a port has an address of this shape.
  const address = app.server.address() as AddressInfo
  let closed: Promise<void> | undefined
  const close = async (): Promise<void> => {
    stopping = true
    events.end('the service is stopping')
    connections.stop('the service is stopping')
    await responses.drain(grace)
    await app.close()
  }
  const urlOf = (host: string) => `${certificate ? 'https' : 'http'}://${reachableHost(host)}:${address.port}`
  return {
    url: urlOf(listen),
    addressUrl: urlOf(address.address),
    port: address.port,
    close: () => (closed ??= close()),
  }
}

function listenError(cause: unknown, listen: string, port: number): SettingsError {
  const { code } = cause as { readonly code?: unknown }
  const details = { listen, port }
  if (code === 'EADDRINUSE') {
    return new SettingsError(
      'PORT_TAKEN',
      `${listen}:${port} is in use by another process: stop that process, or set "port" in [settings].`,
      {
        cause,
        details,
      },
    )
  }
  if (code === 'EACCES') {
    return new SettingsError(
      'PORT_TAKEN',
      `This user is not permitted to listen on ${listen}:${port}: set "port" in [settings] to a port above 1023.`,
      { cause, details },
    )
  }
  const message = cause instanceof Error ? cause.message : String(cause)
  return new SettingsError(
    'CONFIG_INVALID',
    `Cannot listen on ${listen}:${port} (${message}): set "listen" in [daemon] to an address of this host.`,
    {
      cause,
      details,
    },
  )
}

/** The host name with which this host reaches the address `listen`. */
function reachableHost(listen: string): string {
  if (listen === '0.0.0.0') return '127.0.0.1'
  if (listen === '::') return '[::1]'
  return listen.includes(':') ? `[${listen}]` : listen
}

import type { AddressInfo, Socket } from 'node:net'
import fastify, { type FastifyInstance } from 'fastify'
import type { RootBus } from '../../events/event.ts'
import type { Feed } from '../../events/feed.ts'
import { MESSAGE_BYTES } from '../../events/limits.ts'
import { SettingsError } from '../../model/errors.ts'
import { printJson } from '../../model/json.ts'
import type { Log } from '../log/log.ts'
import { checkHost, checkOrigin } from './auth/allowed-hosts.ts'
import { type AuthOptions, createAuth } from './auth/auth.ts'
import { createSendCommand } from './auth/caller.ts'
import { type Certificate, followCertificate } from './auth/certificate.ts'
import { addBusRoutes } from './bus/bus-routes.ts'
import { addEventRoutes } from './events/event-routes.ts'
import { acceptJson } from './messages/bodies.ts'
import { OpenResponses } from './messages/open-responses.ts'
import { problemOf, replyProblem } from './messages/problem.ts'
import { parseQuery } from './messages/query.ts'
import { rejectRoute } from './messages/routes.ts'
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

/** Milliseconds in which a whole request must arrive. */
const REQUEST_TIMEOUT_MS = 30_000
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
  } = options
  const { auth: authOptions = { required: false }, hosts = [] } = options
  const app = createApp(log, certificate)
  if (certificate) followCertificate(app, certificate, log)
  const auth = await createAuth(app, authOptions, log)
  const names = [listen, ...hosts]
  const responses = new OpenResponses()
  let stopping = false
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({ 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' })
    checkHost(request, names)
    checkOrigin(request, hosts)
    if (stopping) {
      reply.header('connection', 'close')
      throw new SettingsError('SERVICE_STOPPING', 'The service is stopping. Retry after its restart.')
    }
    responses.add(reply.raw)
    await auth.authenticate(request)
  })
  addOpenApiRoute(app)
  addHealthRoutes(app, health)
  const send = createSendCommand(bus)
  addSettingsRoutes(app, send)
  addStatusRoutes(app, send)
  addStorehouseRoutes(app, send, log)
  addDeadLetterRoutes(app, bus.deadLetters)
  if (authOptions.tokens) addTokenRoutes(app, authOptions.tokens, log)
  const events = addEventRoutes(app, { feed, heartbeat, guard: auth.guard })
  const connections = addBusRoutes(app, { bus, feed, log, heartbeat, guard: auth.guard })
  if (metrics) addMetricsRoutes(app, metrics, events, connections)
  try {
    await app.listen({ host: listen, port })
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

function createApp(log: Log, certificate: Certificate | undefined): FastifyInstance {
  const app = fastify({
    // A cast, because only the server options differ for HTTPS.
    https: (certificate?.options ?? null) as null,
    logger: false,
    bodyLimit: MESSAGE_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // The onRequest hook rejects requests during the stop, as a problem like any other.
    return503OnClosing: false,
    // By then every response is sent; only idle connections are left.
    forceCloseConnections: true,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 256, querystringParser: parseQuery },
    frameworkErrors: (error, request, reply) => replyProblem(error, request, reply, log),
    clientErrorHandler: rejectMalformedRequest,
  })
  acceptJson(app)
  // Handlers answer with JSON values, which may hold bigints.
  app.setReplySerializer(payload => printJson(payload as Parameters<typeof printJson>[0]))
  app.setErrorHandler((error, request, reply) => replyProblem(error, request, reply, log))
  app.setNotFoundHandler(request => rejectRoute(request, KNOWN_PATHS))
  return app
}

/** Answers a malformed HTTP request directly on the socket. */
function rejectMalformedRequest(cause: Error & { readonly code?: string }, socket: Socket): void {
  if (cause.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const { status, headers, body } = problemOf(
    new SettingsError('CONTENT_MALFORMED', `The HTTP request is malformed (${cause.code}).`),
  )
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(
    `HTTP/1.1 ${status} Bad Request\r\n${lines.join('')}content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  )
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

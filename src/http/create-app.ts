import type { Socket } from 'node:net'
import fastify, { type FastifyInstance } from 'fastify'
import { MESSAGE_BYTES } from '../../events/limits.ts'
import { printJson } from '../../model/json.ts'
import type { Log } from '../log/log.ts'
import type { Certificate } from './auth/certificate.ts'
import type { Deadlines } from './connections/deadlines.ts'
import {
  answerExpectations,
  type ClientError,
  HEADER_BYTES,
  rejectClientError,
} from './connections/http-rejections.ts'
import { isArriving, type LingeringCloses } from './connections/lingering-close.ts'
import { acceptJson } from './messages/bodies.ts'
import type { OpenResponses } from './messages/open-responses.ts'
import { replyProblem } from './messages/problem.ts'
import { parseQuery } from './messages/query.ts'

export interface AppOptions {
  readonly log: Log
  readonly certificate: Certificate | undefined
  readonly deadlines: Deadlines
  readonly responses: OpenResponses
  readonly closes: LingeringCloses
}

/** Creates the server without routes: how requests are read, and how errors are answered. */
export function createApp({ log, certificate, deadlines, responses, closes }: AppOptions): FastifyInstance {
  const server = {
    headersTimeout: deadlines.headers,
    connectionsCheckingInterval: deadlines.check,
    maxHeaderSize: HEADER_BYTES,
    // The onRequest hook rejects a request without a Host header, as a problem like any other.
    requireHostHeader: false,
  }
  const app = fastify({
    // A cast, because only the server options differ for HTTPS.
    ...((certificate ? { https: { ...certificate.options, ...server } } : { http: server }) as {
      readonly http: typeof server
    }),
    logger: false,
    bodyLimit: MESSAGE_BYTES,
    requestTimeout: deadlines.request,
    // The onRequest hook rejects requests during the stop, as a problem like any other.
    return503OnClosing: false,
    // By then every response is sent; only idle connections are left.
    forceCloseConnections: true,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 256, querystringParser: parseQuery },
    frameworkErrors: (error, request, reply) => replyProblem(error, request, reply, log),
    // Node adds the bytes as a buffer, in spite of the type.
    clientErrorHandler: (error, socket) =>
      rejectClientError(error as unknown as ClientError, socket, responses, closes),
  })
  acceptJson(app)
  // Handlers answer with JSON values, which may hold bigints.
  app.setReplySerializer(payload => printJson(payload as Parameters<typeof printJson>[0]))
  app.setErrorHandler((error, request, reply) => replyProblem(error, request, reply, log))
  app.server.on(certificate ? 'secureConnection' : 'connection', (socket: Socket) => closes.follow(socket))
  const expectations = answerExpectations(app.server, (request, response) => app.routing(request, response))
  app.addHook('preParsing', async (request, reply, payload) => {
    const isTooLarge = Number(request.headers['content-length'] ?? 0) > request.routeOptions.bodyLimit
    if (!isTooLarge) expectations.confirm(request.raw, reply.raw)
    return payload
  })
  app.addHook('onSend', async (request, reply, payload) => {
    // An answer before the whole body ends the connection, so that the rest of the body is bounded.
    if (isArriving(request.raw)) reply.header('connection', 'close')
    return payload
  })
  app.addHook('onClose', async () => closes.destroy())
  return app
}

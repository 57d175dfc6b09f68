import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws'
import { BOX_MESSAGE_BYTES, MESSAGE_BYTES } from '../../../events/limits.ts'
import { SettingsError } from '../../../model/errors.ts'
import type { LingeringCloses } from '../connections/lingering-close.ts'

/*
 * Upgrades of requests to WebSockets. Node passes every request with an Upgrade header to one listener, not
 * to fastify:
 *
 *  1. A WebSocket request is routed through fastify like any other, so that the same hooks can reject it with
 *     a problem.
 *  2. A request for another protocol (the HTTP client of Java offers HTTP/2) is answered as if it had no such
 *     header.
 */

/** An option of ws that @types/ws lacks. */
interface CloseTimeout {
  readonly closeTimeout: number
}

const OPTIONS: ServerOptions & CloseTimeout = {
  noServer: true,
  clientTracking: false,
  // No subprotocol is offered, and ws would accept the first one that the client names.
  handleProtocols: () => false,
  // Off, because compression needs much memory for each connection.
  perMessageDeflate: false,
  // A closed reader may need long for its queued frames; the heartbeat drops a reader that reads nothing.
  closeTimeout: 2 ** 31 - 1,
}

/** The version of RFC 6455. */
const WEBSOCKET_VERSION = '13'

/**
 * Upgrades a request to a WebSocket; `boxes` selects the larger frame limit.
 * @throws SettingsError UPGRADE_REQUIRED, CONTENT_MALFORMED.
 */
export type Accept = (request: FastifyRequest, reply: FastifyReply, boxes: boolean) => WebSocket

/** Dispatches WebSocket requests to the routes of `app`, whose handlers may accept them. */
export function acceptUpgrades(app: FastifyInstance, closes: LingeringCloses): Accept {
  const upgrades = new WeakMap<IncomingMessage, { readonly socket: Duplex; readonly head: Buffer }>()
  const forBoxes = new WebSocketServer({ ...OPTIONS, maxPayload: BOX_MESSAGE_BYTES })
  const others = new WebSocketServer({ ...OPTIONS, maxPayload: MESSAGE_BYTES })
  // Node 24.9 and newer call this first; older versions pass every upgrade to the listener.
  Object.assign(app.server, { shouldUpgradeCallback: asksForWebSocket })
  app.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Node removed its own listener from the socket; without one an error would end the process.
    socket.on('error', () => socket.destroy())
    const response = new ServerResponse(request)
    try {
      response.assignSocket(socket as typeof request.socket)
    } catch {
      // The answer to an earlier request is pending, and no answer can follow it on an upgraded socket.
      socket.destroy()
      return
    }
    if (!asksForWebSocket(request)) {
      response.detachSocket(socket as typeof request.socket)
      returnToServer(app, request, socket, head)
      return
    }
    upgrades.set(request, { socket, head })
    // The parser of Node has detached from this socket, so no other request can arrive on it.
    response.shouldKeepAlive = false
    // A client may already send frames.
    response.once('finish', () => closes.close(socket as typeof request.socket))
    app.routing(request, response)
  })

  return (request, reply, boxes) => {
    const webSockets = boxes ? forBoxes : others
    const upgrade = upgrades.get(request.raw)
    if (!upgrade)
      throw new SettingsError(
        'UPGRADE_REQUIRED',
        'This path accepts only WebSocket connections: use a WebSocket client, with ws:// instead of http://.',
      )
    const version = request.headers['sec-websocket-version']
    if (version !== WEBSOCKET_VERSION) {
      reply.header('sec-websocket-version', WEBSOCKET_VERSION)
      throw new SettingsError(
        'UPGRADE_REQUIRED',
        `Sec-WebSocket-Version must be ${WEBSOCKET_VERSION}, not ${JSON.stringify(version?.slice(0, 100) ?? 'none')}.`,
        { details: { got: version?.slice(0, 100) ?? null, expected: WEBSOCKET_VERSION } },
      )
    }
    let accepted: WebSocket | undefined
    let rejected: Error | undefined
    webSockets.once('wsClientError', error => {
      rejected = error
    })
    webSockets.handleUpgrade(request.raw, upgrade.socket, upgrade.head, webSocket => {
      accepted = webSocket
    })
    webSockets.removeAllListeners('wsClientError')
    if (accepted) return accepted
    throw new SettingsError(
      'CONTENT_MALFORMED',
      `The WebSocket handshake is not valid: ${rejected?.message ?? 'the connection was closed'}.`,
    )
  }
}

/**
 * False for a request with a body, because its socket could not be passed back with the whole body. Also
 * false for HTTP/1.0, which has no upgrades.
 */
function asksForWebSocket({ method, headers, httpVersion }: IncomingMessage): boolean {
  const hasBody = (headers['content-length'] ?? '0') !== '0' || headers['transfer-encoding'] !== undefined
  const isWebSocket = headers.upgrade?.toLowerCase() === 'websocket'
  return method === 'GET' && httpVersion === '1.1' && isWebSocket && !hasBody
}

/** Passes a request back to the server without its Upgrade header. */
function returnToServer(
  { server }: FastifyInstance,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`]
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const name = request.rawHeaders[i] ?? ''
    if (name.toLowerCase() !== 'upgrade') lines.push(`${name}: ${request.rawHeaders[i + 1]}`)
  }
  // Node shows headers as Latin-1, byte by byte.
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]))
  server.emit(socket instanceof TLSSocket ? 'secureConnection' : 'connection', socket)
}

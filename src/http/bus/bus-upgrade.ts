import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws'
import { BOX_MESSAGE_BYTES, MESSAGE_BYTES } from '../../../events/limits.ts'
import { SettingsError } from '../../../model/errors.ts'

/*
 * How a request becomes a WebSocket. Node gives every request with an Upgrade header to one listener, past fastify; here each finds its way back:
 *
 *  1. What asks for a WebSocket goes through fastify like any other request, so that the same hooks refuse it, as a problem, before anything is upgraded.
 *  2. What asks for another protocol (Java's HTTP client offers HTTP/2 on each request) is answered as if it had not asked, with its body.
 */

/** @types/ws does not know it yet. */
interface CloseTimeout {
  readonly closeTimeout: number
}

const OPTIONS: ServerOptions & CloseTimeout = {
  noServer: true,
  clientTracking: false,
  // Off by default as well; compression holds much memory a connection.
  perMessageDeflate: false,
  // A reader that is cut off may take long for what is under way; whoever takes nothing is dropped by the heartbeat.
  closeTimeout: 2 ** 31 - 1,
}

/** Upgrades a request to a WebSocket; `boxes` selects the larger frame limit. @throws SettingsError UPGRADE_REQUIRED, CONTENT_MALFORMED. */
export type Accept = (request: FastifyRequest, boxes: boolean) => WebSocket

/** Dispatches WebSocket requests to the routes of `app`, whose handlers may accept them. */
export function acceptUpgrades(app: FastifyInstance): Accept {
  const upgrades = new WeakMap<IncomingMessage, { readonly socket: Duplex; readonly head: Buffer }>()
  const forBoxes = new WebSocketServer({ ...OPTIONS, maxPayload: BOX_MESSAGE_BYTES })
  const forOthers = new WebSocketServer({ ...OPTIONS, maxPayload: MESSAGE_BYTES })
  // Node 24.9 and newer ask first; the others are shown what is not for us, too.
  Object.assign(app.server, { shouldUpgradeCallback: asksForWebSocket })
  app.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Node took its own listener off the line; without one an error would end the process.
    socket.on('error', () => socket.destroy())
    const response = new ServerResponse(request)
    try {
      response.assignSocket(socket as typeof request.socket)
    } catch {
      // The answer to a request before is still under way, and nothing can follow it on a line that changes hands.
      socket.destroy()
      return
    }
    if (!asksForWebSocket(request)) {
      response.detachSocket(socket as typeof request.socket)
      handBack(app, request, socket, head)
      return
    }
    upgrades.set(request, { socket, head })
    // Node's parser has left this line, so no other request can come on it.
    response.shouldKeepAlive = false
    response.once('finish', () => socket.end(() => socket.destroy()))
    app.routing(request, response)
  })

  return (request, boxes) => {
    const webSockets = boxes ? forBoxes : forOthers
    const upgrade = upgrades.get(request.raw)
    if (!upgrade)
      throw new SettingsError(
        'UPGRADE_REQUIRED',
        'This path accepts only WebSocket connections: use a WebSocket client, with ws:// instead of http://.',
      )
    let accepted: WebSocket | undefined
    let refused: Error | undefined
    webSockets.once('wsClientError', error => {
      refused = error
    })
    webSockets.handleUpgrade(request.raw, upgrade.socket, upgrade.head, webSocket => {
      accepted = webSocket
    })
    webSockets.removeAllListeners('wsClientError')
    if (accepted) return accepted
    throw new SettingsError('CONTENT_MALFORMED', `The WebSocket handshake is not valid: ${refused?.message ?? 'the connection was closed'}.`)
  }
}

/** A request with a body is none: its line could not be handed over whole. */
function asksForWebSocket({ method, headers }: IncomingMessage): boolean {
  const hasBody = (headers['content-length'] ?? '0') !== '0' || headers['transfer-encoding'] !== undefined
  return method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket' && !hasBody
}

/** Gives a request back to the server, without what had it taken for another protocol. */
function handBack({ server }: FastifyInstance, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`]
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const name = request.rawHeaders[i] ?? ''
    if (name.toLowerCase() !== 'upgrade') lines.push(`${name}: ${request.rawHeaders[i + 1]}`)
  }
  // Node shows headers as Latin-1, byte by byte.
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]))
  server.emit(socket instanceof TLSSocket ? 'secureConnection' : 'connection', socket)
}

import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { SettingsError } from '../../../model/errors.ts'
import type { OpenResponses } from '../messages/open-responses.ts'
import { problemOf } from '../messages/problem.ts'
import { REQUEST_MS } from './connection-limits.ts'
import type { LingeringCloses } from './lingering-close.ts'

/*
 * Answers to requests that Node rejects before fastify sees them. Each is a problem document.
 *
 * Invariant: no such answer is sent while the answer to an earlier, complete request of the connection is
 * pending. The client would take it for the answer to that request, which may have changed something.
 */

/** Milliseconds that the connection of a client that was too slow stays open after the answer. */
const SLOW_CLIENT_LINGER_MS = 500
/** Maximum bytes of the request line and the headers of a request. */
export const HEADER_BYTES = 16_384

/** An error of Node about a request that it could not read. */
export interface ClientError extends Error {
  readonly code?: string
  /** The bytes in which the error was found. */
  readonly rawPacket?: Buffer
}

/** Answers a request that is not valid HTTP, too large or too slow, directly on its connection. */
export function rejectClientError(
  cause: ClientError,
  socket: Socket,
  responses: OpenResponses,
  closes: LingeringCloses,
): void {
  // The parser reports each later chunk of a connection that is being closed.
  if (closes.has(socket)) return
  if (cause.code === 'ECONNRESET' || !socket.writable || responses.isAnswering(socket)) {
    socket.destroy()
    return
  }
  const error = errorOf(cause)
  const { status, headers, body } = problemOf(error)
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${isHead(cause.rawPacket) ? '' : body}`,
  )
  closes.close(socket, status === 408 ? SLOW_CLIENT_LINGER_MS : undefined)
}

/**
 * Answers requests with an unknown Expect header, and has `Expect: 100-continue` confirmed only when the body
 * will be read: `route` passes a request to fastify.
 */
export function answerExpectations(
  server: Server,
  route: (request: IncomingMessage, response: ServerResponse) => void,
): { confirm(request: IncomingMessage, response: ServerResponse): void } {
  const waiting = new WeakSet<IncomingMessage>()
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    waiting.add(request)
    route(request, response)
  })
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    const got = request.headers.expect?.slice(0, 100)
    const { status, headers, body } = problemOf(
      new SettingsError(
        'EXPECTATION_UNSUPPORTED',
        `Expect: ${JSON.stringify(got)} is not supported: send "100-continue", or no such header.`,
        { details: { got, allowed: ['100-continue'] } },
      ),
    )
    response.writeHead(status, { ...headers, connection: 'close' })
    response.end(body)
  })
  return {
    confirm(request, response) {
      if (waiting.delete(request)) response.writeContinue()
    },
  }
}

function errorOf(cause: ClientError): SettingsError {
  switch (cause.code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new SettingsError(
        'REQUEST_INCOMPLETE',
        `The request did not arrive in time: its headers may take ${REQUEST_MS.headers / 1_000} s, the whole request ${REQUEST_MS.request / 1_000} s.`,
        { cause },
      )
    case 'HPE_HEADER_OVERFLOW':
      return isRequestLine(cause.rawPacket)
        ? new SettingsError(
            'URL_TOO_LONG',
            `The URL exceeds ${HEADER_BYTES} bytes, the limit of a request line with its headers.`,
            { cause, details: { max: HEADER_BYTES } },
          )
        : new SettingsError(
            'HEADERS_TOO_LARGE',
            `The headers exceed ${HEADER_BYTES} bytes, the limit of a request line with its headers.`,
            { cause, details: { max: HEADER_BYTES } },
          )
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new SettingsError('DOCUMENT_TOO_LARGE', 'The chunk extensions of the body are too large.', {
        cause,
      })
    default:
      return new SettingsError('CONTENT_MALFORMED', `The HTTP request is malformed (${cause.code}).`, {
        cause,
      })
  }
}

/** True for a request whose answer has no body, which a client would take for the next answer. */
function isHead(bytes: Buffer | undefined): boolean {
  return bytes?.toString('latin1', 0, 5) === 'HEAD '
}

/** True when the bytes are the beginning of a request line without its end. */
function isRequestLine(bytes: Buffer | undefined): boolean {
  return /^[A-Z-]{1,20} [^\s]*$/.test(bytes?.toString('latin1', 0, HEADER_BYTES) ?? '')
}

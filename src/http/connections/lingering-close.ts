import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/*
 * Closes of connections whose client may still send.
 *
 * Invariants:
 *  1. An answer that is sent before the whole request arrived reaches a client that still sends. A close with
 *     unread data would reset the connection, and the client would lose the answer.
 *  2. Such a connection ends within LINGER_MS, after LINGER_BYTES more, or LINGER_IDLE_MS after the last byte.
 *  3. Nothing that arrives after the answer is executed.
 */

/** Maximum milliseconds between the last answer of a connection and its end. */
export const LINGER_MS = 10_000
/** Maximum bytes that are read and dropped after the last answer of a connection. */
export const LINGER_BYTES = 32 * 1_048_576
/** Milliseconds without a byte after which a connection ends. */
const LINGER_IDLE_MS = 5_000
/** Milliseconds between two checks of a connection. */
const CHECK_MS = 100

/** The connections of one server that are closed by {@link LingeringCloses.close}. */
export class LingeringCloses {
  readonly #lingering = new Set<Socket>()
  readonly #lastRequest = new WeakMap<Socket, IncomingMessage>()

  /** Makes closes of Node linger while the last request of a connection has not fully arrived. */
  follow(socket: Socket): void {
    const destroySoon = socket.destroySoon.bind(socket)
    socket.destroySoon = () => {
      if (isArriving(this.#lastRequest.get(socket))) this.close(socket)
      else destroySoon()
    }
  }

  /** Records the newest request of its connection. */
  record(request: IncomingMessage): void {
    this.#lastRequest.set(request.socket, request)
  }

  /** True while a connection is being closed: nothing of it may be executed. */
  has(socket: Socket): boolean {
    return this.#lingering.has(socket)
  }

  /** Ends a connection after its queued bytes; reads and drops the bytes of the client within the limits. */
  close(socket: Socket, ms = LINGER_MS): void {
    if (this.#lingering.has(socket) || socket.destroyed) return
    this.#lingering.add(socket)
    socket.end()
    socket.resume()
    const start = { at: performance.now(), bytes: socket.bytesRead }
    let last = start
    const timer = setInterval(() => {
      const now = { at: performance.now(), bytes: socket.bytesRead }
      if (now.bytes > last.bytes) last = now
      const isOver = now.at - start.at > ms || now.bytes - start.bytes > LINGER_BYTES
      if (isOver || now.at - last.at > LINGER_IDLE_MS) socket.destroy()
    }, CHECK_MS)
    timer.unref()
    socket.once('end', () => socket.destroySoon())
    socket.once('close', () => {
      clearInterval(timer)
      this.#lingering.delete(socket)
    })
  }

  /** Ends all connections that are being closed. */
  destroy(): void {
    for (const socket of this.#lingering) socket.destroy()
  }
}

/** True while bytes of a request may still arrive. */
export function isArriving(request: IncomingMessage | undefined): boolean {
  if (!request || request.complete) return false
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = request.headers
  return length !== '0' || encoding !== undefined
}

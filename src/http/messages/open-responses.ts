import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * The pending responses of a server. A server waits for them before it closes, because Node treats
 * connections with written but unsent responses as idle and would cut them off.
 *
 * Invariant: each response emits `close`, at the latest when its socket is closed. Node emits it only for the
 * current response; responses to later requests on the same socket would otherwise stay pending.
 */
export class OpenResponses {
  readonly #bySocket = new Map<Socket, Set<ServerResponse>>()
  #pending = 0
  #onDrained: (() => void) | undefined

  add(response: ServerResponse): void {
    const ofSocket = this.#responsesOf(response.req.socket)
    ofSocket.add(response)
    this.#pending++
    response.once('close', () => {
      ofSocket.delete(response)
      this.#pending--
      if (this.#pending === 0) this.#onDrained?.()
    })
  }

  /** Resolves when none is pending; responses pending after `grace` milliseconds are destroyed. */
  async drain(grace: number): Promise<void> {
    if (this.#pending === 0) return
    const deadline = setTimeout(() => {
      for (const responses of this.#bySocket.values()) for (const response of responses) response.destroy()
    }, grace)
    await new Promise<void>(resolve => {
      this.#onDrained = resolve
    })
    clearTimeout(deadline)
  }

  /** True while the response to a request that arrived completely is pending on this connection. */
  isAnswering(socket: Socket): boolean {
    return [...(this.#bySocket.get(socket) ?? [])].some(({ req, headersSent }) => req.complete || headersSent)
  }

  /** The pending responses of a socket, kept until it is closed: one listener for all its requests. */
  #responsesOf(socket: Socket): Set<ServerResponse> {
    const known = this.#bySocket.get(socket)
    if (known) return known
    const responses = new Set<ServerResponse>()
    this.#bySocket.set(socket, responses)
    socket.once('close', () => {
      this.#bySocket.delete(socket)
      // Node emits the event for the response that has the socket.
      for (const response of responses) if (response.socket === null) response.emit('close')
    })
    return responses
  }
}

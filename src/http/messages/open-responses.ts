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
  readonly #lines = new Map<Socket, Set<ServerResponse>>()
  #open = 0
  #whenNone: (() => void) | undefined

  add(response: ServerResponse): void {
    const onLine = this.#responsesOn(response.req.socket)
    onLine.add(response)
    this.#open++
    response.once('close', () => {
      onLine.delete(response)
      this.#open--
      if (this.#open === 0) this.#whenNone?.()
    })
  }

  /** Resolves when none is pending; responses pending after `grace` milliseconds are destroyed. */
  async drain(grace: number): Promise<void> {
    if (this.#open === 0) return
    const impatience = setTimeout(() => {
      for (const onLine of this.#lines.values()) for (const response of onLine) response.destroy()
    }, grace)
    await new Promise<void>(resolve => {
      this.#whenNone = resolve
    })
    clearTimeout(impatience)
  }

  /** The pending responses of a socket, kept until it is closed: one listener for all its requests. */
  #responsesOn(line: Socket): Set<ServerResponse> {
    const known = this.#lines.get(line)
    if (known) return known
    const onLine = new Set<ServerResponse>()
    this.#lines.set(line, onLine)
    line.once('close', () => {
      this.#lines.delete(line)
      // Node emits the event for the response that has the socket.
      for (const response of onLine) if (response.socket === null) response.emit('close')
    })
    return onLine
  }
}

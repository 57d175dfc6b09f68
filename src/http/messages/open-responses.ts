import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * The pending responses of a server. A server waits for them before it closes, because Node treats connections with
 * written but unsent responses as idle and would cut them off.
 *
 * Invariant: each answer ends with its event `close`, at the latest when its line is closed. Node says so only of the answer whose turn it is; those to
 * requests that came behind it on the same line would be open for ever.
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

  /** The answers under way on a line, which is held until it is closed: one listener for all the requests that it brings. */
  #responsesOn(line: Socket): Set<ServerResponse> {
    const known = this.#lines.get(line)
    if (known) return known
    const onLine = new Set<ServerResponse>()
    this.#lines.set(line, onLine)
    line.once('close', () => {
      this.#lines.delete(line)
      // What has the line hears of its end from node.
      for (const response of onLine) if (response.socket === null) response.emit('close')
    })
    return onLine
  }
}

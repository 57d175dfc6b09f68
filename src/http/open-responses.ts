import type { ServerResponse } from 'node:http'

/**
 * The answers under way. Closing a server at once would cut off those that are written but not yet sent: node takes their connections for idle ones. So
 * whoever closes waits for them here first.
 */
export class OpenResponses {
  readonly #open = new Set<ServerResponse>()
  #whenNone: (() => void) | undefined

  add(response: ServerResponse): void {
    this.#open.add(response)
    response.once('close', () => {
      this.#open.delete(response)
      if (this.#open.size === 0) this.#whenNone?.()
    })
  }

  /** Resolves when none is left; one that takes longer than `grace` milliseconds is cut off. */
  async drain(grace: number): Promise<void> {
    if (this.#open.size === 0) return
    const impatience = setTimeout(() => {
      for (const response of this.#open) response.destroy()
    }, grace)
    await new Promise<void>(resolve => {
      this.#whenNone = resolve
    })
    clearTimeout(impatience)
  }
}

/**
 * Whether the peer of a line is still there. From one beat to the next it is when it has answered or said something; when less waits for it than before; or
 * when it takes all that it is sent and more has come of it: a part of a large message.
 */
export class SignsOfLife {
  #heard = true
  #unsent = 0
  #received = 0

  /** It has answered, or said something. */
  heard(): void {
    this.#heard = true
  }

  /** At a beat: true when it has given no sign since the one before. `unsent` bytes wait for it, and `received` have come of it in all. */
  isSilent(unsent: number, received: number): boolean {
    const isComing = unsent === 0 && received > this.#received
    const isSilent = !this.#heard && !isComing && unsent >= this.#unsent
    this.#heard = false
    this.#unsent = unsent
    this.#received = received
    return isSilent
  }
}

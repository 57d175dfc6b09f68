/**
 * Detects a dead peer. A peer is alive if it showed one of these signs since the last beat: a message or a
 * pong, a shorter queue, or more received bytes with an empty queue (a part of a large message).
 */
export class PeerLiveness {
  #hasSign = true
  #unsent = 0
  #received = 0

  /** Records a message or pong of the peer. */
  recordSign(): void {
    this.#hasSign = true
  }

  /**
   * At a beat: true without a sign of life since the previous one. `unsent` bytes are queued; `received` is
   * the total.
   */
  isSilent(unsent: number, received: number): boolean {
    const isReceiving = unsent === 0 && received > this.#received
    const isSilent = !this.#hasSign && !isReceiving && unsent >= this.#unsent
    this.#hasSign = false
    this.#unsent = unsent
    this.#received = received
    return isSilent
  }
}

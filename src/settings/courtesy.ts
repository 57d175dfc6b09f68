import { setTimeout as sleep } from 'node:timers/promises'
import type { Key } from '../../model/key.ts'

/** Milliseconds for which a document counts as contended after another controller was found changing it. */
const CONTENDED = 2_000
/** The shortest and the longest rest, in milliseconds: a store that answers at once would let nobody else have a turn. */
const SHORTEST = 2
const LONGEST = 100
/** How many documents are remembered before those of long ago are forgotten. */
const REMEMBERED = 1_000
/** How much a new measurement counts against those before it. */
const WEIGHT = 0.2

/**
 * Lets others go first on a document that several controllers change at the same time. Whoever has just won knows the newest state before anybody else, would
 * win again and again, and the others would only burn their tries; so the winner rests for about as long as a commit takes.
 */
export class Courtesy {
  /** Until when a document counts as contended, until when a win on it obliges to rest, and when it was won; by `performance.now`. */
  readonly #contended = new Map<Key, number>()
  readonly #resting = new Map<Key, number>()
  readonly #won = new Map<Key, number>()
  /** How long a commit takes, in milliseconds, smoothed. */
  #pace = 0

  /** Waits while it is the others' turn; at once where nobody else is. */
  async wait(keys: readonly Key[]): Promise<void> {
    const now = performance.now()
    const until = Math.max(...keys.map(key => (this.#isContended(key, now) ? (this.#resting.get(key) ?? 0) : 0)))
    if (until > now) await sleep(until - now)
  }

  /** Another controller was the last to change these: that is contention where this one was so a moment ago. */
  followed(keys: readonly Key[]): void {
    const now = performance.now()
    this.met(keys.filter(key => now - (this.#won.get(key) ?? Number.NEGATIVE_INFINITY) < CONTENDED))
  }

  /** Another controller was found changing these. */
  met(keys: readonly Key[]): void {
    for (const key of keys) this.#contended.set(key, performance.now() + CONTENDED)
  }

  /** A commit took so many milliseconds, and won. */
  won(keys: readonly Key[], took: number): void {
    this.#pace += WEIGHT * (took - this.#pace)
    const now = performance.now()
    // Equal rests would let the same controllers meet again.
    for (const key of keys) {
      this.#won.set(key, now)
      if (this.#isContended(key, now)) this.#resting.set(key, now + Math.min(LONGEST, Math.max(SHORTEST, this.#pace) * (1.5 + Math.random())))
    }
    if (this.#won.size > REMEMBERED) this.#forget(now)
  }

  #forget(now: number): void {
    for (const [key, at] of this.#won) if (now - at > CONTENDED) this.#won.delete(key)
    for (const [key, until] of this.#contended) if (until < now) this.#contended.delete(key)
    for (const [key, until] of this.#resting) if (until < now) this.#resting.delete(key)
  }

  #isContended(key: Key, now: number): boolean {
    return (this.#contended.get(key) ?? 0) > now
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import type { Key } from '../../../model/key.ts'

/** Milliseconds for which a document counts as contended after another controller was found changing it. */
const CONTENDED = 2_000
/**
 * The shortest and the longest rest after a first win, in milliseconds: a store that answers at once would
 * let nobody else have a turn.
 */
const SHORTEST = 2
const LONG = 100
/** From so many rests in a row on they grow, and to how much: by chance they come seldom. */
const MANY = 4
const LONGEST = 1_000
/** Whoever wins so many times in a row rests once, for it never meets others who always lose. */
const UNMET = 16
/** Wins that are further apart than so many milliseconds leave room enough for others. */
const IN_A_ROW = 200
/** How many documents are remembered before those of long ago are forgotten. */
const REMEMBERED = 1_000
/** How much a new measurement counts against those before it. */
const WEIGHT = 0.2

/** What is known of a document; times in milliseconds of the clock. */
interface Turns {
  /** Until when it counts as contended. */
  contended: number
  /** Until when its last winner rests, should it be this controller. */
  resting: number
  /**
   * Until when it then goes on without another rest, and how often it rested without another controller's
   * change in between.
   */
  free: number
  rests: number
  /**
   * When this controller won last, and how often in a row, without another controller's change in between.
   */
  won: number
  wins: number
}

/**
 * Lets others go first on a document that several controllers change at the same time. Whoever has just won
 * knows the newest state before anybody else, would win again and again, and the others would only burn their
 * tries; so the winner rests for about as long as a commit takes. Whoever goes on winning after that has
 * others who need longer for a try, on a busier machine or behind slower hooks: it rests twice as long each
 * time, and after such a rest goes on for as long as that was: nobody loses much more than half of the time
 * to others who are hardly ever there.
 */
export class WinnerBackoff {
  readonly #turns = new Map<Key, Turns>()
  readonly #clock: () => number
  /** How long a commit takes, in milliseconds, smoothed. */
  #pace = 0

  /** `clock` is in milliseconds, and never goes back. */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock
  }

  /** Waits while it is the others' turn; at once where nobody else is. */
  async wait(keys: readonly Key[]): Promise<void> {
    const rest = this.rest(keys)
    if (rest > 0) await sleep(rest)
  }

  /** Milliseconds for which it is the others' turn. */
  rest(keys: readonly Key[]): number {
    return Math.max(0, ...keys.map(key => (this.#turns.get(key)?.resting ?? 0) - this.#clock()))
  }

  /**
   * Another controller was the last to change these: that is contention where this one was so a moment ago.
   */
  followed(keys: readonly Key[]): void {
    const now = this.#clock()
    for (const key of keys) {
      const turns = this.#turns.get(key)
      if (!turns) continue
      begin(turns)
      if (now - turns.won < CONTENDED) turns.contended = now + CONTENDED
    }
  }

  /** Another controller was found changing these. */
  met(keys: readonly Key[]): void {
    for (const key of keys) {
      const turns = this.#turnsOf(key)
      begin(turns)
      turns.contended = this.#clock() + CONTENDED
    }
  }

  /** A commit took so many milliseconds, and won. */
  won(keys: readonly Key[], took: number): void {
    this.#pace += WEIGHT * (took - this.#pace)
    const now = this.#clock()
    for (const key of keys) {
      const turns = this.#turnsOf(key)
      const isContended = turns.contended > now
      turns.wins = isContended || now - turns.won < IN_A_ROW + took ? turns.wins + 1 : 1
      turns.won = now
      if (isContended ? now < turns.free : turns.wins % UNMET !== 0) continue
      const doublings = isContended ? Math.max(0, ++turns.rests - MANY + 1) : 0
      // Equal rests would let the same controllers meet again.
      const rest = Math.min(
        LONGEST,
        Math.min(LONG, Math.max(SHORTEST, this.#pace) * (1.5 + Math.random())) * 2 ** doublings,
      )
      turns.resting = now + rest
      if (doublings > 0) turns.free = turns.resting + rest
    }
    if (this.#turns.size > REMEMBERED)
      for (const [key, { won, contended }] of this.#turns)
        if (Math.max(won + CONTENDED, contended) < now) this.#turns.delete(key)
  }

  #turnsOf(key: Key): Turns {
    const known = this.#turns.get(key)
    if (known) return known
    const never = Number.NEGATIVE_INFINITY
    const turns = { contended: never, resting: never, free: never, rests: 0, won: never, wins: 0 }
    this.#turns.set(key, turns)
    return turns
  }
}

/** Another controller had its turn: nothing was won in a row. */
function begin(turns: Turns): void {
  turns.wins = 0
  turns.rests = 0
  turns.free = Number.NEGATIVE_INFINITY
}

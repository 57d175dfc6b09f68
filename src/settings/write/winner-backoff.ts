import { setTimeout as sleep } from 'node:timers/promises'
import type { Key } from '../../../model/key.ts'

/** How long a document counts as contended after another controller was found changing it. */
const CONTENDED_MS = 2_000
/**
 * The least commit time that a rest is computed from, because a store that answers at once needs a rest too.
 */
const MIN_PACE_MS = 2
/** The longest rest before it is doubled. */
const MAX_UNDOUBLED_REST_MS = 100
/** The first rest in a row that is doubled; so many rests in a row seldom happen by chance. */
const FIRST_DOUBLED_REST = 4
/** The longest rest. */
const MAX_REST_MS = 1_000
/**
 * Wins in a row after which a controller rests once, for controllers that it never meets as they always lose.
 */
const WINS_WITHOUT_MEETING = 16
/** Wins that are further apart leave enough time to other controllers. */
const IN_A_ROW_MS = 200
/** The number of documents from which on idle ones are forgotten. */
const MAX_REMEMBERED_DOCUMENTS = 1_000
/** The weight of a new measurement of the commit time against those before it. */
const PACE_WEIGHT = 0.2

/** The wins and rests of this controller at a document; times in milliseconds of the clock. */
interface WinRecord {
  /** The time until which the document counts as contended. */
  contendedUntil: number
  /** The time until which this controller rests after its last win. */
  restingUntil: number
  /** The time until which it then continues without another rest. */
  freeUntil: number
  /** Rests without a change of another controller between them. */
  rests: number
  /** The time of its last win. */
  wonAt: number
  /** Wins in a row, without a change of another controller between them. */
  wins: number
}

/**
 * Lets other controllers go first on a document that several change at the same time. The last winner knows
 * the newest state first and would win again and again, so that other controllers lose all attempts. It rests
 * for about as long as a commit takes. If it continues to win after that, they need longer for an
 * attempt, on a busier machine or behind slower hooks. Then each rest is twice as long, and is followed by an
 * equal time without a rest, so that a winner loses not much more than half of its time to controllers that
 * are rarely there.
 */
export class WinnerBackoff {
  readonly #records = new Map<Key, WinRecord>()
  readonly #clock: () => number
  /** The duration of a commit, in milliseconds, smoothed. */
  #pace = 0

  /** `clock` is in milliseconds, and never goes back. */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock
  }

  /** Waits while other controllers go first; not at all on documents that are not contended. */
  async wait(keys: readonly Key[]): Promise<void> {
    const rest = this.rest(keys)
    if (rest > 0) await sleep(rest)
  }

  /** Milliseconds for which other controllers go first. */
  rest(keys: readonly Key[]): number {
    return Math.max(0, ...keys.map(key => (this.#records.get(key)?.restingUntil ?? 0) - this.#clock()))
  }

  /**
   * Notes that another controller made the last change of these documents: contention where this controller
   * made the last one a moment ago.
   */
  followed(keys: readonly Key[]): void {
    const now = this.#clock()
    for (const key of keys) {
      const record = this.#records.get(key)
      if (!record) continue
      reset(record)
      if (now - record.wonAt < CONTENDED_MS) record.contendedUntil = now + CONTENDED_MS
    }
  }

  /** Notes that another controller was found changing these documents. */
  met(keys: readonly Key[]): void {
    for (const key of keys) {
      const record = this.#recordOf(key)
      reset(record)
      record.contendedUntil = this.#clock() + CONTENDED_MS
    }
  }

  /** Notes that a commit of these documents took so many milliseconds, and won. */
  won(keys: readonly Key[], took: number): void {
    this.#pace += PACE_WEIGHT * (took - this.#pace)
    const now = this.#clock()
    for (const key of keys) {
      const record = this.#recordOf(key)
      const isContended = record.contendedUntil > now
      record.wins = isContended || now - record.wonAt < IN_A_ROW_MS + took ? record.wins + 1 : 1
      record.wonAt = now
      if (isContended ? now < record.freeUntil : record.wins % WINS_WITHOUT_MEETING !== 0) continue
      const doublings = isContended ? Math.max(0, ++record.rests - FIRST_DOUBLED_REST + 1) : 0
      // Random, because equal rests would let the same controllers meet again.
      const undoubled = Math.min(
        MAX_UNDOUBLED_REST_MS,
        Math.max(MIN_PACE_MS, this.#pace) * (1.5 + Math.random()),
      )
      const rest = Math.min(MAX_REST_MS, undoubled * 2 ** doublings)
      record.restingUntil = now + rest
      if (doublings > 0) record.freeUntil = record.restingUntil + rest
    }
    if (this.#records.size > MAX_REMEMBERED_DOCUMENTS)
      for (const [key, { wonAt, contendedUntil }] of this.#records)
        if (Math.max(wonAt + CONTENDED_MS, contendedUntil) < now) this.#records.delete(key)
  }

  #recordOf(key: Key): WinRecord {
    const known = this.#records.get(key)
    if (known) return known
    const never = Number.NEGATIVE_INFINITY
    const record = {
      contendedUntil: never,
      restingUntil: never,
      freeUntil: never,
      rests: 0,
      wonAt: never,
      wins: 0,
    }
    this.#records.set(key, record)
    return record
  }
}

/** Another controller made a change between, so no win is in a row with the ones before. */
function reset(record: WinRecord): void {
  record.wins = 0
  record.rests = 0
  record.freeUntil = Number.NEGATIVE_INFINITY
}

import { type Actor, printActor } from '../../model/actor.ts'
import { SettingsError } from '../../model/errors.ts'
import { printJson } from '../../model/json.ts'

/** The secrets of one place that a caller without the permission to read them sets a minute: as many as logins. */
export const MAX_GUESSES_PER_MINUTE = 20
const WINDOW_MS = 60_000
/** The callers that are counted; the oldest is dropped beyond them. */
const MAX_CALLERS = 10_000

/**
 * Limits how many secrets a caller may set that it may not read, because a tag shows whether two values of
 * one place are equal. Each value of an array counts, and so do dry runs.
 */
export class Guesses {
  readonly #counts = new Map<string, { since: number; count: number }>()
  readonly #now: () => number
  #refused = 0

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** The changes that were refused. */
  get refused(): number {
    return this.#refused
  }

  /** Counts a change with as many values of one place. @throws SettingsError RATE_LIMITED. */
  count(actor: Actor, values = 1): void {
    if (actor.by === 'local') return
    const caller = printJson(printActor(actor))
    const now = this.#now()
    const known = this.#counts.get(caller)
    const current = known && now - known.since < WINDOW_MS ? known : { since: now, count: 0 }
    this.#counts.delete(caller)
    this.#counts.set(caller, current)
    if (this.#counts.size > MAX_CALLERS) this.#counts.delete(this.#counts.keys().next().value ?? '')
    current.count += values
    if (current.count <= MAX_GUESSES_PER_MINUTE) return
    this.#refused++
    const seconds = Math.ceil((WINDOW_MS - (now - current.since)) / 1_000)
    throw new SettingsError(
      'RATE_LIMITED',
      `Too many secrets set by ${actor.name} (${MAX_GUESSES_PER_MINUTE} values of one place a minute without the permission "secrets"). Retry in ${seconds} s, or use a token with this permission.`,
      { details: { seconds } },
    )
  }
}

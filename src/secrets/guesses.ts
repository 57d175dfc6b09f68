import { type Actor, printActor } from '../../model/actor.ts'
import { SettingsError } from '../../model/errors.ts'
import { printJson } from '../../model/json.ts'

/** The changes of secrets by one caller without the permission to read them, a minute: as many as logins. */
export const MAX_GUESSES_PER_MINUTE = 20
const WINDOW_MS = 60_000
/** The callers that are counted; the oldest is dropped beyond them. */
const MAX_CALLERS = 10_000

/**
 * Limits how often a caller may set secrets that it may not read, because a tag shows whether two values of
 * one place are equal. Dry runs count too.
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

  /** @throws SettingsError RATE_LIMITED. */
  count(actor: Actor): void {
    if (actor.by === 'local') return
    const caller = printJson(printActor(actor))
    const now = this.#now()
    const known = this.#counts.get(caller)
    const current = known && now - known.since < WINDOW_MS ? known : { since: now, count: 0 }
    this.#counts.delete(caller)
    this.#counts.set(caller, current)
    if (this.#counts.size > MAX_CALLERS) this.#counts.delete(this.#counts.keys().next().value ?? '')
    current.count++
    if (current.count <= MAX_GUESSES_PER_MINUTE) return
    this.#refused++
    const seconds = Math.ceil((WINDOW_MS - (now - current.since)) / 1_000)
    throw new SettingsError(
      'RATE_LIMITED',
      `Too many changes of secrets by ${actor.name} (${MAX_GUESSES_PER_MINUTE} a minute without the permission "secrets"). Retry in ${seconds} s, or set several in one change.`,
      { details: { seconds } },
    )
  }
}

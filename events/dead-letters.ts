import { randomUUID } from 'node:crypto'
import { SettingsError } from '../model/errors.ts'
import type { DeadLetter, DeadLetters, KytosEvent } from './event.ts'

/** Delivers the event of a dead letter again; false when its listener is no longer registered. */
export type Redeliver = (event: KytosEvent) => boolean

interface StoredLetter {
  readonly letter: DeadLetter
  readonly redeliver: Redeliver
}

/** The events that listeners failed on, at most the newest `limit`. */
export class DeadLetterBox implements DeadLetters {
  readonly #letters = new Map<string, StoredLetter>()
  readonly #limit: number
  readonly #now: () => string

  /** `now` returns an ISO 8601 timestamp. */
  constructor(now: () => string, limit = 1_000) {
    this.#now = now
    this.#limit = limit
  }

  get size(): number {
    return this.#letters.size
  }

  add(listener: string, event: KytosEvent, error: unknown, redeliver: Redeliver): void {
    const letter: DeadLetter = Object.freeze({
      id: randomUUID(),
      listener,
      event,
      error: describeError(error),
      at: this.#now(),
    })
    this.#letters.set(letter.id, { letter, redeliver })
    if (this.#letters.size <= this.#limit) return
    const [oldest] = this.#letters.keys()
    if (oldest !== undefined) this.#letters.delete(oldest)
  }

  list(): readonly DeadLetter[] {
    return [...this.#letters.values()].map(({ letter }) => letter)
  }

  reinject(id: string): void {
    const { letter, redeliver } = this.#find(id)
    const event = Object.freeze({ ...letter.event, reinjections: letter.event.reinjections + 1 })
    if (!redeliver(event)) {
      throw new SettingsError(
        'DEAD_LETTER_NOT_FOUND',
        `The listener ${letter.listener} is no longer registered, so "${letter.event.name}" cannot be redelivered. Delete the dead letter.`,
      )
    }
    this.#letters.delete(id)
  }

  drop(id: string): void {
    this.#find(id)
    this.#letters.delete(id)
  }

  #find(id: string): StoredLetter {
    const stored = this.#letters.get(id)
    if (stored) return stored
    throw new SettingsError(
      'DEAD_LETTER_NOT_FOUND',
      `The dead letter ${JSON.stringify(String(id).slice(0, 80))} does not exist: it was deleted, redelivered, or replaced by one of ${this.#limit} newer ones.`,
    )
  }
}

/** The message and code of any thrown value, without its stack. */
export function describeError(error: unknown): DeadLetter['error'] {
  if (!(error instanceof Error))
    return {
      message:
        typeof error === 'string'
          ? error
          : `The listener threw a value that is not an Error: ${typeof error}`,
    }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return code === undefined ? { message: error.message } : { message: error.message, code }
}

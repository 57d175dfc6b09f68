import type { Command, History } from '../history.ts'
import { isLook, isNameless } from './kinds.ts'
import type { Moment } from './moment.ts'
import { occurrencesOf } from './timeline.ts'
import type { Truth } from './truth.ts'

/*
 * When the moments of a store with one life were, as far as commands show it.
 *
 * Invariant: moments come in the order of their revisions, so a moment is no earlier than the sending of any
 * change in it or before it, and no later than the answer to any acked change in it or after it. The same
 * goes for changes by hand.
 */

/** Before and after everything. */
const BEGINNING = -1n
const END = 2n ** 63n

export class Bounds {
  readonly #lower: bigint[]
  readonly #upper: bigint[]

  constructor(truth: Truth, { commands, hands = [] }: Pick<History, 'commands' | 'hands'>) {
    const { length } = truth.lives[0]?.path ?? []
    this.#lower = Array.from({ length }, () => BEGINNING)
    this.#upper = Array.from({ length }, () => END)
    for (const command of commands) {
      if (isLook(command) || isNameless(command)) continue
      const [found, another] = occurrencesOf(truth, command)
      if (!found || another) continue
      const { depth } = found.moment
      const { sent, answered, outcome } = command
      this.#lower[depth] = later(this.#lower[depth], sent)
      if (outcome.type === 'ok' && answered !== undefined)
        this.#upper[depth] = earlier(this.#upper[depth], answered)
    }
    for (const { key, revision, ...time } of hands) {
      const step = truth.steps.get(key)?.find(({ moment }) => moment.revision === revision)
      if (step) this.tighten(step.moment.depth, time)
    }
    for (let depth = 1; depth < length; depth++)
      this.#lower[depth] = later(this.#lower[depth], this.earliest(depth - 1))
    for (let depth = length - 2; depth >= 0; depth--)
      this.#upper[depth] = earlier(this.#upper[depth], this.latest(depth + 1))
  }

  /** A moment was not before this time; one that never came is after everything. */
  earliest(depth: number): bigint {
    return this.#lower[depth] ?? END
  }

  /** A moment was not after this time. */
  latest(depth: number): bigint {
    return this.#upper[depth] ?? END
  }

  /** What else is known of one moment. */
  tighten(depth: number, { sent, answered }: Pick<Command, 'sent' | 'answered'>): void {
    this.#lower[depth] = later(this.#lower[depth], sent)
    this.#upper[depth] = earlier(this.#upper[depth], answered)
  }

  /**
   * True when a state that one moment began and another one ended may have been there while a command was
   * under way.
   */
  overlaps(
    begin: Moment | undefined,
    end: Moment | undefined,
    { sent, answered }: Pick<Command, 'sent' | 'answered'>,
  ): boolean {
    const begun = begin === undefined || answered === undefined || this.earliest(begin.depth) <= answered
    return begun && (end === undefined || this.latest(end.depth) >= sent)
  }
}

function later(a = BEGINNING, b = BEGINNING): bigint {
  return a > b ? a : b
}

function earlier(a = END, b = END): bigint {
  return a < b ? a : b
}

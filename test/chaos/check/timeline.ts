import { type Command, tokenName } from '../history.ts'
import { isBoxPut, isLook, isNameless } from './kinds.ts'
import type { Moment, Recorded, Step, TokenStep } from './moment.ts'
import type { Truth } from './truth.ts'

/** Where a change stands in the history of the store. */
export type Occurrence = Recorded | Step | TokenStep

/** Every place where the change of a command stands, each once however many lives share it. */
export function occurrencesOf(truth: Truth, command: Command): readonly Occurrence[] {
  const { id, kind, key } = command
  if (isBoxPut(command)) return boxPutsOf(truth, command)
  if (kind === 'make token') return truth.tokenNames.get(tokenName(id)) ?? []
  return (truth.records.get(id) ?? []).filter(({ document }) => document === key)
}

/** The same of a command that puts a box. */
export function boxPutsOf(truth: Truth, { id, key }: Command): readonly Step[] {
  return (truth.boxes.get(id) ?? []).filter(step => step.key === key)
}

/**
 * When the lives of the store were, as far as commands show it: the fault that ends one leaves no time
 * behind. A command that stands first in a life was committed there between its sending and its answer.
 */
export class Timeline {
  readonly #lives: number
  readonly #wentOnAt = new Map<number, bigint>()
  readonly #begunAt = new Map<number, bigint>()

  constructor(truth: Truth, commands: readonly Command[]) {
    this.#lives = truth.lives.length
    for (const command of commands) {
      const { sent, answered, outcome } = command
      if (isLook(command) || isNameless(command) || outcome.type === 'refused') continue
      const [occurrence, another] = occurrencesOf(truth, command)
      const life = occurrence?.moment.lives[0]
      if (life === undefined || another) continue
      if (sent > (this.#wentOnAt.get(life) ?? -1n)) this.#wentOnAt.set(life, sent)
      if (answered === undefined || outcome.type !== 'ok') continue
      if (answered < (this.#begunAt.get(life) ?? answered + 1n)) this.#begunAt.set(life, answered)
    }
  }

  /** A time at which this life surely went on; undefined when nothing shows it. */
  wentOnAt(life: number): bigint | undefined {
    return life === this.#lives - 1 ? undefined : this.#wentOnAt.get(life)
  }

  /** A time at which this life surely had begun; undefined when nothing shows it. */
  begunAt(life: number): bigint | undefined {
    return this.#begunAt.get(life)
  }

  /** True when nothing ever took this moment from the store. */
  isLasting({ lives }: Moment): boolean {
    return this.#lastInRow(lives) === this.#lives - 1
  }

  /** True when the store surely still held, at this time, what it had been given in this moment. */
  stands(moment: Moment, at: bigint): boolean {
    const last = this.#lastInRow(moment.lives)
    return last === this.#lives - 1 || at <= (this.#wentOnAt.get(last) ?? -1n)
  }

  #lastInRow(lives: readonly number[]): number {
    let last = lives[0] ?? 0
    while (lives.includes(last + 1)) last++
    return last
  }
}

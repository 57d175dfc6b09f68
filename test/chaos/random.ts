import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { mersenne } from 'pure-rand/generator/mersenne'

/** Numbers that follow from a seed, so that what they chose can be chosen again. */
export interface Random {
  /** In [0, 1). */
  next(): number
  /** A whole number in [from, to]. */
  between(from: number, to: number): number
  /** True so often. */
  chance(probability: number): boolean
  /** One of several, all alike; or by their weights. @throws Error when there is none. */
  pick<T>(choices: readonly T[], weight?: (choice: T) => number): T
  /** A sequence of its own, the same whatever else is drawn from this one. */
  fork(name: string): Random
}

export function createRandom(seed: number): Random {
  const generator = mersenne(seed)
  const next = (): number => uniformFloat64(generator)
  return {
    next,
    between: (from, to) => uniformInt(generator, from, to),
    chance: probability => next() < probability,
    pick: (choices, weight = () => 1) => {
      let left = next() * choices.reduce((sum, choice) => sum + weight(choice), 0)
      for (const choice of choices) {
        left -= weight(choice)
        if (left < 0) return choice
      }
      throw new Error('There is nothing to pick from.')
    },
    fork: name =>
      createRandom(
        Array.from(name).reduce(
          (hash, sign) => Math.imul(hash ^ (sign.codePointAt(0) ?? 0), 0x01000193),
          seed ^ 0x811c9dc5,
        ),
      ),
  }
}

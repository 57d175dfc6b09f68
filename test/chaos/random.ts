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
  /** A sequence of its own, the same whatever is drawn from this one meanwhile. */
  fork(name: string): Random
}

/** SplitMix32 (Steele, Lea, Flood 2014, in its 32-bit form): any seed is as good as another. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32
  }
  return {
    next,
    between: (from, to) => from + Math.floor(next() * (to - from + 1)),
    chance: probability => next() < probability,
    pick: (choices, weight = () => 1) => {
      let left = next() * choices.reduce((sum, choice) => sum + weight(choice), 0)
      const found = choices.find(choice => (left -= weight(choice)) < 0) ?? choices.at(-1)
      if (found === undefined) throw new Error('There is nothing to pick from.')
      return found
    },
    fork: name => createRandom([...name].reduce((hash, sign) => Math.imul(hash ^ (sign.codePointAt(0) ?? 0), 0x01000193), seed ^ 0x811c9dc5)),
  }
}

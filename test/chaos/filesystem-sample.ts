import { createRandom, type Random } from './random.ts'

/** The seed of a run, printed in every failure's message: CHAOS_SEED, else always the same. */
export const SEED = Number(process.env.CHAOS_SEED ?? 20_261_122)
/** True in the long form, where nothing is left out. */
export const LONG = process.env.CHAOS_LONG === '1'

/** All cases in the long form, else so many of them, spread evenly from a start that the seed chooses. */
export function sample<T>(
  cases: readonly T[],
  count: number,
  random: Random = createRandom(SEED),
): readonly T[] {
  if (LONG || cases.length <= count) return cases
  const start = random.next()
  return Array.from(
    { length: count },
    (_, at) => cases[Math.floor(((at + start) * cases.length) / count)],
  ).filter(each => each !== undefined)
}

/**
 * Runs something for each case, so many at a time; the first failure ends it, after those that run have
 * ended.
 */
export async function inParallel<T>(
  cases: readonly T[],
  hands: number,
  run: (each: T) => Promise<void>,
): Promise<void> {
  const queue = [...cases]
  const failures: unknown[] = []
  const hand = async () => {
    for (let each = queue.shift(); each !== undefined && failures.length === 0; each = queue.shift()) {
      await run(each).catch((error: unknown) => failures.push(error))
    }
  }
  await Promise.all(Array.from({ length: hands }, hand))
  if (failures.length > 0) throw failures[0]
}

import { COMMIT_OPERATIONS } from '../../model/document.ts'
import type { GuardedPut, OpenStep } from './difference.ts'

/** How many commits are under way at once; more only wait for one another. */
const LANES = 4
/** What a commit should weigh at most, in bytes; a single step may weigh more. */
const WEIGHT = 1_000_000
/** One operation of every commit is a guard. */
const MOST = COMMIT_OPERATIONS - 1

/**
 * Takes the steps of all chains, those of one chain in their order, as many at once as a commit holds.
 * Resolves when all are committed.
 * @throws what the first commit that failed threw, once none is under way any more.
 */
export async function dispatch(
  chains: readonly (readonly OpenStep[])[],
  commit: (puts: readonly GuardedPut[]) => Promise<void>,
): Promise<void> {
  const ready = chains.map(steps => ({ steps, at: 0 }))
  const underWay = new Set<Promise<void>>()
  let failed: { readonly error: unknown } | undefined
  for (;;) {
    while (!failed && underWay.size < LANES && ready.length > 0) {
      const { puts, chains: taken } = pack(ready)
      const run = commit(puts)
        .then(
          () => {
            for (const chain of taken) if (chain.at < chain.steps.length) ready.push(chain)
          },
          error => {
            failed ??= { error }
          },
        )
        .finally(() => underWay.delete(run))
      underWay.add(run)
    }
    if (underWay.size === 0) break
    await Promise.race(underWay)
  }
  if (failed) throw failed.error
}

interface Progress {
  readonly steps: readonly OpenStep[]
  at: number
}

/** One commit's worth of steps, from as many chains as it takes; these are busy until it is done. */
function pack(ready: Progress[]): {
  readonly puts: readonly GuardedPut[]
  readonly chains: readonly Progress[]
} {
  const puts: GuardedPut[] = []
  const chains: Progress[] = []
  let weight = 0
  while (ready.length > 0 && puts.length < MOST && weight < WEIGHT) {
    const chain = ready.shift()
    if (!chain) break
    let taken = 0
    for (let step = chain.steps[chain.at]; step && !(taken > 0 && step.later); step = chain.steps[chain.at]) {
      const added = step.puts.reduce((sum, { key, text }) => sum + key.length + Buffer.byteLength(text), 0)
      if (puts.length > 0 && (puts.length + step.puts.length > MOST || weight + added > WEIGHT)) break
      puts.push(...step.puts)
      weight += added
      chain.at++
      taken++
    }
    if (taken > 0) chains.push(chain)
    else {
      // It did not fit any more: it is the first of the next one.
      ready.unshift(chain)
      break
    }
  }
  return { puts, chains }
}

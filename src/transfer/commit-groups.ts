import { COMMIT_OPERATIONS } from '../../model/document.ts'
import type { GuardedPut, OpenBatch } from './difference.ts'

/** Commits in flight at once; more would only wait for one another. */
const MAX_CONCURRENT_COMMITS = 4
/** The size of a commit, in bytes, that no further batch may exceed; a single batch may. */
const MAX_COMMIT_BYTES = 1_000_000
/** One operation of every commit is a guard. */
const MAX_COMMIT_PUTS = COMMIT_OPERATIONS - 1

/**
 * Commits the batches of all groups, those of one group in their order, as many at once as a commit holds.
 * Resolves when all are committed.
 * @throws the error of the first commit that failed, once no other commit is in flight.
 */
export async function commitGroups(
  groups: readonly (readonly OpenBatch[])[],
  commit: (puts: readonly GuardedPut[]) => Promise<void>,
): Promise<void> {
  const ready = groups.map(batches => ({ batches, at: 0 }))
  const inFlight = new Set<Promise<void>>()
  let failed: { readonly error: unknown } | undefined
  for (;;) {
    while (!failed && inFlight.size < MAX_CONCURRENT_COMMITS && ready.length > 0) {
      const { puts, groups: busy } = packCommit(ready)
      const run = commit(puts)
        .then(
          () => {
            for (const group of busy) if (group.at < group.batches.length) ready.push(group)
          },
          error => {
            failed ??= { error }
          },
        )
        .finally(() => inFlight.delete(run))
      inFlight.add(run)
    }
    if (inFlight.size === 0) break
    await Promise.race(inFlight)
  }
  if (failed) throw failed.error
}

interface GroupProgress {
  readonly batches: readonly OpenBatch[]
  /** The index of the next batch. */
  at: number
}

/** Packs one commit with batches of as many groups as fit; these groups are busy until it is done. */
function packCommit(ready: GroupProgress[]): {
  readonly puts: readonly GuardedPut[]
  readonly groups: readonly GroupProgress[]
} {
  const puts: GuardedPut[] = []
  const groups: GroupProgress[] = []
  let bytes = 0
  while (ready.length > 0 && puts.length < MAX_COMMIT_PUTS && bytes < MAX_COMMIT_BYTES) {
    const group = ready.shift()
    if (!group) break
    let packed = 0
    for (
      let batch = group.batches[group.at];
      batch && !(packed > 0 && batch.isLater);
      batch = group.batches[group.at]
    ) {
      const added = batch.puts.reduce((sum, { key, text }) => sum + key.length + Buffer.byteLength(text), 0)
      const isTooMuch = puts.length + batch.puts.length > MAX_COMMIT_PUTS || bytes + added > MAX_COMMIT_BYTES
      if (puts.length > 0 && isTooMuch) break
      puts.push(...batch.puts)
      bytes += added
      group.at++
      packed++
    }
    if (packed > 0) groups.push(group)
    else {
      // It did not fit, so it is the first of the next commit.
      ready.unshift(group)
      break
    }
  }
  return { puts, groups }
}

import type { Entry, Revision } from '../../model/document.ts'
import type { Key } from '../../model/key.ts'
import type { Chain, Put, Step } from './chains.ts'
import { kindOf } from './moved.ts'

/** A put, and what its key must hold: nothing, or what it held when it was compared. */
export interface GuardedPut extends Put {
  readonly expected: 'absent' | Revision
}

/** A step that is still to be taken. */
export interface OpenStep {
  readonly puts: readonly GuardedPut[]
  readonly later: boolean
}

/** What a store lacks of what it should hold, and what it holds besides. */
export interface StoreDifference {
  /** What is left of each chain, of those that are not complete. */
  readonly open: readonly (readonly OpenStep[])[]
  /** How many entries are as they should be. */
  readonly same: number
  /** Entries with another text, or in another order. */
  readonly differing: readonly Entry[]
  /** Entries of which there should be none. */
  readonly extra: readonly Entry[]
  /** Those of the differing that must go before they are put, for only then they get their place. */
  readonly misplaced: readonly Entry[]
}

/** Compares what a store holds, by key, with the chains that it should hold. */
export function differenceOf(chains: readonly Chain[], held: ReadonlyMap<Key, Entry>): StoreDifference {
  const open: (readonly OpenStep[])[] = []
  const differing: Entry[] = []
  const misplaced: Entry[] = []
  const known = new Set<Key>()
  let same = 0
  for (const chain of chains) {
    const left: OpenStep[] = []
    let before: Entry | undefined
    for (const { puts, later } of chain.steps) {
      for (const { key } of puts) known.add(key)
      const found = puts.flatMap(({ key }) => held.get(key) ?? [])
      const [first] = found
      // What is to be put before it gets a later revision than it has.
      const isBehind = left.length > 0 && (chain.order !== undefined || later)
      const placed = !isBehind && isPlaced(chain, found, before, later)
      if (placed && isHeld(puts, held)) {
        same += puts.length
        before = first ?? before
        continue
      }
      differing.push(...found)
      // A box keeps the place of its creation for as long as it is there.
      const recreated = chain.order === 'createRevision' && !placed ? found : []
      misplaced.push(...recreated)
      left.push({
        puts: puts.map(put => guard(put, recreated.length > 0 ? undefined : held.get(put.key))),
        later,
      })
    }
    if (left.length > 0) open.push(left)
  }
  const extra = [...held.values()].filter(({ key }) => !known.has(key))
  return { open, same, differing, extra, misplaced }
}

/** True when nothing is missing, nothing is different and nothing is there besides. */
export function isEqual({ open, extra }: StoreDifference): boolean {
  return open.length === 0 && extra.length === 0
}

function guard(put: Put, entry: Entry | undefined): GuardedPut {
  return { ...put, expected: entry?.modRevision ?? 'absent' }
}

function isHeld(puts: Step['puts'], held: ReadonlyMap<Key, Entry>): boolean {
  return puts.every(({ key, text }) => held.get(key)?.text === text)
}

/**
 * True when what was found stands where the order of revisions has to have it; also when nothing was found.
 */
function isPlaced(
  { order }: Chain,
  found: readonly Entry[],
  before: Entry | undefined,
  later: boolean,
): boolean {
  const [first, second] = found
  if (!first) return true
  if (second) return first.modRevision === second.modRevision
  if (!before) return true
  if (order === undefined) return !later || first.modRevision > before.modRevision
  return first[order] > before[order] || (first[order] === before[order] && first.key > before.key)
}

/** How many of these entries there are of each kind. */
export function countKinds(keys: Iterable<Key>): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const key of keys) counts[kindOf(key)] = (counts[kindOf(key)] ?? 0) + 1
  return counts
}

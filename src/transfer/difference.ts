import type { Entry, Revision } from '../../model/document.ts'
import type { Key } from '../../model/key.ts'
import type { BatchGroup, Put, PutBatch } from './batch-groups.ts'
import { kindOf } from './transferred-content.ts'

/** A put with its guard: the key must be absent, or still have the revision that was compared. */
export interface GuardedPut extends Put {
  readonly expected: 'absent' | Revision
}

/** A batch that is not committed yet. */
export interface OpenBatch {
  readonly puts: readonly GuardedPut[]
  readonly isLater: boolean
}

/** The entries that a store lacks, and those that it has in addition. */
export interface StoreDifference {
  /** The batches of each incomplete group that are still to be committed. */
  readonly open: readonly (readonly OpenBatch[])[]
  /** The number of entries that are equal. */
  readonly same: number
  /** Entries with another text, or in another order. */
  readonly differing: readonly Entry[]
  /** Entries that should not exist. */
  readonly extra: readonly Entry[]
  /**
   * Those of `differing` that must be removed before they are put, because only then they get their place.
   */
  readonly misplaced: readonly Entry[]
}

/** Compares the entries of a store, by key, with the groups that it should hold. */
export function differenceOf(groups: readonly BatchGroup[], held: ReadonlyMap<Key, Entry>): StoreDifference {
  const open: (readonly OpenBatch[])[] = []
  const differing: Entry[] = []
  const misplaced: Entry[] = []
  const known = new Set<Key>()
  let same = 0
  for (const group of groups) {
    const left: OpenBatch[] = []
    let before: Entry | undefined
    for (const { puts, isLater } of group.batches) {
      for (const { key } of puts) known.add(key)
      const found = puts.flatMap(({ key }) => held.get(key) ?? [])
      const [first] = found
      // A batch that is put before it gets a later revision than this one has.
      const isBehind = left.length > 0 && (group.order !== undefined || isLater)
      const placed = !isBehind && isPlaced(group, found, before, isLater)
      if (placed && isHeld(puts, held)) {
        same += puts.length
        before = first ?? before
        continue
      }
      differing.push(...found)
      // A box keeps the place of its creation for as long as it exists.
      const recreated = group.order === 'createRevision' && !placed ? found : []
      misplaced.push(...recreated)
      left.push({
        puts: puts.map(put => guard(put, recreated.length > 0 ? undefined : held.get(put.key))),
        isLater,
      })
    }
    if (left.length > 0) open.push(left)
  }
  const extra = [...held.values()].filter(({ key }) => !known.has(key))
  return { open, same, differing, extra, misplaced }
}

/** True when no entry is missing, different or additional. */
export function isEqual({ open, extra }: StoreDifference): boolean {
  return open.length === 0 && extra.length === 0
}

function guard(put: Put, entry: Entry | undefined): GuardedPut {
  return { ...put, expected: entry?.modRevision ?? 'absent' }
}

function isHeld(puts: PutBatch['puts'], held: ReadonlyMap<Key, Entry>): boolean {
  return puts.every(({ key, text }) => held.get(key)?.text === text)
}

/** True when the entries found are where the order of revisions requires them; also when none was found. */
function isPlaced(
  { order }: BatchGroup,
  found: readonly Entry[],
  before: Entry | undefined,
  isLater: boolean,
): boolean {
  const [first, second] = found
  if (!first) return true
  if (second) return first.modRevision === second.modRevision
  if (!before) return true
  if (order === undefined) return !isLater || first.modRevision > before.modRevision
  return first[order] > before[order] || (first[order] === before[order] && first.key > before.key)
}

/** The number of these keys of each kind. */
export function countKinds(keys: Iterable<Key>): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const key of keys) counts[kindOf(key)] = (counts[kindOf(key)] ?? 0) + 1
  return counts
}

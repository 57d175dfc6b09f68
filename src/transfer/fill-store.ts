import type { Backend, Operation } from '../../backends/backend.ts'
import { COMMIT_OPERATIONS, type Entry } from '../../model/document.ts'
import { EVERYTHING, type Key } from '../../model/key.ts'
import { ownAmong } from '../../model/overlap.ts'
import { isTokenKey } from '../../model/token-key.ts'
import { META_KEY } from '../watcher/epoch.ts'
import { chainsOf } from './chains.ts'
import { differenceOf, isEqual, type StoreDifference } from './difference.ts'
import { dispatch } from './dispatch.ts'
import { beginFilling, type Filling, readBefore } from './filling.ts'
import { carriedText, isMoved } from './moved.ts'
import { type Oversized, refuseLarge, refuseOthers, refuseUnequal } from './refusals.ts'
import { readAll, type StoreSnapshot } from './store-snapshot.ts'

export interface FillOptions {
  /** Replaces what the target holds otherwise, and removes what it holds besides. */
  readonly overwrite: boolean
  /** Leaves out boxes that do not fit, instead of refusing. */
  readonly skipOversized: boolean
  /** Leaves the tokens of the target as they are, instead of taking those of the source. */
  readonly keepTokens: boolean
  readonly dryRun: boolean
  /** Called as it goes on. */
  readonly progress?: (done: number, all: number, bytes: number) => void
}

/** What was done, or, in a dry run, would be. */
export interface FillReport {
  /** How many entries were to be there in the end. */
  readonly entries: number
  readonly written: number
  /** Those that were there before, as they should be. */
  readonly same: number
  readonly replaced: number
  readonly removed: number
  readonly skipped: readonly Oversized[]
  /** The epoch that the target has now; undefined in a dry run. */
  readonly epoch: number | undefined
}

/**
 * Makes a store hold what a picture shows: texts, the order of boxes, of schemas and of history, and which
 * documents are recorded. It may be ended at any point and run again, and goes on then. Resolves when the
 * whole target was read and compared.
 * @throws SettingsError DOCUMENT_TOO_LARGE, DOCUMENT_EXISTS before anything is written; CONTENTION when
 * somebody else writes there too; what the store throws.
 */
export async function fillStore(
  backend: Backend,
  picture: StoreSnapshot,
  options: FillOptions,
): Promise<FillReport> {
  const held = await readAll(await backend.list(EVERYTHING))
  const { report, compare, before, difference } = planFilling(
    backend.supports.entryBytes,
    held,
    picture,
    options,
  )
  if (options.dryRun) return report
  if (isEqual(difference) && before.meta && before.unfinished === undefined)
    return { ...report, epoch: before.epoch }
  const filling = await beginFilling(backend, before, picture)
  await removeAll(filling, [...difference.extra, ...difference.misplaced])
  await putAll(filling, difference, report.written, options)
  refuseUnequal(compare(await readAll(await backend.list(EVERYTHING))))
  return { ...report, epoch: await filling.finish() }
}

/**
 * What filling a store that holds these entries, of `most` bytes each, would do.
 * @throws as {@link fillStore}, before anything is written.
 */
export function planFilling(
  most: number,
  held: readonly Entry[],
  picture: StoreSnapshot,
  options: FillOptions,
) {
  const isMeant = (key: Key): boolean => isMoved(key) && !(options.keepTokens && isTokenKey(key))
  const meant = ownAmong(picture.entries).filter(({ key }) => isMeant(key))
  const skipped = findLarge(meant, most)
  refuseLarge(skipped, most, options.skipOversized)
  const left = new Set(skipped.map(({ key }) => key))
  const chains = chainsOf(meant.filter(({ key }) => !left.has(key)))
  const before = readBefore(held.find(({ key }) => key === META_KEY))
  const compare = (entries: readonly Entry[]): StoreDifference =>
    differenceOf(chains, new Map(entries.filter(({ key }) => isMeant(key)).map(entry => [entry.key, entry])))
  const difference = compare(held)
  if (!options.overwrite) refuseOthers(difference, before, picture)
  const { differing, extra, same, open } = difference
  const written = open.flat().reduce((sum, { puts }) => sum + puts.length, 0)
  const counts = { entries: same + written, written, same, replaced: differing.length, removed: extra.length }
  const report: FillReport = { ...counts, skipped, epoch: undefined }
  return { report, compare, before, difference }
}

async function removeAll(filling: Filling, entries: readonly Entry[]): Promise<void> {
  for (let at = 0; at < entries.length; at += COMMIT_OPERATIONS - 1) {
    const some = entries.slice(at, at + COMMIT_OPERATIONS - 1)
    await filling.commit(
      some.map(({ key, modRevision: revision }): Operation => ({ key, delete: true, expected: revision })),
    )
  }
}

async function putAll(
  filling: Filling,
  { open }: StoreDifference,
  all: number,
  { progress }: FillOptions,
): Promise<void> {
  let done = 0
  let bytes = 0
  progress?.(done, all, bytes)
  await dispatch(open, async puts => {
    // Only another filling removes what this one put, and that one takes `meta/store` over first, which
    // guards every commit of this one.
    await filling.commit(
      puts.map(({ key, text, expected }): Operation => ({ key, put: text, expected, lasting: true })),
    )
    done += puts.length
    bytes += puts.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0)
    progress?.(done, all, bytes)
  })
}

function findLarge(entries: readonly Entry[], most: number): Oversized[] {
  return entries
    .map(entry => ({ key: entry.key, bytes: Buffer.byteLength(carriedText(entry)) }))
    .filter(({ bytes }) => bytes > most)
}

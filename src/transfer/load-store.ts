import type { Backend, Operation } from '../../backends/backend.ts'
import { COMMIT_OPERATIONS, type Entry } from '../../model/document.ts'
import { EVERYTHING, isTokenKey, type Key } from '../../model/key.ts'
import { ownAmong } from '../../model/overlap.ts'
import { META_KEY } from '../watcher/epoch.ts'
import { parseArmedKey } from '../watcher/pending/stored-pending.ts'
import { batchGroupsOf } from './batch-groups.ts'
import { commitGroups } from './commit-groups.ts'
import { differenceOf, isEqual, type StoreDifference } from './difference.ts'
import { type OversizedEntry, refuseOtherContent, refuseOversized, refuseUnequal } from './refusals.ts'
import { beginLoad, readTargetState, type StoreLoad } from './store-load.ts'
import { readAll, type StoreSnapshot } from './store-snapshot.ts'
import { isTransferred, transferredText } from './transferred-content.ts'

export interface LoadOptions {
  /** Replaces entries that differ in the target, and removes those that only the target has. */
  readonly overwrite: boolean
  /** Skips boxes that are too large for the target, instead of refusing the load. */
  readonly skipOversized: boolean
  /** Keeps the tokens of the target instead of those of the source. */
  readonly keepTokens: boolean
  readonly dryRun: boolean
  /** Called after each commit. */
  readonly progress?: (done: number, all: number, bytes: number) => void
}

/** The result of a load, or, in a dry run, of one that would be made. */
export interface LoadReport {
  /** The number of entries that the target holds in the end. */
  readonly entries: number
  readonly written: number
  /** The number of entries that were equal before. */
  readonly same: number
  readonly replaced: number
  readonly removed: number
  readonly skipped: readonly OversizedEntry[]
  /** The epoch that the target has now; undefined in a dry run. */
  readonly epoch: number | undefined
}

/**
 * Makes a store equal to a snapshot: texts, the order of boxes, of schemas and of history, and which
 * documents are recorded. A load that was interrupted at any point resumes when it is run again. Resolves
 * when the whole target was read again and compared.
 * @throws SettingsError DOCUMENT_TOO_LARGE, DOCUMENT_EXISTS before anything is written; CONTENTION when
 * another process writes there too; errors of the store.
 */
export async function loadStore(
  backend: Backend,
  snapshot: StoreSnapshot,
  options: LoadOptions,
): Promise<LoadReport> {
  const plan = async () =>
    planLoad(backend.supports.entryBytes, await readAll(await backend.list(EVERYTHING)), snapshot, options)
  const first = await plan()
  const { state, compare } = first
  if (options.dryRun) return first.report
  if (isEqual(first.difference) && state.meta && state.unfinished === undefined)
    return { ...first.report, epoch: state.epoch }
  const load = await beginLoad(backend, state, snapshot)
  // A service may have written until the mark, such as the record of a manual edit, which is replaced too.
  const { report, difference, times } = options.overwrite ? await plan() : first
  await removeTimes(load, times)
  await removeAll(load, [...difference.extra, ...difference.misplaced])
  await putAll(load, difference, report.written, options)
  refuseUnequal(compare(await readAll(await backend.list(EVERYTHING))))
  return { ...report, epoch: await load.finish() }
}

/**
 * Plans the load of a store that holds these entries and allows `entryBytes` bytes each.
 * @throws as {@link loadStore}, before anything is written.
 */
export function planLoad(
  entryBytes: number,
  held: readonly Entry[],
  snapshot: StoreSnapshot,
  options: LoadOptions,
) {
  const isContent = (key: Key): boolean => isTransferred(key) && !(options.keepTokens && isTokenKey(key))
  const content = ownAmong(snapshot.entries).filter(({ key }) => isContent(key))
  const skipped = findOversized(content, entryBytes)
  refuseOversized(skipped, entryBytes, options.skipOversized)
  const skippedKeys = new Set(skipped.map(({ key }) => key))
  const groups = batchGroupsOf(content.filter(({ key }) => !skippedKeys.has(key)))
  const state = readTargetState(held.find(({ key }) => key === META_KEY))
  const compare = (entries: readonly Entry[]): StoreDifference =>
    differenceOf(
      groups,
      new Map(entries.filter(({ key }) => isContent(key)).map(entry => [entry.key, entry])),
    )
  const difference = compare(held)
  if (!options.overwrite) refuseOtherContent(difference, state, snapshot)
  const { differing, extra, same, open } = difference
  const written = open.flat().reduce((sum, { puts }) => sum + puts.length, 0)
  const counts = { entries: same + written, written, same, replaced: differing.length, removed: extra.length }
  const report: LoadReport = { ...counts, skipped, epoch: undefined }
  return { report, compare, state, difference, times: held.filter(({ key }) => parseArmedKey(key)) }
}

/**
 * Removes the times of changes that waited in the target: they would be those of the loaded changes of the
 * same documents. The store may remove one at any moment, so their revisions are no guard.
 */
async function removeTimes(load: StoreLoad, times: readonly Entry[]): Promise<void> {
  for (let at = 0; at < times.length; at += COMMIT_OPERATIONS - 1)
    await load.commit(
      times.slice(at, at + COMMIT_OPERATIONS - 1).map(({ key }): Operation => ({ key, delete: true })),
    )
}

async function removeAll(load: StoreLoad, entries: readonly Entry[]): Promise<void> {
  for (let at = 0; at < entries.length; at += COMMIT_OPERATIONS - 1) {
    const some = entries.slice(at, at + COMMIT_OPERATIONS - 1)
    await load.commit(
      some.map(({ key, modRevision: revision }): Operation => ({ key, delete: true, expected: revision })),
    )
  }
}

async function putAll(
  load: StoreLoad,
  { open }: StoreDifference,
  all: number,
  { progress }: LoadOptions,
): Promise<void> {
  let done = 0
  let bytes = 0
  progress?.(done, all, bytes)
  await commitGroups(open, async puts => {
    // Only another load removes what this one put, and that one takes over `meta/store` first, which guards
    // every commit of this one.
    await load.commit(
      puts.map(({ key, text, expected }): Operation => ({ key, put: text, expected, lasting: true })),
    )
    done += puts.length
    bytes += puts.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0)
    progress?.(done, all, bytes)
  })
}

function findOversized(entries: readonly Entry[], entryBytes: number): OversizedEntry[] {
  return entries
    .map(entry => ({ key: entry.key, bytes: Buffer.byteLength(transferredText(entry)) }))
    .filter(({ bytes }) => bytes > entryBytes)
}

import type { Backend, Batch, Change } from '../../backends/backend.ts'
import { joinSignals } from '../../backends/joint-signal.ts'
import type { Entry, Revision } from '../../model/document.ts'
import { isSettingsError, SettingsError } from '../../model/errors.ts'
import type { Key } from '../../model/key.ts'
import { markOf } from './store-index.ts'

/** A batch that was delivered, recognized by the entries it put. */
export interface ResumePoint {
  readonly revision: Revision
  /** The mark of each text that was put, by key; empty for a batch of deletions only. */
  readonly puts: ReadonlyMap<Key, string>
  /** True when these are all puts of the batch; a listing lacks those that were overwritten since. */
  readonly whole: boolean
  /** The put that identifies the store best. */
  readonly witness: Entry | undefined
  /** True when no other commit contains this batch, as far as its texts show. */
  readonly isUnique: boolean
}

/** The point of a batch, by its puts because compaction may drop deletions; undefined for progress. */
export function resumePointOf({ revision, changes }: Batch): ResumePoint | undefined {
  return changes.length === 0 ? undefined : createResumePoint(revision, putsOf(changes), true)
}

/** The point of a revision that put these entries, and no others when `whole`. */
export function createResumePoint(
  revision: Revision,
  entries: readonly Entry[],
  whole: boolean,
  isUnique: (entry: Entry) => boolean = isUniqueEntry,
): ResumePoint {
  const uniqueness = (entry: Entry) => (isUnique(entry) ? (entry.key.startsWith('history/') ? 2 : 1) : 0)
  const witness = entries.reduce<Entry | undefined>(
    (best, one) => (best && uniqueness(one) <= uniqueness(best) ? best : one),
    undefined,
  )
  return {
    revision,
    puts: new Map(entries.map(({ key, text }) => [key, markOf(text)])),
    whole,
    witness,
    isUnique: entries.some(isUnique),
  }
}

/** True for a text that one commit has and no other: a record or a box with its `write_id`. */
export function isUniqueEntry({ key, text }: Entry): boolean {
  return (key.startsWith('history/') || key.startsWith('boxes/')) && text.includes('"write_id":"')
}

/**
 * True when the store has another batch than that of a point at its revision, apart from some keys. False
 * also when the store no longer keeps that revision, or shows nothing within `confirmation` milliseconds,
 * which proves nothing.
 * @throws the errors of the backend.
 */
export async function isOverwritten(
  point: ResumePoint,
  except: ReadonlySet<Key>,
  {
    backend,
    signal,
    confirmation,
  }: { readonly backend: Backend; readonly signal: AbortSignal; readonly confirmation: number },
): Promise<boolean> {
  const late = new AbortController()
  const end = joinSignals(signal, late.signal)
  const timer = setTimeout(() => late.abort(), confirmation)
  try {
    for await (const batch of backend.watch(point.revision - 1n, end.signal))
      if (batch.changes.length > 0) return !isShownExcept(batch, point, except)
    return false
  } catch (error) {
    if (isSettingsError(error, 'HISTORY_LOST')) return !isCompacted(error)
    throw error
  } finally {
    clearTimeout(timer)
    late.abort()
    end.release()
  }
}

/** True for history that was lost to compaction, which does not show that the store is another one. */
export function isCompacted(error: unknown): boolean {
  return isSettingsError(error, 'HISTORY_LOST') && (error.details.reason ?? 'compacted') === 'compacted'
}

/** True when a batch shows a point again, whatever it has at these keys. */
function isShownExcept(batch: Batch, point: ResumePoint, except: ReadonlySet<Key>): boolean {
  const puts = new Map([...point.puts].filter(([key]) => !except.has(key)))
  const changes = batch.changes.filter(change => change.type === 'delete' || !except.has(change.entry.key))
  return shows({ ...batch, changes }, { ...point, puts })
}

/** True when a batch shows a point again. */
export function shows(batch: Batch, { revision, puts, whole }: ResumePoint): boolean {
  const found = new Map(putsOf(batch.changes).map(({ key, text }) => [key, markOf(text)]))
  return (
    batch.revision === revision &&
    (!whole || found.size === puts.size) &&
    [...puts].every(([key, mark]) => found.get(key) === mark)
  )
}

export function putsOf(changes: readonly Change[]): Entry[] {
  return changes.flatMap(change => (change.type === 'put' ? [change.entry] : []))
}

/** The error of a store that does not show an announced revision again. */
export function differs(revision: Revision, reason: 'rewound' | 'unconfirmed'): SettingsError {
  return new SettingsError(
    'HISTORY_LOST',
    `The store no longer contains commit ${revision}, which this controller has already announced.`,
    {
      details: { reason },
    },
  )
}

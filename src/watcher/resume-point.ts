import type { Backend, Batch, Change } from '../../backends/backend.ts'
import { joinSignals } from '../../backends/joint-signal.ts'
import type { Entry, Revision } from '../../model/document.ts'
import { isSettingsError, SettingsError } from '../../model/errors.ts'
import type { Key } from '../../model/key.ts'
import { markOf } from './store-index.ts'

/**
 * The last batch that was delivered, recognized by the entries it put. A store that does not show it again is
 * another one.
 */
export interface ResumePoint {
  readonly revision: Revision
  /** The mark of each text that was put, by key; empty for a batch of deletions only. */
  readonly puts: ReadonlyMap<Key, string>
  /** True when these are all puts of the batch; a listing lacks those that were overwritten since. */
  readonly whole: boolean
  /** The put that identifies the store best. */
  readonly witness: Entry | undefined
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
): ResumePoint {
  const witness = entries.reduce<Entry | undefined>(
    (best, one) => (best && uniqueness(one.key) <= uniqueness(best.key) ? best : one),
    undefined,
  )
  return { revision, puts: new Map(entries.map(({ key, text }) => [key, markOf(text)])), whole, witness }
}

/** How well a key identifies a store: a history record contains a `write_id` that no other commit has. */
function uniqueness(key: Key): number {
  if (key.startsWith('history/')) return 2
  return key.startsWith('boxes/') ? 1 : 0
}

/** Checks the beginning of a resumed watch: no batch may be delivered before the resume point came again. */
export class ResumeCheck {
  readonly #point: ResumePoint | undefined
  #confirmed: boolean

  constructor(point: ResumePoint | undefined) {
    this.#point = point
    this.#confirmed = point === undefined
  }

  get confirmed(): boolean {
    return this.#confirmed
  }

  /**
   * Checks a batch of the watch. Progress proves nothing, because there are servers whose progress precedes
   * their events, and members that lag behind.
   * @throws SettingsError HISTORY_LOST, with the reason `rewound` when the store certainly has another
   * history than the announced one, else `unconfirmed`.
   */
  see(batch: Batch): void {
    if (this.#confirmed || !this.#point || batch.changes.length === 0) return
    if (shows(batch, this.#point)) this.#confirmed = true
    // Compaction may drop a deletion although no history is lost.
    else throw differs(this.#point, this.#point.puts.size === 0 ? 'unconfirmed' : 'rewound')
  }

  /**
   * Ends the wait for the resume point.
   * @throws SettingsError HISTORY_LOST, reason `unconfirmed`, when it did not come.
   */
  conclude(): void {
    if (!this.#confirmed && this.#point) throw differs(this.#point, 'unconfirmed')
  }
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

function shows(batch: Batch, { revision, puts, whole }: ResumePoint): boolean {
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

function differs({ revision }: ResumePoint, reason: 'rewound' | 'unconfirmed'): SettingsError {
  return new SettingsError(
    'HISTORY_LOST',
    `The store no longer contains commit ${revision}, which this controller has already announced.`,
    {
      details: { reason },
    },
  )
}

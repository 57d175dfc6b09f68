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
  /** True when no other store contains this batch, as far as its texts show: one of them has a `write_id`. */
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
): ResumePoint {
  const witness = entries.reduce<Entry | undefined>(
    (best, one) => (best && uniqueness(one) <= uniqueness(best) ? best : one),
    undefined,
  )
  return {
    revision,
    puts: new Map(entries.map(({ key, text }) => [key, markOf(text)])),
    whole,
    witness,
    isUnique: witness !== undefined && uniqueness(witness) > 0,
  }
}

/** How well an entry identifies a store: the `write_id` of a record or a box is that of one commit. */
function uniqueness({ key, text }: Entry): number {
  if (!text.includes('"write_id":"')) return 0
  if (key.startsWith('history/')) return 2
  return key.startsWith('boxes/') ? 1 : 0
}

/** The store as a listing showed it, compared with the cache. */
export interface ListedStore {
  /** The difference; its revision is that of the listing. */
  readonly batch: Batch
  /** True when the cache contains an entry that this store never had. */
  readonly rewound: boolean
}

/**
 * Checks the beginning of a resumed watch.
 *
 * Invariant: no batch may be delivered before the resume point came again. A point that another store may
 * contain too confirms nothing by itself: the store is then listed. What the cache has and the listing lacks
 * has to be deleted by the batches up to the revision of the listing.
 */
export class ResumeCheck {
  readonly #point: ResumePoint | undefined
  #confirmed: boolean
  /** True when the point needs no listing: the store was listed just now. */
  readonly #isListed: boolean
  #isDoubtful = false
  /** The keys that the watch has to delete up to a revision. */
  #awaited: { readonly keys: Set<Key>; readonly until: Revision } | undefined

  constructor(point: ResumePoint | undefined, isListed = false) {
    this.#point = point
    this.#confirmed = point === undefined
    this.#isListed = isListed
  }

  /** True when batches may be delivered. */
  get confirmed(): boolean {
    return this.#confirmed
  }

  /** True when the point came again, but only a listing can confirm it: see {@link compare}. */
  get isDoubtful(): boolean {
    return this.#isDoubtful
  }

  /** True when nothing is expected of the watch any more. */
  get settled(): boolean {
    return this.#confirmed && !this.#awaited
  }

  /** True when a batch shows that the watch has, or should have, delivered all that is expected of it. */
  isDue({ revision }: Batch): boolean {
    return !this.#confirmed || (this.#awaited !== undefined && revision >= this.#awaited.until)
  }

  /**
   * Checks a batch of the watch. Progress proves nothing, because there are servers whose progress precedes
   * their events, and members that lag behind.
   * @throws SettingsError HISTORY_LOST, with the reason `rewound` when the store certainly has another
   * history than the announced one, else `unconfirmed`.
   */
  see(batch: Batch): void {
    if (!this.#point || batch.changes.length === 0) return
    if (this.#confirmed) this.#awaitDeletions(batch, this.#point)
    else if (shows(batch, this.#point)) {
      this.#isDoubtful = !this.#point.isUnique && !this.#isListed
      this.#confirmed = !this.#isDoubtful
    }
    // Compaction may drop a deletion although no history is lost.
    else throw differs(this.#point, this.#point.puts.size === 0 ? 'unconfirmed' : 'rewound')
  }

  /**
   * Decides on a doubtful point by a listing of the store that was requested after the point came again.
   * @throws SettingsError HISTORY_LOST, reason `rewound`.
   */
  compare({ batch: { revision, changes }, rewound }: ListedStore, cached: Revision): void {
    if (!this.#point) return
    const keys = new Set(changes.flatMap(change => (change.type === 'delete' ? [change.key] : [])))
    if (rewound || (keys.size > 0 && revision <= cached)) throw differs(this.#point, 'rewound')
    this.#isDoubtful = false
    this.#confirmed = true
    if (keys.size > 0) this.#awaited = { keys, until: revision }
  }

  /**
   * Ends the wait for the resume point, or for the deletions after it.
   * @throws SettingsError HISTORY_LOST when they did not come: `unconfirmed` without the point, `rewound`
   * without the deletions.
   */
  conclude(): void {
    if (this.#point && !this.settled) throw differs(this.#point, this.#confirmed ? 'rewound' : 'unconfirmed')
  }

  #awaitDeletions({ revision, changes }: Batch, point: ResumePoint): void {
    if (!this.#awaited) return
    const { keys, until } = this.#awaited
    if (revision > until) throw differs(point, 'rewound')
    for (const change of changes) if (change.type === 'delete') keys.delete(change.key)
    if (keys.size === 0) this.#awaited = undefined
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

import type { Batch, Change } from '../../backends/backend.ts'
import type { Entry, Revision } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import type { Key } from '../../model/key.ts'
import { markOf } from './store-index.ts'

/**
 * The last batch that was delivered, known again by what it put. A store that does not show it again is
 * another one.
 */
export interface ResumePoint {
  readonly revision: Revision
  /** The texts that were put, by key, each as its mark; none when the batch was deletions only. */
  readonly puts: ReadonlyMap<Key, string>
  /** These are all the puts there were; a listing shows only those that nobody overtook. */
  readonly whole: boolean
  /** The put that tells the store best. */
  readonly witness: Entry | undefined
}

/** A batch by its puts, for compaction may drop deletions; undefined for progress. */
export function resumePointOf({ revision, changes }: Batch): ResumePoint | undefined {
  return changes.length === 0 ? undefined : createResumePoint(revision, putsOf(changes), true)
}

/** The anchor of a revision that made these entries, and no other when `whole`. */
export function createResumePoint(
  revision: Revision,
  entries: readonly Entry[],
  whole: boolean,
): ResumePoint {
  const witness = entries.reduce<Entry | undefined>(
    (best, one) => (best && !tellsMore(one, best) ? best : one),
    undefined,
  )
  return { revision, puts: new Map(entries.map(({ key, text }) => [key, markOf(text)])), whole, witness }
}

/**
 * True when an entry tells a store better from another one: it holds the `write_id` that no other commit has.
 */
function tellsMore(one: Entry, other: Entry): boolean {
  return uniqueness(one.key) > uniqueness(other.key)
}

function uniqueness(key: Key): number {
  if (key.startsWith('history/')) return 2
  return key.startsWith('boxes/') ? 1 : 0
}

/** Stands at the beginning of a resumed watch and lets nothing pass before the anchor has come again. */
export class ResumeCheck {
  readonly #anchor: ResumePoint | undefined
  #confirmed: boolean

  constructor(anchor: ResumePoint | undefined) {
    this.#anchor = anchor
    this.#confirmed = anchor === undefined
  }

  get confirmed(): boolean {
    return this.#confirmed
  }

  /**
   * Looks at a batch of the watch. Progress says nothing here: servers exist whose progress runs ahead of
   * their events, and members that lag behind.
   * @throws SettingsError HISTORY_LOST, with the reason `rewound` when the store surely has another history
   * than the one announced, else `unconfirmed`.
   */
  see(batch: Batch): void {
    if (this.#confirmed || !this.#anchor || batch.changes.length === 0) return
    if (shows(batch, this.#anchor)) this.#confirmed = true
    // A deletion may have been compacted away without anything being lost.
    else throw differs(this.#anchor, this.#anchor.puts.size === 0 ? 'unconfirmed' : 'rewound')
  }

  /**
   * @throws SettingsError HISTORY_LOST, reason `unconfirmed`, when the anchor did not come and nobody may
   * wait any longer.
   */
  conclude(): void {
    if (!this.#confirmed && this.#anchor) throw differs(this.#anchor, 'unconfirmed')
  }
}

function shows(batch: Batch, { revision, puts, whole }: ResumePoint): boolean {
  const found = new Map(putsOf(batch.changes).map(({ key, text }) => [key, markOf(text)]))
  return (
    batch.revision === revision &&
    (!whole || found.size === puts.size) &&
    [...puts].every(([key, mark]) => found.get(key) === mark)
  )
}

function putsOf(changes: readonly Change[]): Entry[] {
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

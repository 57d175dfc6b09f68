import type { Batch } from '../../backends/backend.ts'
import type { Revision } from '../../model/document.ts'
import type { Key } from '../../model/key.ts'
import { differs, putsOf, type ResumePoint, resumePointOf, shows } from './resume-point.ts'
import { keyOf, markOf } from './store-index.ts'

/** The most batches after the base of a trail, and the most characters of their texts. */
export const MAX_STEPS = 256
export const MAX_STEP_CHARACTERS = 1024 * 1024

/** A batch after the base of a trail. */
interface Step {
  readonly revision: Revision
  /** Identifies everything that the batch puts and deletes. */
  readonly mark: string
}

/** The entries of a listing from the base of a trail on, and the revision of the listing. */
export interface ListedEntries {
  readonly until: Revision
  readonly entries: ReadonlyMap<Key, { readonly revision: Revision; readonly mark: string }>
}

/**
 * The last delivered batches of a store, by which a later watch recognizes it.
 *
 * Invariants:
 *  1. The trail begins at its base, the newest batch with a text that no other commit contains, and has every
 *     batch after it. Another store shows all of them again only if it has the same history up to there.
 *  2. A watch resumes before the base, and every batch of the trail must come again, in order and with the
 *     same puts and deletions, before another one is delivered.
 *  3. The trail is bounded by {@link MAX_STEPS} and {@link MAX_STEP_CHARACTERS}, so that a resumed watch
 *     repeats no more. Beyond them it begins at its last batch. It is then not unique: what it recognizes has
 *     to be compared with the cache.
 *  4. After a listing it begins at the newest entries with such a text, within the same bounds. The first
 *     watch must show every entry that was listed after them, and adds the batches up to the listing.
 */
export class Trail {
  #base: ResumePoint
  #last: ResumePoint
  #steps: Step[] = []
  #characters = 0
  #isBroken = false
  #listed: ListedEntries | undefined
  /** The keys of listed entries that the watch has not shown yet. */
  readonly #awaited = new Set<Key>()

  constructor(base: ResumePoint, last: ResumePoint = base, listed?: ListedEntries) {
    this.#base = base
    this.#last = last
    this.#listed = listed
    for (const [key, { revision }] of listed?.entries ?? [])
      if (revision > base.revision) this.#awaited.add(key)
  }

  get base(): ResumePoint {
    return this.#base
  }

  /** The newest batch. */
  get last(): ResumePoint {
    return this.#last
  }

  get steps(): readonly Step[] {
    return this.#steps
  }

  /** True when no other store contains this trail, as far as its texts show. */
  get isUnique(): boolean {
    return this.#base.isUnique
  }

  /** True when the watch has shown every entry that was listed after the base. */
  get isComplete(): boolean {
    return this.#awaited.size === 0
  }

  /** Adds the next batch; progress adds nothing. */
  add(batch: Batch): void {
    const point = resumePointOf(batch)
    if (!point) return
    this.#last = point
    this.#steps.push({ revision: point.revision, mark: markOfBatch(batch, point) })
    for (const { text } of putsOf(batch.changes)) this.#characters += text.length
    const isLong = this.#steps.length > MAX_STEPS || this.#characters > MAX_STEP_CHARACTERS
    if (point.isUnique || isLong || this.#isBroken) this.#beginAt(point)
  }

  /** Begins at the newest batch. False when it does already. */
  shorten(): boolean {
    if (this.#base === this.#last) return false
    this.#beginAt(this.#last)
    this.#awaited.clear()
    return true
  }

  /** The batches before the next one are unknown: the trail begins with that one. */
  break(): void {
    this.#isBroken = true
    this.#awaited.clear()
  }

  /**
   * Compares a batch of the watch with the listing.
   * @throws SettingsError HISTORY_LOST, reason `rewound`, when it changes a listed entry, or comes after the
   * listing although a listed entry did not come.
   */
  seeListed({ revision, changes }: Batch): void {
    if (!this.#listed) return
    const { until, entries } = this.#listed
    if (revision > until && !this.isComplete) throw differs(this.#last.revision, 'rewound')
    if (revision > until) {
      this.#listed = undefined
      return
    }
    for (const change of changes) {
      const listed = entries.get(keyOf(change))
      if (!listed || listed.revision > revision) continue
      const isListed =
        change.type === 'put' && listed.revision === revision && listed.mark === markOf(change.entry.text)
      if (!isListed) throw differs(revision, 'rewound')
      this.#awaited.delete(change.entry.key)
    }
  }

  #beginAt(point: ResumePoint): void {
    this.#base = point
    this.#steps = []
    this.#characters = 0
    this.#isBroken = false
  }
}

/**
 * Checks the beginning of a resumed watch: no batch may be delivered before the whole trail came again.
 */
export class ResumeCheck {
  readonly #trail: Trail | undefined
  readonly #base: ResumePoint | undefined
  /** The steps when the watch was opened, because the trail grows with the watch. */
  readonly #steps: readonly Step[]
  /** The number of steps that came again; -1 before the base came. */
  #seen = -1

  constructor(trail: Trail | undefined) {
    this.#trail = trail
    this.#base = trail?.base
    this.#steps = trail ? [...trail.steps] : []
  }

  /** True when batches after the trail may be delivered. */
  get confirmed(): boolean {
    return !this.#trail || (this.#seen === this.#steps.length && this.#trail.isComplete)
  }

  /**
   * Checks a batch of the watch; true when it comes after the trail. Progress proves nothing, because there
   * are servers whose progress precedes their events, and members that lag behind.
   * @throws SettingsError HISTORY_LOST, with the reason `rewound` when the store certainly has another
   * history than the announced one, else `unconfirmed`.
   */
  see(batch: Batch): boolean {
    if (batch.changes.length === 0) return false
    if (!this.#trail || !this.#base) return true
    if (this.#seen < 0) {
      // Compaction may drop a deletion although no history is lost.
      if (!shows(batch, this.#base))
        throw differs(this.#base.revision, this.#base.puts.size === 0 ? 'unconfirmed' : 'rewound')
      this.#seen = 0
      return false
    }
    this.#trail.seeListed(batch)
    const step = this.#steps[this.#seen]
    if (!step) return true
    if (step.revision !== batch.revision || step.mark !== markOfBatch(batch))
      throw differs(step.revision, 'rewound')
    this.#seen++
    return false
  }

  /**
   * Ends the wait for the trail.
   * @throws SettingsError HISTORY_LOST, reason `unconfirmed`, when it did not come.
   */
  conclude(): void {
    if (this.#trail && !this.confirmed) throw differs(this.#trail.last.revision, 'unconfirmed')
  }
}

function markOfBatch(batch: Batch, point = resumePointOf(batch)): string {
  const lines = batch.changes.map(change =>
    change.type === 'put' ? `+${change.entry.key} ${point?.puts.get(change.entry.key)}` : `-${keyOf(change)}`,
  )
  return markOf(lines.join('\n'))
}

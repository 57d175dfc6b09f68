import type { Entry, Revision } from '../../model/document.ts'
import type { Key } from '../../model/key.ts'
import { createResumePoint, isUniqueEntry } from './resume-point.ts'
import { markOf } from './store-index.ts'
import { MAX_STEP_CHARACTERS, MAX_STEPS, Trail } from './trail.ts'

/** An entry with its mark in place of its text. */
interface Recent {
  readonly entry: Entry
  readonly characters: number
  readonly isUnique: boolean
}

/**
 * Finds the newest entries of a listing, in whatever order they are listed, and the trail that begins there.
 *
 * Invariant: it keeps marks and no texts, of at most twice {@link MAX_STEPS} revisions.
 */
export class RecentEntries {
  #byRevision = new Map<Revision, Recent[]>()
  /** Entries of this revision and below are not needed. */
  #floor: Revision = 0n

  add(entry: Entry): void {
    const { modRevision: revision, text } = entry
    if (revision <= this.#floor) return
    const recent = {
      entry: { ...entry, text: markOf(text) },
      characters: text.length,
      isUnique: isUniqueEntry(entry),
    }
    const known = this.#byRevision.get(revision)
    if (known) known.push(recent)
    else this.#byRevision.set(revision, [recent])
    if (this.#byRevision.size > 2 * MAX_STEPS) this.#drop()
  }

  /** The trail of a listing of this revision; undefined for an empty store. */
  trail(until: Revision): Trail | undefined {
    const revisions = this.#newestFirst()
    const [newest] = revisions
    if (newest === undefined) return undefined
    const last = this.#point(newest)
    let oldest = newest
    const listed = new Map<Key, { readonly revision: Revision; readonly mark: string }>()
    let characters = 0
    for (const revision of revisions.slice(0, MAX_STEPS)) {
      const entries = this.#byRevision.get(revision) ?? []
      for (const { entry } of entries) listed.set(entry.key, { revision, mark: entry.text })
      oldest = revision
      if (entries.some(({ isUnique }) => isUnique)) break
      for (const one of entries) characters += one.characters
      if (characters > MAX_STEP_CHARACTERS) break
    }
    const base = oldest === newest ? last : this.#point(oldest)
    return new Trail(base, last, { until, entries: listed })
  }

  #point(revision: Revision) {
    const recent = this.#byRevision.get(revision) ?? []
    const unique = new Set(recent.flatMap(({ entry, isUnique }) => (isUnique ? [entry.key] : [])))
    const entries = recent.map(({ entry }) => entry)
    return createResumePoint(revision, entries, false, ({ key }) => unique.has(key))
  }

  #newestFirst(): Revision[] {
    return [...this.#byRevision.keys()].sort((a, b) => (a > b ? -1 : a < b ? 1 : 0))
  }

  #drop(): void {
    const revisions = this.#newestFirst()
    this.#floor = revisions[MAX_STEPS] ?? 0n
    for (const revision of revisions.slice(MAX_STEPS)) this.#byRevision.delete(revision)
  }
}

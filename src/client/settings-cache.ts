import type { ValueChange } from '../../events/changes.ts'
import { differences } from '../../events/differences.ts'
import type { Unsubscribe } from '../../events/event.ts'
import { deepFreeze } from '../../events/freeze.ts'
import type { ServiceState } from '../../events/nouns.ts'
import { type Cursor, compareCursors, START } from '../../model/cursor.ts'
import { equalJson, type Json, type JsonObject, pointerToken } from '../../model/value.ts'
import { valueAt } from '../schema/exact-keywords.ts'

/*
 * One NApp's picture of its settings.
 *
 * Invariants:
 *  1. The place (epoch, then revision, then number within it) only grows; what is not beyond it is late or
 *     repeated and changes nothing.
 *  2. `values` is replaced whole, never changed; it keeps its identity while nothing differs.
 *  3. A listener is called after the replacement, in the order of registration, and what is `before` in one
 *     call was `now` in its call before.
 */

/** What is known of a namespace at some place of its history. */
export interface News {
  readonly at: Cursor
  readonly data: JsonObject
  /** How what changed takes effect, as far as that is known. */
  readonly changes?: readonly ValueChange[]
}

type Notify = (now: Json | undefined, before: Json | undefined, changes: readonly ValueChange[]) => unknown

interface Listening {
  /** Empty for everything. */
  readonly pointer: string
  readonly notify: Notify
}

/** Holds the newest values and tells those who listen when they change. */
export class SettingsCache {
  /** A property, not a getter: it is read in the innermost loops of NApps. */
  values: JsonObject = Object.freeze({})
  /** Of the last commit that touched the namespace, in this epoch. */
  revision = '0'
  state: ServiceState = 'OFFLINE'
  #at: Cursor = START
  readonly #listening = new Set<Listening>()
  readonly #failed: (where: string, error: unknown) => void

  /** `failed` hears of listeners that throw or reject, and where they listened. */
  constructor(failed: (where: string, error: unknown) => void) {
    this.#failed = failed
  }

  /** Everything up to here is in `values`. */
  get at(): Cursor {
    return this.#at
  }

  get epoch(): number {
    return this.#at.epoch
  }

  /** Takes what is beyond the present place, else does nothing. */
  take({ at, data, changes = [] }: News): void {
    if (compareCursors(at, this.#at) <= 0) return
    if (at.epoch !== this.#at.epoch) this.revision = '0'
    this.#at = at
    const before = this.values
    if (equalJson(before, data)) return
    const now = deepFreeze(data)
    this.values = now
    const told = deepFreeze(
      differences(before, now).map(one => ({ ...one, apply: modeAt(one.path, changes) })),
    )
    for (const one of [...this.#listening]) this.#tell(one, now, before, told)
  }

  /** Learns a revision that the namespace has had; the highest one of this epoch counts. */
  learnRevision(epoch: number, revision: string): void {
    if (epoch === this.epoch && BigInt(revision) > BigInt(this.revision)) this.revision = revision
  }

  /** Listens at a key, or at a JSON Pointer where it begins with `/`. */
  on(place: string, listener: (now: Json | undefined, before: Json | undefined) => unknown): Unsubscribe {
    return this.#listen(place.startsWith('/') ? place : pointerToken(place), (now, before) =>
      listener(now, before),
    )
  }

  onChange(listener: Notify): Unsubscribe {
    return this.#listen('', listener)
  }

  close(): void {
    this.#listening.clear()
  }

  #listen(pointer: string, notify: Notify): Unsubscribe {
    const listening: Listening = { pointer, notify }
    this.#listening.add(listening)
    return () => void this.#listening.delete(listening)
  }

  #tell(one: Listening, now: JsonObject, before: JsonObject, changes: readonly ValueChange[]): void {
    // A listener called before it may have ended it.
    if (!this.#listening.has(one)) return
    const after = valueAt(now, one.pointer)
    const former = valueAt(before, one.pointer)
    if (equalJson(after, former)) return
    const failed = (error: unknown): void => this.#failed(one.pointer, error)
    try {
      // Not awaited: a listener may wait for an update of its own, whose fact comes through here.
      Promise.resolve(one.notify(after, former, changes)).catch(failed)
    } catch (error) {
      failed(error)
    }
  }
}

/** The mode that a fact's changes give a path: of the nearest one at, above or below it. */
function modeAt(path: string, changes: readonly ValueChange[]): ValueChange['apply'] {
  const related = changes.filter(
    change =>
      change.path === path || path.startsWith(`${change.path}/`) || change.path.startsWith(`${path}/`),
  )
  const distance = (change: ValueChange): number => Math.abs(change.path.length - path.length)
  return related.sort((a, b) => distance(a) - distance(b))[0]?.apply ?? 'restart'
}

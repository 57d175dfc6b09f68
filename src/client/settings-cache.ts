import type { ValueChange } from '../../events/changes.ts'
import { differences } from '../../events/differences.ts'
import type { Unsubscribe } from '../../events/event.ts'
import { deepFreeze } from '../../events/freeze.ts'
import { isThenable } from '../../events/inbox.ts'
import type { ServiceState } from '../../events/nouns.ts'
import { type Cursor, compareCursors, START } from '../../model/cursor.ts'
import { equalJson, type Json, type JsonObject, pointerToken } from '../../model/value.ts'
import { valueAt } from '../schema/exact-keywords.ts'
import { type AppliedState, appliedState } from './applied-state.ts'
import { ListenerOutcome } from './listener-outcome.ts'
import { ValuesInUse } from './values-in-use.ts'

/*
 * The settings of one NApp as a cache that facts advance.
 *
 * Invariants:
 *  1. The cursor (epoch, then revision, then number within it) only grows; an update that is not beyond it is
 *     late or repeated and changes nothing.
 *  2. `values` is replaced as a whole, never modified; it keeps its identity while nothing differs.
 *  3. A listener is called after the replacement, in the order of registration, and `before` of one call is
 *     `now` of its previous call.
 */

/** The settings of a namespace at one cursor of its history. */
export interface SettingsUpdate {
  readonly at: Cursor
  readonly data: JsonObject
  /** The settings as they were received, with secrets as tags; `data` when absent. */
  readonly received?: JsonObject
  /** The apply modes of the changed values, as far as they are known. */
  readonly changes?: readonly ValueChange[]
}

type Notify = (now: Json | undefined, before: Json | undefined, changes: readonly ValueChange[]) => unknown

interface ListenerEntry {
  /** Empty for all settings. */
  readonly pointer: string
  readonly notify: Notify
  readonly outcome: ListenerOutcome
}

/** Holds the newest values and notifies listeners of their changes. */
export class SettingsCache {
  /** A property, not a getter, because NApps read it in their innermost loops. */
  values: JsonObject = Object.freeze({})
  /** The revision of the last commit that touched the namespace, in this epoch. */
  revision = '0'
  state: ServiceState = 'OFFLINE'
  #at: Cursor = START
  /** The settings of `values` as they were received, with secrets as tags. */
  protected received: JsonObject = this.values
  /** The values that wait for a reload or a restart of the NApp. */
  protected readonly inUse = new ValuesInUse()
  readonly #listeners = new Set<ListenerEntry>()
  readonly #onError: (where: string, error: unknown) => void

  /** `onError` is called for listeners that throw or reject, with the pointer of the listener. */
  constructor(onError: (where: string, error: unknown) => void) {
    this.#onError = onError
  }

  /** The cursor up to which all facts are in `values`. */
  get at(): Cursor {
    return this.#at
  }

  get epoch(): number {
    return this.#at.epoch
  }

  /** Applies an update beyond the current cursor; ignores any other. */
  take({ at, data, received = data, changes = [] }: SettingsUpdate): void {
    if (compareCursors(at, this.#at) <= 0) return
    if (at.epoch !== this.#at.epoch) this.revision = '0'
    this.#at = at
    this.received = received
    const before = this.values
    if (equalJson(before, data)) return
    const now = deepFreeze(data)
    this.values = now
    const leaves = deepFreeze(
      differences(before, now).map(one => ({ ...one, apply: modeAt(one.path, changes) })),
    )
    this.inUse.change(now, leaves)
    for (const one of [...this.#listeners]) this.#notify(one, now, before, leaves)
  }

  /** Records a revision of the namespace; keeps the highest one of this epoch. */
  learnRevision(epoch: number, revision: string): void {
    if (epoch === this.epoch && BigInt(revision) > BigInt(this.revision)) this.revision = revision
  }

  /** Adds a listener at a key, or at a JSON Pointer if the place begins with `/`. */
  on(place: string, listener: (now: Json | undefined, before: Json | undefined) => unknown): Unsubscribe {
    return this.#add(place.startsWith('/') ? place : pointerToken(place), (now, before) =>
      listener(now, before),
    )
  }

  /** How far the values are applied, by the listeners and by the values of the start. */
  protected appliedState(): AppliedState {
    return appliedState([...this.#listeners], this.inUse)
  }

  onChange(listener: Notify): Unsubscribe {
    return this.#add('', listener)
  }

  close(): void {
    this.#listeners.clear()
  }

  #add(pointer: string, notify: Notify): Unsubscribe {
    const entry: ListenerEntry = { pointer, notify, outcome: new ListenerOutcome() }
    this.#listeners.add(entry)
    return () => void this.#listeners.delete(entry)
  }

  #notify(one: ListenerEntry, now: JsonObject, before: JsonObject, changes: readonly ValueChange[]): void {
    // An earlier listener of this update may have removed this one.
    if (!this.#listeners.has(one)) return
    const after = valueAt(now, one.pointer)
    const former = valueAt(before, one.pointer)
    if (equalJson(after, former)) return
    const { succeed, fail } = one.outcome.begin()
    const onError = (error: unknown): void => {
      fail(error)
      this.#onError(one.pointer, error)
    }
    try {
      // Not awaited, because a listener may wait for its own update, whose fact arrives through this cache.
      const returned = one.notify(after, former, changes)
      if (isThenable(returned)) Promise.resolve(returned).then(succeed, onError)
      else succeed()
    } catch (error) {
      onError(error)
    }
  }
}

/** The apply mode of a path by the changes of a fact: that of the nearest change at, above or below it. */
function modeAt(path: string, changes: readonly ValueChange[]): ValueChange['apply'] {
  const related = changes.filter(
    change =>
      change.path === path || path.startsWith(`${change.path}/`) || change.path.startsWith(`${path}/`),
  )
  const distance = (change: ValueChange): number => Math.abs(change.path.length - path.length)
  return related.sort((a, b) => distance(a) - distance(b))[0]?.apply ?? 'restart'
}

import type { Unsubscribe } from '../../events/event.ts'
import type { ServiceState, Settings, ValueChange } from '../../events/map.ts'
import type { JsonSchema } from './json-schema.ts'
import type { DeclaredPointer, KeyOf, PatchOf, ValueAt } from './pointer-of.ts'
import type { SettingsOf } from './settings-of.ts'

/** Hears of one value: what it is now, and what it was when this listener heard last. What it throws is logged and hurts nobody. */
export type ValueListener<Value> = (now: Value, before: Value) => void | Promise<void>

/** Hears of all settings, with the differences at their leaves. */
export type SettingsListener<Values> = (now: Values, before: Values, changes: readonly ValueChange[]) => void | Promise<void>

export interface UpdateOptions {
  /** Why, for the history. */
  readonly comment?: string
  /** `cluster` (default), `controller` (this one) or `controller:<id>`. */
  readonly scope?: string
  /** Refuses with REVISION_MISMATCH unless the settings are at this revision. */
  readonly revision?: string
}

/** The settings of one NApp, as they are now, all the time. */
export interface LiveSettings<Values extends object> {
  readonly namespace: string
  /** Effective, deeply frozen; another object after each change, so that whoever holds this one has a consistent picture. */
  readonly values: Values
  /** Of the last commit that touched them; what `update` takes as its guard. Compared within one epoch only. */
  readonly revision: string
  readonly epoch: number
  /** STALE: the store is away, `values` are the last known ones, and `update` is refused. */
  readonly state: ServiceState
  /** Calls the listener after each change of this value, at a key or at a JSON Pointer such as `/liveness/min_hellos`, once `values` is replaced. */
  on<Key extends KeyOf<Values>>(key: Key, listener: ValueListener<Values[Key]>): Unsubscribe
  on<Pointer extends `/${string}`>(
    pointer: Pointer & DeclaredPointer<Values, Pointer>,
    listener: ValueListener<ValueAt<Values, Pointer>>,
  ): Unsubscribe
  /** Calls the listener after each change of anything, once `values` is replaced. */
  onChange(listener: SettingsListener<Values>): Unsubscribe
  /**
   * Changes overrides by a merge patch, null unsets; resolves when that is durable and `values` has it (else the answer says `observed: false`).
   * @throws SettingsError SETTINGS_INVALID, REVISION_MISMATCH, STORE_STALE, ... as `kytos.settings.update`.
   */
  update(patch: PatchOf<Values>, options?: UpdateOptions): Promise<Settings>
  /** Stops listening: `values` stay as they are, and no listener is called any more. */
  close(): void
}

/** How a NApp opens its settings, with its declaration or, without one, by the schema file that its manifest names. */
export interface OpenSettings {
  <const Schema extends JsonSchema>(schema: Schema): Promise<LiveSettings<SettingsOf<Schema>>>
  <Values extends object>(): Promise<LiveSettings<Values>>
}

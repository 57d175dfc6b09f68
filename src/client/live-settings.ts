import type { Method, ValueChange } from '../../events/changes.ts'
import type { Unsubscribe } from '../../events/event.ts'
import type { ServiceState, Settings, TransactionResult } from '../../events/map.ts'
import type { Actor } from '../../model/actor.ts'
import type { Json } from '../../model/value.ts'
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
  /** Writes nothing, and answers what would be: `data`, and in `preview` what changes, how it takes effect, and what the NApps that use it say. */
  readonly dryRun?: boolean
}

/** One step of a transaction; of the NApp's own settings where no namespace is named. See `kytos.settings.transaction`. */
export interface OwnOperation<Values> {
  readonly namespace?: undefined
  readonly scope?: string
  readonly method?: 'PATCH'
  readonly data: PatchOf<Values>
  readonly revision?: string
}

/** One step of a transaction that the types know less of: another method, or the settings of another NApp. */
export interface AnyOperation {
  readonly namespace?: string
  readonly scope?: string
  readonly method: Method | 'DELETE'
  readonly data?: Json
  readonly revision?: string
}

export type TransactionOptions = Pick<UpdateOptions, 'comment' | 'dryRun'>

/** What a `changing` hook is asked about, besides the values. */
export interface ChangeRequest {
  readonly changes: readonly ValueChange[]
  readonly actor: Actor
  readonly comment: string | null
  /** True when somebody only wants to know. */
  readonly dryRun: boolean
  /** Aborts when it is too late to answer. */
  readonly signal: AbortSignal
}

/** Says before a commit whether these settings may become others: a reason refuses, and so does throwing. It must not issue commands. */
export type ChangingListener<Values> = (next: Values, now: Values, request: ChangeRequest) => undefined | string | Promise<undefined | string>

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
  /**
   * Changes several documents of these settings and others, all or nothing; resolves as `update` does.
   * @throws SettingsError as `kytos.settings.transaction`.
   */
  transaction(operations: readonly (OwnOperation<Values> | AnyOperation)[], options?: TransactionOptions): Promise<TransactionResult>
  /** Has the hook asked before this controller commits a change that differs here; within its deadline, else the change is refused. */
  changing(hook: ChangingListener<Values>): Unsubscribe
  /** Stops listening: `values` stay as they are, and no listener is called any more. */
  close(): void
}

/** How a NApp opens its settings, with its declaration or, without one, by the schema file that its manifest names. */
export interface OpenSettings {
  <const Schema extends JsonSchema>(schema: Schema): Promise<LiveSettings<SettingsOf<Schema>>>
  <Values extends object>(): Promise<LiveSettings<Values>>
}

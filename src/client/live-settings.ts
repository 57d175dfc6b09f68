import type { Method, ValueChange } from '../../events/changes.ts'
import type { Unsubscribe } from '../../events/event.ts'
import type { ServiceState, Settings, TransactionResult } from '../../events/nouns.ts'
import type { Actor } from '../../model/actor.ts'
import type { Json } from '../../model/value.ts'
import type { JsonSchema } from './json-schema.ts'
import type { DeclaredPointer, KeyOf, PatchOf, ValueAt } from './pointer-of.ts'
import type { SettingsOf } from './settings-of.ts'

/**
 * Called with the new value and the value of the previous call. An error it throws is logged and affects no
 * other listener.
 */
export type ValueListener<Value> = (now: Value, before: Value) => void | Promise<void>

/** Called with all settings and the differences at their leaves. */
export type SettingsListener<Values> = (
  now: Values,
  before: Values,
  changes: readonly ValueChange[],
) => void | Promise<void>

export interface UpdateOptions {
  /** The reason of the change, kept in the history. */
  readonly comment?: string
  /** `cluster` (default), `controller` (this one) or `controller:<id>`. */
  readonly scope?: string
  /** Rejects the update with REVISION_MISMATCH unless the settings are at this revision. */
  readonly revision?: string
  /**
   * Writes nothing; returns the resulting `data` and a `preview` of changes, apply modes and verdicts of
   * NApps.
   */
  readonly dryRun?: boolean
}

/**
 * One operation of a transaction, on the NApp's own settings unless it names a namespace. See
 * `kytos.settings.transaction`.
 */
export interface OwnOperation<Values> {
  readonly namespace?: undefined
  readonly scope?: string
  readonly method?: 'PATCH'
  readonly data: PatchOf<Values>
  readonly revision?: string
}

/** One loosely typed operation of a transaction: another method, or the settings of another NApp. */
export interface AnyOperation {
  readonly namespace?: string
  readonly scope?: string
  readonly method: Method | 'DELETE'
  readonly data?: Json
  readonly revision?: string
}

export type TransactionOptions = Pick<UpdateOptions, 'comment' | 'dryRun'>

/** The request to a `changing` hook, besides the values. */
export interface ChangeRequest {
  readonly changes: readonly ValueChange[]
  readonly actor: Actor
  readonly comment: string | null
  /** True for a dry run. */
  readonly dryRun: boolean
  /** Aborts at the deadline of the hook. */
  readonly signal: AbortSignal
}

/**
 * Called before a commit. Return a reason, or throw, to reject the change. The hook must not send commands.
 */
export type ChangingListener<Values> = (
  next: Values,
  now: Values,
  request: ChangeRequest,
) => undefined | string | Promise<undefined | string>

/** The current settings of one NApp, updated live. */
export interface LiveSettings<Values extends object> {
  readonly namespace: string
  /**
   * The effective settings, deeply frozen; replaced by a new object after each change, so that a reference
   * stays consistent.
   */
  readonly values: Values
  /**
   * The revision of their last commit, comparable within one epoch only. The guard of `update` is
   * `<epoch>.<revision>`, or the revision alone.
   */
  readonly revision: string
  readonly epoch: number
  /** STALE: the store is unavailable, `values` are the last known ones, and `update` is rejected. */
  readonly state: ServiceState
  /**
   * Calls the listener after each change of this value, at a key or at a JSON Pointer such as
   * `/liveness/min_hellos`, once `values` is replaced.
   */
  on<Key extends KeyOf<Values>>(key: Key, listener: ValueListener<Values[Key]>): Unsubscribe
  on<Pointer extends `/${string}`>(
    pointer: Pointer & DeclaredPointer<Values, Pointer>,
    listener: ValueListener<ValueAt<Values, Pointer>>,
  ): Unsubscribe
  /** Calls the listener after each change of any value, once `values` is replaced. */
  onChange(listener: SettingsListener<Values>): Unsubscribe
  /**
   * Changes overrides by a merge patch; null unsets. Resolves when the change is durable and in `values`
   * (otherwise `observed: false`).
   * @throws SettingsError SETTINGS_INVALID, REVISION_MISMATCH, STORE_STALE, ... as `kytos.settings.update`.
   */
  update(patch: PatchOf<Values>, options?: UpdateOptions): Promise<Settings>
  /**
   * Changes several documents atomically, also of other namespaces; resolves like `update`.
   * @throws SettingsError as `kytos.settings.transaction`.
   */
  transaction(
    operations: readonly (OwnOperation<Values> | AnyOperation)[],
    options?: TransactionOptions,
  ): Promise<TransactionResult>
  /**
   * Calls the hook before this controller commits a change of the effective settings; a hook past its
   * deadline rejects the change.
   */
  changing(hook: ChangingListener<Values>): Unsubscribe
  /** Stops all listeners; `values` keep their last state. */
  close(): void
}

/** Opens the settings of a NApp by a schema, or without one by the schema file of its manifest. */
export interface OpenSettings {
  <const Schema extends JsonSchema>(schema: Schema): Promise<LiveSettings<SettingsOf<Schema>>>
  <Values extends object>(): Promise<LiveSettings<Values>>
}

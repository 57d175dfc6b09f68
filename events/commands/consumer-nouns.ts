import type { JsonObject } from '../../model/value.ts'

/*
 * Which NApp uses which settings. A consumer is a NApp that opened a namespace on one controller.
 *
 * Invariants:
 *  1. `applied` is stated only for a consumer whose values are the effective settings of this moment, and
 *     whose listeners have all returned for them. It is computed from the values, when it is asked for.
 *  2. A commit that changes nothing in the effective settings therefore leaves a consumer applied, at the
 *     revision of that commit.
 */

/** The result of applying settings, as the consumer itself states it. */
export type AppliedStatus = 'applied' | 'refused' | 'pending'

/** The longest reason of a consumer, in characters. */
export const MAX_REASON_CHARACTERS = 200

/** What a consumer states of itself. */
export interface ConsumerReport {
  /** The settings that were handed to it last, with secrets as tags. */
  readonly data: JsonObject
  /** Their revision. */
  readonly revision: string
  readonly status: AppliedStatus
  /** The reason for any other status than `applied`, at most 200 characters. */
  readonly reason: string | null
  /** ISO 8601: when this status and reason began. */
  readonly since: string
}

/** A report with its consumer. */
export interface NamedReport {
  readonly napp: string
  readonly namespace: string
  readonly report: ConsumerReport
}

/** The settings that a consumer uses on one controller. */
export interface ConsumerState {
  readonly controller: string
  readonly napp: string
  readonly namespace: string
  /**
   * `applied`: it uses the settings of `revision`, which are the current ones. `pending` and `refused`: it
   * does not use all of them, for `reason`. `stale`: it uses the last known ones, but the store is
   * unreachable.
   */
  readonly status: AppliedStatus | 'stale'
  /** The revision of the settings that it received last. */
  readonly revision: string
  readonly reason: string | null
  /** ISO 8601: when the consumer's own status and reason began. */
  readonly since: string
}

import type { Actor } from '../../model/actor.ts'

/* The nouns of confirmed commits: changes that are rolled back unless they are confirmed in time. */

/**
 * A step of a confirmed commit. `armed` and `extended`: it waits for its confirmation. `confirmed`: it stays.
 * `cancelled` and `expired`: the baseline is restored. `overtaken`: a manual edit ended it without a rollback.
 */
export type PendingKind = 'armed' | 'extended' | 'confirmed' | 'cancelled' | 'expired' | 'overtaken'

/** A document that waits for a confirmation. */
export interface PendingDocument {
  readonly namespace: string
  readonly scope: string
  /** The version that waits. */
  readonly version: number
  /** The version that a rollback restores; 0 where the document did not exist. */
  readonly baseline: number
}

/** A change that is rolled back unless it is confirmed in time. */
export interface Pending {
  /** The last commit that armed or extended it. */
  readonly write_id: string
  /** All documents that are confirmed, cancelled or rolled back together, in byte order of their keys. */
  readonly documents: readonly PendingDocument[]
  readonly actor: Actor
  readonly comment: string | null
  /** The time for the confirmation, in seconds. */
  readonly confirm_within: number
  /** ISO 8601: when the time began, by the clock of the committing controller; for people only. */
  readonly at: string
  /**
   * Seconds until the rollback, by the clock of the store; 0 when the time has passed. Only in answers to
   * `retrieve` with `fresh`, because the store is asked.
   */
  readonly remaining?: number
}

/** The end of a confirmed commit. */
export interface EndedPending {
  readonly kind: 'confirmed' | 'cancelled'
  /** The commit that was confirmed or cancelled. */
  readonly write_id: string
  /** All documents of it, with their versions after the end, in byte order of their keys. */
  readonly documents: readonly {
    readonly namespace: string
    readonly scope: string
    readonly version: number
  }[]
  readonly revision: string
  readonly epoch: number
  /** False when the end is durable but not visible here yet, because the watch was down. */
  readonly observed?: boolean
}

/** The content of the fact `settings.pending`. */
export interface PendingFact {
  readonly namespace: string
  readonly scope: string
  readonly kind: PendingKind
  /** The version of the document that waits, or waited, for the confirmation. */
  readonly version: number
  /** The version that a rollback restores; 0 where the document did not exist. */
  readonly baseline: number
  /** The actor of the change, or of its end. */
  readonly actor: Actor
  readonly comment: string | null
  readonly confirm_within: number
  readonly revision: string
  readonly epoch: number
  readonly cursor: string
  readonly origin: 'live' | 'replay' | 'resync'
}

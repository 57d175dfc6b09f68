import type { Actor } from '../model/actor.ts'
import type { JsonObject } from '../model/value.ts'
import type { PendingKind } from './commands/pending-nouns.ts'
import type { Difference } from './differences.ts'
import type { ChangeKind } from './nouns.ts'

/* The nouns of commands that look back: the audit, the state at a time, rollbacks. */

/**
 * One change in the audit, or the last step of a confirmed commit at one of its documents. Entries are in the
 * order in which the store got them, never in the order of clocks.
 */
export interface AuditEntry {
  readonly namespace: string
  readonly scope: string
  /** The version that the change made; of a step, the version that waits, or waited, for its confirmation. */
  readonly version: number
  readonly kind: ChangeKind | PendingKind
  /** The controller that committed the change, or that recorded a manual edit; null for a step. */
  readonly controller: string | null
  readonly actor: Actor
  readonly comment: string | null
  /** ISO 8601, by the clock of that controller: for people, never for ordering. */
  readonly at: string
  /** True when `at` is before that of the previous version of the document: one of the clocks was wrong. */
  readonly clock?: true
  /** The commit of the change; of a step, the last commit that armed or extended it. */
  readonly write_id: string
  /** The revision of the change, or of the step. */
  readonly revision: string
  /** The seconds for the confirmation: of a step, and of a change that had to be confirmed. */
  readonly confirm_within?: number
  /** Of a step: the version that a rollback restores, 0 where the document did not exist. */
  readonly baseline?: number
  /**
   * The differences of the overrides; null for a step, when the previous version is no longer kept, and when
   * one of the two texts is no JSON object.
   */
  readonly changes: readonly Difference[] | null
  /** The number of differences that `changes` has no room for. */
  readonly more?: number
}

/** A page of the audit, oldest entry first. */
export interface AuditPage {
  readonly entries: readonly AuditEntry[]
  /** The cursor of the next page, `<epoch>.<revision>`. */
  readonly next: string
  /** True when entries after this page are kept now. */
  readonly more: boolean
  /**
   * True when `after` is a cursor of a store that was replaced: the page starts with the oldest kept entry.
   */
  readonly restarted?: true
}

/** The overrides of one document as they were at a time. */
export interface StandingDocument {
  readonly namespace: string
  readonly scope: string
  /** The version at that time; 0 before the first. */
  readonly version: number
  /** The overrides; null when there were none, or when they are no longer known. */
  readonly data: JsonObject | null
  /** The time, the author and the controller of the version; null for version 0. */
  readonly at: string | null
  readonly actor: Actor | null
  readonly controller: string | null
  /** True when `at` is before that of the previous version: one of the clocks was wrong. */
  readonly clock?: true
  /** The newest version of the document. */
  readonly newest: number
  /** The versions of which one was in effect, when that one is no longer kept; `data` is null then. */
  readonly pruned?: { readonly from: number; readonly to: number }
}

/** The overrides as they were at a time, in byte order of the documents' keys. */
export interface AsOf {
  readonly at: string
  readonly documents: readonly StandingDocument[]
}

/** One document of a rollback of several. */
export interface RollbackDocument {
  readonly namespace: string
  /** The scope of the rollback when absent. */
  readonly scope?: string
  /** The version to return to; 0 deletes the overrides. */
  readonly version: number
  /** Refuses the whole rollback unless this is the newest version of the document. */
  readonly if_version?: number
}

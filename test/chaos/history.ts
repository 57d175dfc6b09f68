import type { EndedPending } from '../../events/commands/pending-nouns.ts'
import type { Settings } from '../../events/nouns.ts'
import type { Json, JsonObject } from '../../model/value.ts'

/*
 * What one round under faults was, as recorded by those who were there. A round begins with an empty store
 * and new controllers, so that it can be judged, and played again from its seed, alone.
 */

/**
 * One revision of the store, whole, as a plain client read it; keys without the prefix, `text` undefined once
 * deleted.
 */
export interface StoreRevision {
  readonly revision: bigint
  readonly changes: readonly { readonly key: string; readonly text: string | undefined }[]
}

/**
 * One life of the store, from its first revision on: until the end of the round, or until it was wiped or put
 * back, which begins another one. A life that begins with a restored backup begins with the history of that
 * backup. The epochs of a life are the ones that `meta/store` was given in it.
 */
export interface StoreLife {
  readonly revisions: readonly StoreRevision[]
}

/** A box as a command answered it. */
export interface SeenBox {
  readonly data: Json
  readonly revision: string
}

/** Whether a controller accepts a token, and the state that it decided from: both are of one instant. */
export interface TokenSight {
  readonly verdict: 'accepted' | 'TOKEN_INVALID' | 'STORE_STALE'
  readonly state: string
  readonly epoch: number
  readonly revision: string
}

/** How a command ended. */
export type Outcome =
  /**
   * With what it answered: `settings` or `box` for a change or a read (false: there is none), `existed` for a
   * deleted box, `sight` for a check, `ended` for a confirmation or a cancellation.
   */
  | {
      readonly type: 'ok'
      readonly settings?: Settings
      /** Of a transaction: those of the documents `together`, in their order. */
      readonly others?: readonly Settings[]
      readonly box?: SeenBox | false
      readonly existed?: boolean
      readonly sight?: TokenSight
      /** Of a confirmed commit that was ended. */
      readonly ended?: EndedPending
    }
  /** Surely not applied. */
  | { readonly type: 'refused'; readonly code: string; readonly message: string }
  /**
   * OUTCOME_UNKNOWN, or the process died before it answered. `found`: whether the history, once all was calm,
   * held its `write_id`.
   */
  | { readonly type: 'unknown'; readonly writeId?: string; readonly found?: boolean }

/**
 * Commands that change a box leave the member `id` in its data, except for a deletion; a new token is named
 * for its command.
 */
export type CommandKind =
  | 'update'
  | 'delete'
  | 'confirm'
  | 'cancel'
  | 'read'
  | 'create box'
  | 'put box'
  | 'patch box'
  | 'delete box'
  | 'read box'
  | 'make token'
  | 'revoke token'
  | 'check token'

/** What a document was when a guarded change was decided. */
export interface Expectation {
  readonly revision: string
  readonly value: string | null
}

/** One command. Times are nanoseconds of the recording process' monotonic clock. */
export interface Command {
  /**
   * Unique. The comment of a change of settings; the member `id` of a box's data; the name of a token, see
   * {@link tokenName}.
   */
  readonly id: string
  readonly controller: string
  readonly kind: CommandKind
  /**
   * The document it is about, such as `settings/kytos/a`; empty for a token that was asked for and never
   * shown.
   */
  readonly key: string
  /** Of a transaction: the other documents, whose records have the same comment. */
  readonly together?: readonly string[]
  /** Of a transaction: documents that are gone in its revision. */
  readonly dropped?: readonly string[]
  readonly sent: bigint
  /** When the answer came; undefined when none ever did. */
  readonly answered: bigint | undefined
  /** A change with its time for the confirmation, in seconds. */
  readonly confirmWithin?: number | undefined
  /** What an update carried. */
  readonly data?: Json
  /**
   * A guarded update: the revision it was for, and the `value` that the document had in that revision (null:
   * none; of a box: its id).
   */
  readonly expected?: Expectation | undefined
  /** Of a transaction: the same of other documents. */
  readonly also?: readonly (Expectation & { readonly key: string })[] | undefined
  /** The controller whose NApp refuses the change with its `changing` hook. */
  readonly refusedBy?: string | null | undefined
  readonly outcome: Outcome
}

/** The name of the token that a command with this id makes. */
export function tokenName(id: string): string {
  return id.replaceAll('/', '.')
}

/** Everything that a listener heard, in order; `name` and `content` of the event. */
export interface Heard {
  readonly name: string
  readonly content: JsonObject
  readonly at: bigint
}

/**
 * One listener: in the process (`bus`), which ends with it, or a reader of Server-Sent Events that resumes
 * (`sse`).
 */
export interface Listener {
  readonly name: string
  readonly controller: string
  readonly kind: 'bus' | 'sse'
  /**
   * The cursor after which it is owed everything. Undefined for one that knew nothing: then the first
   * `settings.state` with an epoch says where the state began that it was told nothing of.
   */
  readonly since: string | undefined
  readonly heard: readonly Heard[]
  /** False for one whose process died: it is owed nothing after what it heard last. */
  readonly lasted: boolean
}

/**
 * A change that another client made in the store itself, past every controller: `etcdctl put` and the like.
 */
export interface HandChange {
  readonly key: string
  /** Undefined for a deletion. */
  readonly text: string | undefined
  readonly revision: bigint
  /** As of a {@link Command}. */
  readonly sent: bigint
  readonly answered: bigint
}

/**
 * A person removed the readable file of a document or box; whether it goes with it depends on what else
 * happens.
 */
export interface Removal {
  readonly key: string
  /** As of a {@link Command}. */
  readonly sent: bigint
}

/** What a controller answered from its cache once all was calm. */
export interface Final {
  readonly controller: string
  readonly state: string
  readonly epoch: number
  readonly revision: string
  /** Differences between cache and store that the periodic comparison found and mended. */
  readonly repairs: number
  /** How often they were compared. */
  readonly reconciles: number
  /**
   * Overrides per document key, of every namespace it lists, in the scopes `cluster` and `controller`; only
   * those that exist.
   */
  readonly overrides: Readonly<Record<string, JsonObject>>
  /** Effective settings per namespace. */
  readonly data: Readonly<Record<string, JsonObject>>
  /** Data of every box, by key. */
  readonly boxes: Readonly<Record<string, Json>>
}

export interface History {
  readonly lives: readonly StoreLife[]
  readonly commands: readonly Command[]
  readonly listeners: readonly Listener[]
  readonly finals: readonly Final[]
  /**
   * In the order of their revisions. Absent where people edit files, whose edits are commits of the store
   * itself.
   */
  readonly hands?: readonly HandChange[]
  /** Where people edit files: those that they removed; none when absent. */
  readonly removals?: readonly Removal[]
  /**
   * Compaction, wipe or restore were among the faults: steps may be replaced by what a listing shows
   * (`origin: "resync"`).
   */
  readonly mayResync: boolean
}

/**
 * What a history shows. All but the first four have to be 0; `resyncs` only where nothing was taken from the
 * store.
 */
export interface Verdict {
  /** Changes that were asked for. */
  readonly writes: number
  readonly acked: number
  /** Without an answer that says what became of it. */
  readonly ambiguous: number
  /** Facts heard, by all listeners. */
  readonly facts: number
  /** Acked changes the store does not have, and steps that a listener was owed and did not hear. */
  readonly lost: number
  /** Changes that were applied twice, and steps that a listener heard twice. */
  readonly doubled: number
  /** Facts that were heard after a later one. */
  readonly reordered: number
  /** Times that a listener was given a difference in place of the steps. */
  readonly resyncs: number
  readonly repairs: number
  /** How often a cache was compared with the store. */
  readonly reconciles: number
  /** The confirmed commits of the round: how many were armed, and how they ended. */
  readonly confirmations: Readonly<Record<string, number>>
  /**
   * Everything that is wrong, what the counters count included, one sentence each with listener and cursor;
   * at most 50.
   */
  readonly violations: readonly string[]
}

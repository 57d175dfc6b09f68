import type { Operation } from '../../../backends/backend.ts'
import type { Actor } from '../../../model/actor.ts'
import type { Revision } from '../../../model/document.ts'
import type { Key } from '../../../model/key.ts'
import type { JsonObject } from '../../../model/value.ts'
import type { Arm } from '../../pending/arming.ts'
import type { Base } from '../../state/document-reader.ts'

/*
 * A document on its way through the writer is one object that gains members. The caller names its key, the
 * writer adds its base, the attempt adds its next overrides, and the commit adds its outcome. Further members
 * of the caller or the attempt are kept.
 */

/** A document to be changed. */
export interface Target {
  readonly key: Key
}

/** A document as it was read. */
export type ReadDocument<Document extends Target = Target> = Document & { readonly base: Base }

/** A document with the overrides that an attempt computed. */
export interface NextDocument extends ReadDocument {
  /** The overrides after the change; undefined deletes them. */
  readonly next: JsonObject | undefined
  /** True when a secret was sealed: the change is one even if its text is the same. */
  readonly isSealed?: boolean
  /** True for a document that is put again as it is, for a record of its own: the text keeps its bytes. */
  readonly isPutAgain?: boolean
}

/** A document as a change left it. `committed` is false when there was nothing to change. */
export interface Written extends Base {
  readonly committed: boolean
  readonly revision: Revision
}

/** A document and the outcome of its change. */
export type WrittenDocument<Next extends NextDocument> = Next & { readonly written: Written }

/** The decision of one attempt. */
export interface Decision<Next extends NextDocument, Result> {
  /** Every document that the attempt was called with, with its next overrides. */
  readonly next: readonly Next[]
  /** Further conditions of the commit. */
  readonly guards: readonly Operation[]
  /** Further operations of the commit, for the documents that it changes. */
  readonly arm?: Arm | undefined
  /** Returned to the caller with the outcome of the attempt that was committed. */
  readonly result: Result
}

/**
 * Decides a change from the documents as they were read; called again, with a fresh read, after a lost race.
 * It returns all that its caller needs as `result`, because only the decision of the last call is committed.
 * An error that it throws rejects the change. `isRetry` is false in the first call only.
 */
export type ChangeAttempt<Document extends Target, Next extends NextDocument, Result> = (
  documents: readonly ReadDocument<Document>[],
  isRetry: boolean,
) => Decision<Next, Result> | Promise<Decision<Next, Result>>

export interface WriteOptions {
  readonly actor: Actor
  readonly comment: string | undefined
  /** Begin with a read of the store instead of the cache, so that the first attempt can reject for good. */
  readonly fresh?: boolean
  /** The seconds within which the change has to be confirmed; undefined for a change that needs none. */
  readonly confirmWithin?: number | undefined
}

/** The outcome of a change: its documents, in the order of the decision, and the result of the attempt. */
export interface WriteResult<Next extends NextDocument, Result> {
  readonly documents: readonly WrittenDocument<Next>[]
  readonly result: Result
}

import type { Key } from './key.ts'

/**
 * The counter of the store at a commit: a bigint in memory, a decimal string on the wire and in files ({@link
 * printRevision}). Zero is before the first commit.
 */
export type Revision = bigint

/** The largest overrides document, in bytes of its text. */
export const DOCUMENT_BYTES = 256 * 1024
/** The largest number of documents that one transaction changes, and the bytes of their texts together. */
export const TRANSACTION_DOCUMENTS = 32
export const TRANSACTION_BYTES = 640 * 1024
/** The largest number of documents that are confirmed together. */
export const PENDING_DOCUMENTS = 16
/** The shortest and the longest time for a confirmation, in seconds. */
export const MIN_CONFIRM_SECONDS = 2
export const MAX_CONFIRM_SECONDS = 24 * 60 * 60
/** The largest number of operations in one transaction; several may change the same document. */
export const TRANSACTION_OPERATIONS = 128
/**
 * The largest number of operations in one commit: the default of etcd, so that all stores have the same
 * limit.
 */
export const COMMIT_OPERATIONS = 128

/**
 * A stored document: its text (UTF-8 JSON), the revision of its last commit (`modRevision`), and the revision
 * that created it after it was last absent (`createRevision`).
 */
export interface Entry {
  readonly key: Key
  readonly text: string
  readonly modRevision: Revision
  readonly createRevision: Revision
}

/** Parses a revision from a decimal string; undefined when it is none. */
export function parseRevision(text: string): Revision | undefined {
  return /^(?:0|[1-9]\d{0,39})$/.test(text) ? BigInt(text) : undefined
}

export function printRevision(revision: Revision): string {
  return revision.toString()
}

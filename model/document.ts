import type { Key } from './key.ts'

/**
 * The store's counter at a commit. In memory a bigint; on the wire and in files a decimal string ({@link
 * printRevision}). Zero is before the first commit.
 */
export type Revision = bigint

/** The largest overrides document, in bytes of its text. */
export const DOCUMENT_BYTES = 256 * 1024
/** The most documents that one transaction changes, and the bytes of their texts together. */
export const TRANSACTION_DOCUMENTS = 32
export const TRANSACTION_BYTES = 640 * 1024
/** The most operations that one transaction may bring; several may be of one document. */
export const TRANSACTION_OPERATIONS = 128
/** The most operations of one commit: what etcd takes by default, so that every store takes the same. */
export const COMMIT_OPERATIONS = 128

/**
 * One stored document: its text (UTF-8 JSON), the revision of its last commit, and the revision that created
 * it after it was last absent.
 */
export interface Entry {
  readonly key: Key
  readonly text: string
  readonly modRevision: Revision
  readonly createRevision: Revision
}

/** The revision that a decimal string names; undefined when it is none. */
export function parseRevision(text: string): Revision | undefined {
  return /^(?:0|[1-9]\d{0,39})$/.test(text) ? BigInt(text) : undefined
}

export function printRevision(revision: Revision): string {
  return revision.toString()
}

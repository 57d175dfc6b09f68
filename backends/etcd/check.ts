import { SettingsError } from '../../model/errors.ts'
import type { Operation } from '../backend.ts'
import { checkOperations } from '../operations.ts'

/** The largest text of one entry, in bytes: a box of 1 MiB and its envelope. */
export const ENTRY_BYTES = 1024 * 1024 + 64 * 1024
/** The largest commit, in bytes: by default etcd accepts requests of 1.5 MiB, with their envelope. */
const MAX_COMMIT_BYTES = 1_500_000
const MAX_OPERATIONS = 128

/**
 * Rejects the operations of a commit that etcd would reject, before anything is sent. `bytes` is the weight
 * of the commit.
 * @throws SettingsError CONTENT_MALFORMED, DOCUMENT_TOO_LARGE.
 */
export function checkCommit(operations: readonly Operation[], bytes: number): void {
  const { length } = operations
  if (length > MAX_OPERATIONS) {
    throw new SettingsError(
      'DOCUMENT_TOO_LARGE',
      `The commit has ${length} operations; the etcd backend allows ${MAX_OPERATIONS}. Split it.`,
    )
  }
  checkOperations(operations, { backend: 'etcd', entryBytes: ENTRY_BYTES })
  if (bytes > MAX_COMMIT_BYTES)
    throw new SettingsError(
      'DOCUMENT_TOO_LARGE',
      `The commit of ${length} operations has ${bytes} bytes; the etcd backend allows ${MAX_COMMIT_BYTES}.`,
      { details: { bytes, allowed: MAX_COMMIT_BYTES } },
    )
}

import { SettingsError } from '../../model/errors.ts'
import type { Key } from '../../model/key.ts'
import type { Operation } from '../backend.ts'
import { textBytes } from './queue.ts'

/** The largest text of one entry, in bytes: a box of 1 MiB and what is stored around it. */
export const ENTRY_BYTES = 1024 * 1024 + 64 * 1024
/** What etcd takes in one request by default is 1.5 MiB; the request has an envelope of its own. */
const COMMIT_BYTES = 1_500_000
const MOST_OPERATIONS = 128

/**
 * Refuses what etcd would, before anything is sent. `bytes` is the weight of the whole.
 * @throws SettingsError CONTENT_MALFORMED, DOCUMENT_TOO_LARGE.
 */
export function checkOperations(operations: readonly Operation[], bytes: number): void {
  const { length } = operations
  if (length === 0) throw new SettingsError('CONTENT_MALFORMED', 'A commit needs at least one operation.')
  if (length > MOST_OPERATIONS) {
    throw new SettingsError(
      'DOCUMENT_TOO_LARGE',
      `The commit has ${length} operations; the etcd backend allows ${MOST_OPERATIONS}. Split it.`,
    )
  }
  const keys = new Set<Key>()
  for (const operation of operations) {
    const { key } = operation
    if (keys.has(key))
      throw new SettingsError(
        'CONTENT_MALFORMED',
        `The commit contains the key ${key} twice; a key may occur in one operation only.`,
      )
    keys.add(key)
    const size = textBytes(operation)
    if (size > ENTRY_BYTES) throw tooLarge(`${key} would have ${size} bytes`, ENTRY_BYTES)
  }
  if (bytes > COMMIT_BYTES)
    throw tooLarge(`The commit of ${length} operations has ${bytes} bytes`, COMMIT_BYTES)
}

function tooLarge(what: string, most: number): SettingsError {
  return new SettingsError('DOCUMENT_TOO_LARGE', `${what}; the etcd backend allows ${most}.`, {
    details: { most },
  })
}

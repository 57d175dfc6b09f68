import { SettingsError } from '../../model/errors.ts'
import type { Key } from '../../model/key.ts'
import type { Operation } from '../backend.ts'
import { textBytes } from './queue.ts'

/** The largest text of one entry, in bytes: a box of 1 MiB and what is stored around it. */
export const ENTRY_BYTES = 1024 * 1024 + 64 * 1024
/** What etcd takes in one request by default is 1.5 MiB; the request has an envelope of its own. */
const COMMIT_BYTES = 1_500_000
const MOST_OPERATIONS = 128

/** Refuses what etcd would, before anything is sent. `bytes` is the weight of the whole. @throws SettingsError CONTENT_MALFORMED, DOCUMENT_TOO_LARGE. */
export function checkOperations(operations: readonly Operation[], bytes: number): void {
  const { length } = operations
  if (length === 0) throw new SettingsError('CONTENT_MALFORMED', 'A commit needs at least one operation.')
  if (length > MOST_OPERATIONS) {
    throw new SettingsError('DOCUMENT_TOO_LARGE', `A commit of ${length} operations; etcd takes ${MOST_OPERATIONS} at most: split it.`)
  }
  const keys = new Set<Key>()
  for (const operation of operations) {
    const { key } = operation
    if (keys.has(key)) throw new SettingsError('CONTENT_MALFORMED', `A commit names ${key} twice; a key stands in one operation.`)
    keys.add(key)
    const size = textBytes(operation)
    if (size > ENTRY_BYTES) throw tooLarge(`${key} would hold ${size} bytes`, ENTRY_BYTES)
  }
  if (bytes > COMMIT_BYTES) throw tooLarge(`A commit of ${length} operations weighs ${bytes} bytes`, COMMIT_BYTES)
}

function tooLarge(what: string, most: number): SettingsError {
  return new SettingsError('DOCUMENT_TOO_LARGE', `${what}; the etcd backend takes ${most} at most.`, { details: { most } })
}

import type { Entry, Revision } from '../model/document.ts'
import { SettingsError } from '../model/errors.ts'
import type { Key } from '../model/key.ts'
import type { Change, Expected, Operation } from './backend.ts'

/** The limit of a backend that {@link checkOperations} enforces. */
export interface OperationLimits {
  /** The name of the backend, for messages. */
  readonly backend: string
  /** The largest text of one entry, in bytes. */
  readonly entryBytes: number
}

/**
 * Rejects the operations of a commit that no backend accepts, before anything is written.
 * @throws SettingsError CONTENT_MALFORMED (no operation, a key twice), DOCUMENT_TOO_LARGE.
 */
export function checkOperations(
  operations: readonly Operation[],
  { backend, entryBytes }: OperationLimits,
): void {
  if (operations.length === 0)
    throw new SettingsError('CONTENT_MALFORMED', 'A commit needs at least one operation.')
  const keys = new Set<Key>()
  for (const operation of operations) {
    const { key } = operation
    if (keys.has(key))
      throw new SettingsError(
        'CONTENT_MALFORMED',
        `The commit contains the key ${key} twice; a key may occur in one operation only.`,
      )
    keys.add(key)
    const bytes = textBytes(operation)
    if (bytes > entryBytes)
      throw new SettingsError(
        'DOCUMENT_TOO_LARGE',
        `${key} would have ${bytes} bytes; the ${backend} backend allows ${entryBytes}.`,
        { details: { key, bytes, allowed: entryBytes } },
      )
  }
}

/** The bytes of the text that an operation puts; 0 for other operations. */
export function textBytes(operation: Operation): number {
  return 'put' in operation ? Buffer.byteLength(operation.put) : 0
}

/** True for a put or a delete. */
export function isWrite(operation: Operation): boolean {
  return !('check' in operation)
}

/** True for an operation that expects something of its key. */
export function isGuarded({ expected = 'any' }: Operation): boolean {
  return expected !== 'any'
}

/** True when a key with this entry (undefined: an absent key) is as an operation expects it. */
export function holds(expected: Expected, entry: Entry | undefined): boolean {
  if (expected === 'any') return true
  return expected === 'absent' ? entry === undefined : entry?.modRevision === expected
}

/** True when every guard of a commit holds for the entries that `get` returns. */
export function allHold(operations: readonly Operation[], get: (key: Key) => Entry | undefined): boolean {
  return operations.every(({ key, expected = 'any' }) => holds(expected, get(key)))
}

/** The `found` of a commit that failed: the entries of its guarded keys, in the order of the operations. */
export function foundEntries(
  operations: readonly Operation[],
  get: (key: Key) => Entry | undefined,
): readonly Entry[] {
  return operations.filter(isGuarded).flatMap(({ key }) => get(key) ?? [])
}

/**
 * The change that an operation makes at a revision. `before` is the entry of its key. Undefined for a check
 * and for the delete of an absent key.
 */
export function changeBy(
  operation: Operation,
  before: Entry | undefined,
  revision: Revision,
): Change | undefined {
  const { key } = operation
  if ('check' in operation) return undefined
  if ('delete' in operation) return before && { type: 'delete', key, revision }
  const createRevision = before?.createRevision ?? revision
  return { type: 'put', entry: { key, text: operation.put, modRevision: revision, createRevision } }
}

import {
  CompareResult,
  CompareTarget,
  type ICompare,
  type IRequestOp,
  type ITxnRequest,
  type ITxnResponse,
} from 'etcd3'
import type { Entry, Revision } from '../../model/document.ts'
import type { Key } from '../../model/key.ts'
import type { Operation, Outcome } from '../backend.ts'
import { foundEntries } from '../operations.ts'
import type { KeyMapper } from './key-mapper.ts'

/** The lease that puts with a ttl hang on, by that ttl. */
export type Leases = ReadonlyMap<number, string>

/**
 * What one commit came to: its outcome, and for a failed guard all that its keys hold, which tells whether an
 * earlier attempt had succeeded after all.
 */
export interface Reading {
  readonly outcome: Outcome
  readonly held: ReadonlyMap<Key, Entry>
  /** The store's revision when this was seen. */
  readonly revision: Revision
}

/**
 * One commit as an etcd transaction: compares are its guards, the success branch its writes, and the failure
 * branch reads every key it names, so that a loser needs no second round trip.
 */
export function toTransaction(
  space: KeyMapper,
  operations: readonly Operation[],
  leases?: Leases,
): ITxnRequest {
  const compare = operations.flatMap(operation => toCompare(space, operation) ?? [])
  return {
    compare,
    success: operations.flatMap(operation => toWrite(space, operation, leases) ?? []),
    failure:
      compare.length === 0
        ? []
        : operations.map(({ key }) => ({ request_range: { key: space.address(key) } })),
  }
}

/**
 * Reads every key that a commit names at one revision; {@link readResponse} reads the answer as that of a
 * commit whose guards failed.
 */
export function toLookUp(space: KeyMapper, operations: readonly Operation[]): ITxnRequest {
  const [first] = operations
  // A compare that never holds: no key has a creation below 0.
  const never = first
    ? [
        {
          key: space.address(first.key),
          target: CompareTarget.Create,
          result: CompareResult.Less,
          create_revision: '0',
        },
      ]
    : []
  return {
    compare: never,
    success: [],
    failure: operations.map(({ key }) => ({ request_range: { key: space.address(key) } })),
  }
}

/**
 * Several commits as one transaction, each with guards and an outcome of its own. No key that one of them
 * writes may stand in another. Old servers (3.4.23) look at a user's rights for the outer operations only, so
 * one of these deletes what is never there: it changes nothing, and is refused to whoever may not write.
 */
export function nest(space: KeyMapper, transactions: readonly ITxnRequest[]): ITxnRequest {
  const [only] = transactions
  if (only && transactions.length === 1) return only
  return {
    success: [
      ...transactions.map(request_txn => ({ request_txn })),
      { request_delete_range: { key: space.nothing } },
    ],
  }
}

/** The parts of the answer to {@link nest}, in the order of the commits. */
export function unnest(response: ITxnResponse, count: number): readonly ITxnResponse[] {
  return count === 1 ? [response] : response.responses.slice(0, count).map(({ response_txn }) => response_txn)
}

/** What one commit came to; `revision` is that of the whole transaction, which inner answers do not bear. */
export function readResponse(
  space: KeyMapper,
  operations: readonly Operation[],
  { succeeded, responses }: ITxnResponse,
  revision: Revision,
): Reading {
  if (succeeded) return { outcome: { committed: true, revision }, held: new Map(), revision }
  const entries = space.entries(responses.flatMap(({ response_range }) => response_range.kvs))
  const held = new Map(entries.map(entry => [entry.key, entry]))
  const found = foundEntries(operations, key => held.get(key))
  return { outcome: { committed: false, found }, held, revision }
}

function toCompare(space: KeyMapper, { key, expected = 'any' }: Operation): ICompare | undefined {
  if (expected === 'any') return undefined
  const equal = { key: space.address(key), result: CompareResult.Equal }
  // An absent key has no creation.
  if (expected === 'absent') return { ...equal, target: CompareTarget.Create, create_revision: '0' }
  // A modification at revision 0 is what etcd says of an absent key; as a guard it means a revision that no
  // key ever has.
  if (expected <= 0n)
    return { ...equal, target: CompareTarget.Mod, result: CompareResult.Less, mod_revision: '0' }
  return { ...equal, target: CompareTarget.Mod, mod_revision: expected.toString() }
}

function toWrite(space: KeyMapper, operation: Operation, leases?: Leases): IRequestOp | undefined {
  const key = space.address(operation.key)
  if ('delete' in operation) return { request_delete_range: { key } }
  if ('check' in operation) return undefined
  const lease = operation.ttl === undefined ? undefined : leases?.get(operation.ttl)
  return { request_put: { key, value: Buffer.from(operation.put), ...(lease !== undefined && { lease }) } }
}

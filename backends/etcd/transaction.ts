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
import { encodeText } from '../text-bytes.ts'
import type { KeyMapper } from './key-mapper.ts'

/** The leases of puts with a ttl, by that ttl. */
export type Leases = ReadonlyMap<number, string>

/**
 * The response to one commit: its outcome and, when a guard failed, the entries of all its keys, which show
 * whether an earlier attempt was applied.
 */
export interface Reading {
  readonly outcome: Outcome
  readonly held: ReadonlyMap<Key, Entry>
  /** The revision of the store at which this was read. */
  readonly revision: Revision
}

/**
 * Translates a commit into an etcd transaction: the compares are its guards, the success branch has its
 * writes, and the failure branch reads all its keys, so that a failed commit needs no second round trip.
 */
export function toTransaction(
  keys: KeyMapper,
  operations: readonly Operation[],
  leases?: Leases,
): ITxnRequest {
  const compare = operations.flatMap(operation => toCompare(keys, operation) ?? [])
  return {
    compare,
    success: operations.flatMap(operation => toWrite(keys, operation, leases) ?? []),
    failure:
      compare.length === 0
        ? []
        : operations.map(({ key }) => ({ request_range: { key: keys.address(key) } })),
  }
}

/**
 * The transaction that reads every key of a commit at one revision; {@link readResponse} reads its response
 * as that of a commit whose guards failed.
 */
export function toLookUp(keys: KeyMapper, operations: readonly Operation[]): ITxnRequest {
  const [first] = operations
  // A compare that never holds, because no key has a create revision below 0.
  const never = first
    ? [
        {
          key: keys.address(first.key),
          target: CompareTarget.Create,
          result: CompareResult.Less,
          create_revision: '0',
        },
      ]
    : []
  return {
    compare: never,
    success: [],
    failure: operations.map(({ key }) => ({ request_range: { key: keys.address(key) } })),
  }
}

/**
 * Nests several commits in one transaction, each with its own guards and outcome. A key that one of them
 * writes must not occur in another. Old servers (3.4.23) check the permissions of a user for the outer
 * operations only. So one outer operation deletes a key that never exists: it changes nothing, and is
 * rejected for a user without write permission.
 */
export function nest(keys: KeyMapper, transactions: readonly ITxnRequest[]): ITxnRequest {
  const [only] = transactions
  if (only && transactions.length === 1) return only
  return {
    success: [
      ...transactions.map(request_txn => ({ request_txn })),
      { request_delete_range: { key: keys.nothing } },
    ],
  }
}

/** The responses of the commits in a transaction of {@link nest}, in their order. */
export function unnest(response: ITxnResponse, count: number): readonly ITxnResponse[] {
  return count === 1 ? [response] : response.responses.slice(0, count).map(({ response_txn }) => response_txn)
}

/**
 * Reads the response to one commit; `revision` is that of the whole transaction, which inner responses lack.
 */
export function readResponse(
  keys: KeyMapper,
  operations: readonly Operation[],
  { succeeded, responses }: ITxnResponse,
  revision: Revision,
): Reading {
  if (succeeded) return { outcome: { committed: true, revision }, held: new Map(), revision }
  const entries = keys.entries(responses.flatMap(({ response_range }) => response_range.kvs))
  const held = new Map(entries.map(entry => [entry.key, entry]))
  const found = foundEntries(operations, key => held.get(key))
  return { outcome: { committed: false, found }, held, revision }
}

function toCompare(keys: KeyMapper, { key, expected = 'any' }: Operation): ICompare | undefined {
  if (expected === 'any') return undefined
  const equal = { key: keys.address(key), result: CompareResult.Equal }
  // The create revision of an absent key is 0.
  if (expected === 'absent') return { ...equal, target: CompareTarget.Create, create_revision: '0' }
  // For etcd, a mod revision of 0 means an absent key; as a guard it is a revision that no key ever has.
  if (expected <= 0n)
    return { ...equal, target: CompareTarget.Mod, result: CompareResult.Less, mod_revision: '0' }
  return { ...equal, target: CompareTarget.Mod, mod_revision: expected.toString() }
}

function toWrite(keys: KeyMapper, operation: Operation, leases?: Leases): IRequestOp | undefined {
  const key = keys.address(operation.key)
  if ('delete' in operation) return { request_delete_range: { key } }
  if ('check' in operation) return undefined
  const lease = operation.ttl === undefined ? undefined : leases?.get(operation.ttl)
  return { request_put: { key, value: encodeText(operation.put), ...(lease !== undefined && { lease }) } }
}

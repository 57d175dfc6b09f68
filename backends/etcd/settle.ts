import type { Entry, Revision } from '../../model/document.ts'
import type { Operation, Outcome } from '../backend.ts'
import { CallFailed } from './errors.ts'
import type { Link } from './link.ts'
import type { Space } from './space.ts'
import { isWrite, type Reading } from './transaction.ts'

/** How many older versions of an overwritten marker are looked at. */
const STEPS = 64

/**
 * The outcome of a commit whose guards failed when it was repeated, although an earlier attempt may have been carried out.
 *
 * Invariant: it is `committed` only if the store holds, or held after the guards, what only this commit puts there. A commit without a marker has nothing of
 * the kind; for it the wanted state being there is enough, which a neighbour may have brought about just as well.
 * @throws CallFailed when the versions that would tell are gone, as they are once the key of a deletable marker was deleted.
 */
export async function settle(link: Link, space: Space, operations: readonly Operation[], reading: Reading): Promise<Outcome> {
  const marker = operations.find(operation => 'put' in operation && operation.marker !== undefined)
  if (marker && 'put' in marker) {
    const revision = await findMarker(link, space, marker, reading.held.get(marker.key))
    return revision === undefined ? reading.outcome : { committed: true, revision }
  }
  const writes = operations.filter(isWrite)
  if (writes.length === 0 || !writes.every(write => isDone(write, reading.held.get(write.key)))) return reading.outcome
  const revisions = writes.flatMap(({ key }) => reading.held.get(key)?.revision ?? [])
  return { committed: true, revision: revisions.length > 0 ? revisions.reduce((a, b) => (a > b ? a : b)) : reading.revision }
}

function isDone(write: Operation, held: Entry | undefined): boolean {
  return 'put' in write ? held?.text === write.put : held === undefined
}

/** The revision at which the marker was put, looking back from what its key holds now to where the commit's own guard on it begins. */
async function findMarker(
  link: Link,
  space: Space,
  { key, put, expected, marker }: Extract<Operation, { put: string }>,
  held: Entry | undefined,
): Promise<Revision | undefined> {
  const oldest = typeof expected === 'bigint' ? expected : 0n
  let entry = held
  for (let step = 0; entry && entry.revision > oldest; step++) {
    if (entry.text === put) return entry.revision
    if (entry.created === entry.revision) break
    if (step === STEPS) throw tooMany(key)
    const revision = (entry.revision - 1n).toString()
    const older = await link.call((client, options) => client.kv.range({ key: space.address(key), revision }, options))
    entry = space.entries(older.value.kvs)[0]
  }
  // Of what came before a deletion nothing is left to be read.
  if (marker === 'deletable' && (entry === undefined || entry.created > oldest)) throw goneSince(key)
  return undefined
}

function goneSince(key: string): CallFailed {
  return new CallFailed({ kind: 'unknown', code: 'STORE_UNREACHABLE', reason: `${key} was deleted since` }, true, undefined)
}

function tooMany(key: string): CallFailed {
  const reason = `${key} has changed more than ${STEPS} times since`
  return new CallFailed({ kind: 'unknown', code: 'STORE_UNREACHABLE', reason }, true, undefined)
}

import type { Entry, Revision } from '../model/document.ts'
import type { Key } from '../model/key.ts'
import type { Operation, Outcome } from './backend.ts'
import { canChange, isLasting, isLastingCreation } from './may-repeat.ts'
import { allHold, foundEntries, holds } from './operations.ts'

/**
 * The entries of the keys of a commit, all read at one revision of the store. No commit that was answered
 * before the read has a later revision.
 */
export interface Held {
  readonly entries: ReadonlyMap<Key, Entry>
  readonly revision: Revision
  /** A revision of the store from before the first copy was sent, if one is known. */
  readonly since?: Revision | undefined
}

/** Reads the entry of a key at an older revision; undefined when the key was absent then. */
export type ReadVersion = (key: Key, revision: Revision) => Promise<Entry | undefined>

/**
 * The outcome of a commit as far as the store shows it. `not applied`: no copy was applied so far, but one in
 * flight still may be. `unknown`: the store does not show whether a copy was applied.
 */
export type Settled = Outcome | 'not applied' | 'unknown'

/**
 * The trace of one write: the revision that contains it, `none` when it was certainly not made, or `unknown`.
 */
type Trace = Revision | 'none' | 'unknown'

/** The largest number of older versions of an overwritten key that are read. */
const MAX_VERSIONS = 64

/**
 * Finds the outcome of a commit whose answer was lost, from the entries that its keys have now. Copies of the
 * commit may have been applied.
 *
 * Invariants:
 *  1. `committed: true` only when the store holds the marker of the commit, or held it after the revisions
 *     that the guards expect. For a commit without a marker: when the effects of all its writes are there,
 *     although another commit may have caused them.
 *  2. `committed: false` only when no copy was applied and none can be later: a guard fails permanently. A
 *     guard that fails now and may hold again proves nothing about a copy that is still in flight.
 *  3. No copy was applied so far when a key that the commit writes has not changed since before the first
 *     copy was sent.
 *  4. A deletion leaves no marker. A key that is absent, or was created again since, proves a deletion, but
 *     not which one.
 */
export async function settle(
  operations: readonly Operation[],
  held: Held,
  readVersion: ReadVersion,
): Promise<Settled> {
  const get = (key: Key) => held.entries.get(key)
  const lost: Outcome = { committed: false, found: foundEntries(operations, get) }
  const writes = operations.filter(canChange)
  if (writes.length === 0) return allHold(operations, get) ? 'not applied' : lost

  const none: Settled = operations.some(operation => failsPermanently(operation, held)) ? lost : 'not applied'

  const marked = writes.find(operation => 'put' in operation && operation.marker === true)
  const trace = marked && (await traceOf(marked, held, readVersion))
  if (typeof trace === 'bigint') return { committed: true, revision: trace }
  // A commit is applied as a whole: one write that was certainly not made proves it for all of them.
  if (trace === 'none' || writes.some(write => isUntouched(write, held))) return none
  if (!marked && writes.every(write => hasEffect(write, held)))
    return { committed: true, revision: newestOf(writes, held) }
  for (const write of writes)
    if (write !== marked && (await traceOf(write, held, readVersion)) === 'none') return none
  return 'unknown'
}

/**
 * True when a guard does not hold and never will: a key never returns to a past revision, and a lasting key
 * is never deleted.
 */
function failsPermanently(operation: Operation, held: Held): boolean {
  if (holds(operation.expected ?? 'any', held.entries.get(operation.key))) return false
  return typeof operation.expected === 'bigint'
    ? operation.expected <= held.revision
    : isLastingCreation(operation)
}

/** True when the key of a write has certainly not changed since before the first copy was sent. */
function isUntouched({ key }: Operation, { entries, revision, since }: Held): boolean {
  if (since === undefined || revision < since) return false
  const entry = entries.get(key)
  // An absent key may have been created and deleted, but then the store would have a later revision.
  return entry ? entry.modRevision <= since : revision === since
}

/**
 * True when the store shows the effect of a write. A marked deletion counts only when it was made by this
 * commit, which no state of the store shows.
 */
function hasEffect(write: Operation, { entries }: Held): boolean {
  if ('put' in write) return entries.get(write.key)?.text === write.put
  return 'delete' in write && write.marker !== true && !entries.has(write.key)
}

function newestOf(writes: readonly Operation[], { entries, revision }: Held): Revision {
  const revisions = writes.flatMap(({ key }) => entries.get(key)?.modRevision ?? [])
  return revisions.length > 0 ? revisions.reduce((a, b) => (a > b ? a : b)) : revision
}

async function traceOf(write: Operation, held: Held, readVersion: ReadVersion): Promise<Trace> {
  if ('put' in write) return traceOfPut(write, held, readVersion)
  const entry = held.entries.get(write.key)
  // The key was not deleted since the revision that the deletion expects.
  return typeof write.expected === 'bigint' && entry && entry.createRevision <= write.expected
    ? 'none'
    : 'unknown'
}

/**
 * Looks for the text of a put in the versions of its key, from the current one back to the guard of the put.
 */
async function traceOfPut(
  put: Extract<Operation, { put: string }>,
  held: Held,
  readVersion: ReadVersion,
): Promise<Trace> {
  const { key, expected } = put
  const guard = typeof expected === 'bigint' ? expected : 0n
  let entry = held.entries.get(key)
  for (let step = 0; entry && entry.modRevision > guard; step++) {
    if (entry.text === put.put) return entry.modRevision
    if (entry.createRevision === entry.modRevision) break
    if (step === MAX_VERSIONS) return 'unknown'
    entry = await readVersion(key, entry.modRevision - 1n)
  }
  // Versions from before a deletion cannot be read any more.
  return isLasting(put) || (entry && entry.createRevision <= guard) ? 'none' : 'unknown'
}

import type { Entry, Revision } from '../model/document.ts'
import type { Key } from '../model/key.ts'
import type { Operation, Outcome } from './backend.ts'
import { changes, isLasting, isLastingCreation } from './may-repeat.ts'

/**
 * The entries that the keys of a commit hold, all at one revision of the store, which no commit that was
 * answered before is above.
 */
export interface Held {
  readonly entries: ReadonlyMap<Key, Entry>
  readonly revision: Revision
  /** A revision that the store had before the first copy was sent, where one is known. */
  readonly since?: Revision | undefined
}

/** The entry of a key at an older revision. */
export type ReadVersion = (key: Key, revision: Revision) => Promise<Entry | undefined>

/**
 * `not applied`: no copy has been so far, but one that is still under way may be. `unknown`: the store does
 * not show it.
 */
export type Settled = Outcome | 'not applied' | 'unknown'

/**
 * What the store shows of one write: the revision that has it, that it was surely not made so far, or
 * nothing.
 */
type Trace = Revision | 'none' | 'unknown'

/** How many older versions of an overwritten key are read. */
const VERSIONS = 64

/**
 * The outcome of a commit of which copies may have been applied unseen, from what its keys hold now.
 *
 * Invariants:
 *  1. `committed: true` only when the store holds, or held after the guards, the marker of the commit; or,
 *     for a commit without a marker, when all its writes stand, which another commit may have brought about
 *     just as well.
 *  2. `committed: false` only when no copy was applied and none can be later: a guard fails for good. A guard
 *     that fails now and may hold again says nothing of a copy that is still under way.
 *  3. No copy was applied so far when a key that the commit writes has not changed since before the first
 *     copy was sent.
 *  4. A deletion leaves no marker. That the key is gone, or was created anew since, shows a deletion, but not
 *     which.
 */
export async function settle(
  operations: readonly Operation[],
  held: Held,
  readVersion: ReadVersion,
): Promise<Settled> {
  const lost: Outcome = { committed: false, found: foundBy(operations, held) }
  const writes = operations.filter(changes)
  if (writes.length === 0) return operations.every(operation => holds(operation, held)) ? 'not applied' : lost

  const none: Settled = operations.some(operation => failsForGood(operation, held)) ? lost : 'not applied'

  const marked = writes.find(operation => 'put' in operation && operation.marker === true)
  const trace = marked && (await traceOf(marked, held, readVersion))
  if (typeof trace === 'bigint') return { committed: true, revision: trace }
  // A commit is applied whole: one write that was surely not made speaks for all of them.
  if (trace === 'none' || writes.some(write => isUntouched(write, held))) return none
  if (!marked && writes.every(write => stands(write, held)))
    return { committed: true, revision: newestOf(writes, held) }
  for (const write of writes)
    if (write !== marked && (await traceOf(write, held, readVersion)) === 'none') return none
  return 'unknown'
}

/** What a commit whose guards failed is answered with. */
function foundBy(operations: readonly Operation[], { entries }: Held): readonly Entry[] {
  return operations.flatMap(({ key, expected = 'any' }) =>
    expected === 'any' ? [] : (entries.get(key) ?? []),
  )
}

function holds({ key, expected = 'any' }: Operation, { entries }: Held): boolean {
  if (expected === 'any') return true
  return expected === 'absent' ? !entries.has(key) : entries.get(key)?.modRevision === expected
}

/**
 * True when a guard does not hold and never will: a key never returns to a revision that is past, and a
 * lasting one never goes.
 */
function failsForGood(operation: Operation, held: Held): boolean {
  if (holds(operation, held)) return false
  return typeof operation.expected === 'bigint'
    ? operation.expected <= held.revision
    : isLastingCreation(operation)
}

/** True when the key of a write has surely not changed since before the first copy was sent. */
function isUntouched({ key }: Operation, { entries, revision, since }: Held): boolean {
  if (since === undefined || revision < since) return false
  const entry = entries.get(key)
  // An absent key may have been created and deleted, but for that the store has to have gone on.
  return entry ? entry.modRevision <= since : revision === since
}

/**
 * True when the state that a write wants is there. A marked deletion wants to have been the one that did it,
 * which no state shows.
 */
function stands(write: Operation, { entries }: Held): boolean {
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
  // The key was never deleted since the revision that the deletion was for.
  return typeof write.expected === 'bigint' && entry && entry.createRevision <= write.expected
    ? 'none'
    : 'unknown'
}

/** Looks for the text of a put, back from what its key holds now to where its own guard begins. */
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
    if (step === VERSIONS) return 'unknown'
    entry = await readVersion(key, entry.modRevision - 1n)
  }
  // What came before a deletion cannot be read any more.
  return isLasting(put) || (entry && entry.createRevision <= guard) ? 'none' : 'unknown'
}

import type { Backend } from '../../backends/backend.ts'
import type { Revision } from '../../model/document.ts'
import { armedKey, type Key, pendingKey } from '../../model/key.ts'
import { readBase } from '../state/document-reader.ts'
import { type PendingEntry, readPending } from '../watcher/pending/pending-index.ts'

/** A document that waits for a confirmation, as the store has it. */
export interface GroupMember {
  readonly document: Key
  readonly pending: PendingEntry
  /** The revision of `armed/<document>`; undefined once the store deleted it. */
  readonly armed: Revision | undefined
}

/** The documents of one confirmed commit. */
export interface PendingGroup {
  readonly writeId: string
  /** In byte order of the documents. */
  readonly members: readonly GroupMember[]
  /**
   * False when another program removed or replaced the state of one of its documents. The `members` are then
   * those that are left.
   */
  readonly isWhole: boolean
}

/** The number of times that a group is read again because it changed meanwhile. */
const MAX_READS = 8

/** The state at a document as the store has it now; undefined without one. */
export async function readPendingAt(backend: Backend, document: Key): Promise<PendingEntry | undefined> {
  const entry = await backend.get(pendingKey(document))
  return entry && readPending(entry)
}

/**
 * The confirmed commit that waits at a document; undefined when none does. All states of a commit are always
 * put together, so states of two commits mean that it changed between the reads: it is read again.
 */
export async function readGroup(backend: Backend, document: Key): Promise<PendingGroup | undefined> {
  for (let read = 1; ; read++) {
    const first = await readPendingAt(backend, document)
    if (!first || first.ended) return undefined
    const { keys, writeId } = first
    const found = await Promise.all(keys.map(key => readMember(backend, key)))
    const members = found.filter(one => one?.pending.writeId === writeId && !one.pending.ended)
    const isWhole = members.length === keys.length
    // A group that another program damaged never becomes whole again.
    if (isWhole || read === MAX_READS)
      return { writeId, members: members.filter(one => one !== undefined), isWhole }
  }
}

/** True when the time for the confirmation has passed. */
export function hasExpired({ members }: PendingGroup): boolean {
  return members.every(({ armed }) => armed === undefined)
}

/**
 * True when the store has another version of a document than the one that waits, recorded or not, which only
 * a manual edit makes.
 */
export async function hasOtherVersion(backend: Backend, { members }: PendingGroup): Promise<boolean> {
  const bases = await Promise.all(members.map(({ document }) => readBase(backend, document)))
  return bases.some(({ recorded, record }, i) => {
    return !recorded || (record?.version ?? 0) > (members[i]?.pending.version ?? 0)
  })
}

async function readMember(backend: Backend, document: Key): Promise<GroupMember | undefined> {
  const pending = await readPendingAt(backend, document)
  if (!pending) return undefined
  const armed = await backend.get(armedKey(document))
  return { document, pending, armed: armed?.modRevision }
}

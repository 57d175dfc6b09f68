import type { Backend, Operation } from '../../backends/backend.ts'
import type { Actor } from '../../model/actor.ts'
import { PENDING_DOCUMENTS, TRANSACTION_BYTES } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import { armedKey, historyKey, type Key, pendingKey } from '../../model/key.ts'
import type { Base } from '../state/document-reader.ts'
import type { PendingEntry } from '../watcher/pending/pending-index.ts'
import { printArmed, printPending } from '../watcher/pending/stored-pending.ts'
import { endWithoutRollback } from './ending.ts'
import { pendingError } from './pending-errors.ts'
import { type PendingGroup, readGroup, readPendingAt } from './pending-group.ts'
import { requireVisibleGroup } from './visible-group.ts'

/*
 * Confirmed commits: a change that is rolled back unless it is confirmed in time.
 *
 * Invariants:
 *  1. A change is armed in its own commit or not at all: `pending/<key>` and `armed/<key>` of each document
 *     are operations of the commit that changes it. A change that is refused, for any reason, arms nothing.
 *  2. Exactly one end: each end puts `pending/<key>` of all documents, guarded by their revisions. So of
 *     confirmed, cancelled, expired and overtaken one is committed, and the others find it.
 *  3. No rollback follows an answered confirmation: the confirmation is guarded by `armed`, the rollback by
 *     its absence, and both by `pending`.
 *  4. A rollback replaces only the versions that `pending` names. Any other version, recorded or not, is a
 *     manual edit: it ends the commit for all its documents, and nothing is replaced.
 *  5. The time is that of the store, which deletes `armed/<key>`. No clock of a controller decides anything.
 *  6. A document can wait only while its newest record has `confirm_within`, because each arming writes such a
 *     record. So changes of other documents do not look for `pending/<key>`.
 *  7. A document and its `pending/<key>` are read in this order. A change that arms the document in between
 *     leaves it at another revision than the one that guards the commit.
 */

/** A document of a change as it was read. */
interface ReadDocument {
  readonly key: Key
  readonly base: Base
}

/** The facts of a change that is about to be committed. */
export interface ArmingRequest {
  readonly actor: Actor
  readonly comment: string | undefined
  /** The time for the confirmation, in seconds; undefined for a change that needs none. */
  readonly confirmWithin?: number | undefined
}

/** The commit that arms a change. */
export interface ArmedCommit {
  readonly writeId: string
  /** The new versions of the documents that the commit changes. */
  readonly versions: ReadonlyMap<Key, number>
}

/** The operations that arm a change, made in its own commit; none for a change of nothing. */
export type Arm = (commit: ArmedCommit) => readonly Operation[]

/**
 * Prepares one attempt of a change: refuses it if a document waits for a confirmation, or arms it. Call it
 * after the documents were read.
 * @throws SettingsError PENDING; DOCUMENT_TOO_LARGE for more than 16 documents together, and for baselines
 * that do not fit in one commit. PERMISSION_DENIED when hidden documents wait, too.
 */
export async function prepareArming(
  backend: Backend,
  documents: readonly ReadDocument[],
  request: ArmingRequest,
): Promise<Arm | undefined> {
  const { confirmWithin } = request
  if (confirmWithin === undefined) {
    for (const document of documents) await refuseWaiting(backend, document)
    return undefined
  }
  const groups = await readGroups(backend, documents)
  for (const group of groups) requireVisibleGroup(group, request.actor)
  const keys = new Set([
    ...documents.map(({ key }) => key),
    ...groups.flatMap(membersOf).map(one => one.document),
  ])
  refuseManyPending(keys.size)
  await refuseLargeBaselines(backend, documents, groups)
  const before = new Map(
    await Promise.all([...keys].map(async key => [key, await backend.get(pendingKey(key))] as const)),
  )
  return commit => arm(commit, { ...request, confirmWithin }, { documents, groups, before })
}

/** @throws SettingsError DOCUMENT_TOO_LARGE for more documents than can be confirmed together. */
export function refuseManyPending(documents: number): void {
  if (documents <= PENDING_DOCUMENTS) return
  throw new SettingsError(
    'DOCUMENT_TOO_LARGE',
    `${documents} documents would wait for one confirmation; ${PENDING_DOCUMENTS} are allowed. Split the change. Nothing was changed.`,
    { details: { got: documents, limit: PENDING_DOCUMENTS } },
  )
}

/**
 * The rollback is one commit too, so all baselines together must fit in one.
 * @throws SettingsError DOCUMENT_TOO_LARGE.
 */
async function refuseLargeBaselines(
  backend: Backend,
  documents: readonly ReadDocument[],
  groups: readonly PendingGroup[],
): Promise<void> {
  const members = groups.flatMap(membersOf)
  const waiting = await Promise.all(
    members.map(({ document, pending }) => backend.get(historyKey(document, pending.baseline))),
  )
  const joining = documents.filter(({ key }) => !members.some(({ document }) => document === key))
  const texts = [...waiting, ...joining.map(({ base }) => base.entry)].map(entry => entry?.text ?? '')
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
  if (bytes <= TRANSACTION_BYTES) return
  throw new SettingsError(
    'DOCUMENT_TOO_LARGE',
    `The documents to be restored have ${bytes} bytes in total; ${TRANSACTION_BYTES} are allowed. Split the change. Nothing was changed.`,
    { details: { got: bytes, limit: TRANSACTION_BYTES } },
  )
}

/** @throws SettingsError PENDING when the document waits for a confirmation. */
async function refuseWaiting(backend: Backend, { key, base }: ReadDocument): Promise<void> {
  if (base.record?.confirmWithin === undefined) return
  const pending = await readPendingAt(backend, key)
  if (pending && !pending.ended && !isOvertaken(pending, base)) throw await pendingError(backend, pending)
}

/** The groups that wait at the documents of a change. A group that was overtaken is ended first. */
async function readGroups(
  backend: Backend,
  documents: readonly ReadDocument[],
): Promise<readonly PendingGroup[]> {
  const groups = new Map<string, PendingGroup>()
  for (const { key, base } of documents) {
    const group = await readGroup(backend, key)
    if (!group || groups.has(group.writeId)) continue
    const own = group.members.find(({ document }) => document === key)
    if (!group.isWhole || (own && isOvertaken(own.pending, base))) await endWithoutRollback(backend, group)
    else if (own && group.members.some(({ armed }) => armed === undefined))
      throw await pendingError(backend, own.pending)
    else groups.set(group.writeId, group)
  }
  return [...groups.values()]
}

/** True when the document was changed beyond the version that waits, which only a manual edit does. */
function isOvertaken(pending: PendingEntry, { record }: Base): boolean {
  return (record?.version ?? 0) > pending.version
}

interface ArmingContext {
  readonly documents: readonly ReadDocument[]
  readonly groups: readonly PendingGroup[]
  /** The entries `pending/<key>` of all documents, of ended commits too. */
  readonly before: ReadonlyMap<Key, { readonly modRevision: bigint } | undefined>
}

function arm(
  { writeId, versions }: ArmedCommit,
  { actor, comment, confirmWithin }: Required<ArmingRequest> & { readonly confirmWithin: number },
  { documents, groups, before }: ArmingContext,
): readonly Operation[] {
  const members = new Map(groups.flatMap(membersOf).map(one => [one.document, one]))
  const bases = new Map(documents.map(({ key, base }) => [key, base]))
  const keys = [...new Set([...versions.keys(), ...members.keys()])].sort()
  const at = new Date().toISOString()
  return keys.flatMap((key): Operation[] => {
    const member = members.get(key)
    const base = bases.get(key)
    const pending = {
      keys,
      writeId,
      baseline: member?.pending.baseline ?? (base?.entry ? (base.record?.version ?? 0) : 0),
      version: versions.get(key) ?? member?.pending.version ?? 0,
      actor,
      comment,
      confirmWithin,
      at,
      isExtended: member !== undefined,
      ended: undefined,
    }
    return [
      {
        key: pendingKey(key),
        put: printPending(pending),
        expected: member?.pending.revision ?? before.get(key)?.modRevision ?? 'absent',
        marker: true,
      },
      {
        key: armedKey(key),
        put: printArmed(writeId),
        ttl: confirmWithin,
        // The time of a commit that waits is restarted only before it has passed.
        ...(member?.armed !== undefined && { expected: member.armed }),
      },
    ]
  })
}

function membersOf({ members }: PendingGroup) {
  return members
}

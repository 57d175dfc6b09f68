import { randomUUID } from 'node:crypto'
import type { Backend, Operation } from '../../backends/backend.ts'
import { type Actor, HAND_EDIT } from '../../model/actor.ts'
import type { Revision } from '../../model/document.ts'
import { armedKey, type Key, pendingKey } from '../../model/key.ts'
import { type PendingEnd, printPending } from '../watcher/pending/stored-pending.ts'
import type { PendingGroup } from './pending-group.ts'
import { readReturn } from './return-to-baseline.ts'

/** The author of an end. */
export interface EndedBy {
  readonly actor: Actor
  readonly comment: string | undefined
  /** The controller that commits the end. */
  readonly controller: string
}

/** An end as it was committed. */
export interface CommittedEnd {
  readonly kind: PendingEnd
  readonly revision: Revision
  /** The versions of the documents after the end. */
  readonly versions: ReadonlyMap<Key, number>
}

/** Confirms a commit; undefined when it changed, ended or expired meanwhile. @throws errors of the store. */
export async function confirmGroup(
  backend: Backend,
  group: PendingGroup,
  by: EndedBy,
): Promise<CommittedEnd | undefined> {
  const outcome = await backend.commit([
    ...endOf(group, 'confirmed', by),
    ...group.members.map(
      ({ document, armed = 0n }): Operation => ({ key: armedKey(document), delete: true, expected: armed }),
    ),
  ])
  if (!outcome.committed) return undefined
  return { kind: 'confirmed', revision: outcome.revision, versions: waitingVersions(group) }
}

/**
 * Returns all documents of a commit to their baselines; without a rollback (`overtaken`) when one has
 * another version than the one that waits. Undefined when the commit changed or ended meanwhile.
 * @throws errors of the store.
 */
export async function rollBackGroup(
  backend: Backend,
  group: PendingGroup,
  kind: 'cancelled' | 'expired',
  by: EndedBy,
): Promise<CommittedEnd | undefined> {
  const back = group.isWhole ? await readReturn(backend, group.members, { kind, ...by }) : 'overtaken'
  if (back === 'again') return undefined
  if (back === 'overtaken') return endWithoutRollback(backend, group)
  const outcome = await backend.commit([
    ...back.operations,
    ...endOf(group, kind, by),
    ...group.members.map(
      ({ document }): Operation =>
        kind === 'expired'
          ? { key: armedKey(document), check: true, expected: 'absent' }
          : { key: armedKey(document), delete: true },
    ),
  ])
  if (!outcome.committed) return undefined
  return { kind, revision: outcome.revision, versions: back.versions }
}

/**
 * Ends a commit that a manual edit overtook, for all its documents, and changes none of them. Undefined when
 * it changed or ended meanwhile.
 * @throws errors of the store.
 */
export async function endWithoutRollback(
  backend: Backend,
  group: PendingGroup,
): Promise<CommittedEnd | undefined> {
  const by = { actor: HAND_EDIT, comment: undefined }
  const outcome = await backend.commit([
    ...endOf(group, 'overtaken', by),
    ...group.members.map(({ document }): Operation => ({ key: armedKey(document), delete: true })),
  ])
  if (!outcome.committed) return undefined
  return { kind: 'overtaken', revision: outcome.revision, versions: waitingVersions(group) }
}

/** The operations that store the end at all documents, guarded by the state that waits. */
function endOf(
  { members }: PendingGroup,
  ended: PendingEnd,
  { actor, comment }: Pick<EndedBy, 'actor' | 'comment'>,
): readonly Operation[] {
  const at = new Date().toISOString()
  const endId = randomUUID()
  return members.map(({ document, pending }) => ({
    key: pendingKey(document),
    put: printPending({ ...pending, ended, actor, comment, at, endId }),
    expected: pending.revision,
    marker: true,
  }))
}

function waitingVersions({ members }: PendingGroup): ReadonlyMap<Key, number> {
  return new Map(members.map(({ document, pending }) => [document, pending.version]))
}

import type { IEvent } from 'etcd3'
import type { Revision } from '../../model/document.ts'
import type { Batch, Change } from '../backend.ts'
import type { KeyMapper } from './key-mapper.ts'
import { ownChanges } from './own.ts'

/**
 * The events of one response, or of all its fragments, as batches: whole revisions, in order, those up to
 * `last` left out (an old server may repeat them). A revision that changed only foreign keys is a batch
 * without changes.
 */
export function toBatches(space: KeyMapper, events: readonly IEvent[], last: Revision): readonly Batch[] {
  const groups = new Map<Revision, Map<string, Change>>()
  for (const event of events) {
    const revision = BigInt(event.kv.mod_revision)
    if (revision <= last) continue
    const group = groups.get(revision) ?? new Map<string, Change>()
    groups.set(revision, group)
    const change = toChange(space, event, revision)
    // Keyed, because a key changes once in a revision even if an old server says so twice.
    if (change) group.set(event.kv.key.toString('latin1'), change)
  }
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([revision, group]) => ({ revision, changes: ownChanges(space, inKeyOrder(group)) }))
}

function toChange(space: KeyMapper, { type, kv }: IEvent, revision: Revision): Change | undefined {
  if (type === 'Delete') {
    const key = space.key(kv.key)
    if (key === undefined) space.forget(kv.key)
    return key && { type: 'delete', key, revision }
  }
  const entry = space.entry(kv)
  return entry && { type: 'put', entry }
}

function inKeyOrder(group: ReadonlyMap<string, Change>): readonly Change[] {
  return [...group].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, change]) => change)
}

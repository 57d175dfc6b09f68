import type { IEvent } from 'etcd3'
import type { Revision } from '../../model/document.ts'
import type { Batch, Change } from '../backend.ts'
import type { KeyMapper } from './key-mapper.ts'
import { ownChanges } from './own.ts'

/**
 * The events of one response, or of all its fragments, as batches: whole revisions, in order, without those
 * up to `last` (an old server may repeat them). A revision that changed only foreign keys is a batch without
 * changes.
 */
export function toBatches(keys: KeyMapper, events: readonly IEvent[], last: Revision): readonly Batch[] {
  const groups = new Map<Revision, Map<string, Change>>()
  for (const event of events) {
    const revision = BigInt(event.kv.mod_revision)
    if (revision <= last) continue
    const group = groups.get(revision) ?? new Map<string, Change>()
    groups.set(revision, group)
    const change = toChange(keys, event, revision)
    // A map, because an old server may send a change twice, and a key changes once in a revision.
    if (change) group.set(event.kv.key.toString('latin1'), change)
  }
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([revision, group]) => ({ revision, changes: ownChanges(keys, inKeyOrder(group)) }))
}

function toChange(keys: KeyMapper, { type, kv }: IEvent, revision: Revision): Change | undefined {
  if (type === 'Delete') {
    const key = keys.key(kv.key)
    if (key === undefined) keys.forget(kv.key)
    return key && { type: 'delete', key, revision }
  }
  const entry = keys.entry(kv)
  return entry && { type: 'put', entry }
}

function inKeyOrder(group: ReadonlyMap<string, Change>): readonly Change[] {
  return [...group].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, change]) => change)
}

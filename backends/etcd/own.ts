import type { IKeyValue } from 'etcd3'
import type { Entry, Revision } from '../../model/document.ts'
import { historyPrefix, type Key } from '../../model/key.ts'
import type { Change } from '../backend.ts'
import type { EndpointPool } from './endpoint-pool.ts'
import type { KeyMapper } from './key-mapper.ts'

/*
 * Whose an entry is whose key could be that of a document of ours and of a nested store alike.
 *
 * Invariant: overrides are ours if and only if a history record of theirs was put in the same revision. Our
 * commits always do that, whatever the text is, so no acknowledged change is ever ignored; a nested store
 * never does, because its history stands below its own prefix. A record that an older release put later,
 * taking the entry for an edit by hand, proves nothing. Documents of other kinds have no history: in doubt
 * they are the nested store's.
 */

/** The entries of ours among these, all of one read. @throws CallFailed. */
export async function ownEntries(
  link: EndpointPool,
  space: KeyMapper,
  kvs: readonly IKeyValue[],
): Promise<Entry[]> {
  const entries = space.entries(kvs)
  const foreign = new Set<Entry>()
  for (const entry of entries) {
    if (!space.isDoubtful(entry) || (await hasRecord(link, space, entry.key, entry.modRevision))) continue
    foreign.add(entry)
    space.ignore(entry)
  }
  return foreign.size === 0 ? entries : entries.filter(entry => !foreign.has(entry))
}

/** The changes of ours among those of one revision, whole. */
export function ownChanges(space: KeyMapper, changes: readonly Change[]): readonly Change[] {
  const isOurs = (key: Key): boolean => {
    const prefix = historyPrefix(key)
    return (
      hasHistory(key) && changes.some(change => change.type === 'put' && change.entry.key.startsWith(prefix))
    )
  }
  // The mark of a nested store tells whose the other keys of its first commit are, whatever their order.
  for (const change of changes)
    if (change.type === 'put' && !isOurs(change.entry.key))
      space.noteMark(change.entry.key, change.entry.text)
  return changes.filter(change => {
    if (change.type === 'delete') {
      const taken = space.isTaken(change.key) && !isOurs(change.key)
      if (taken) space.forget(space.address(change.key))
      return !taken
    }
    if (!space.isDoubtful(change.entry) || isOurs(change.entry.key)) return true
    space.ignore(change.entry)
    return false
  })
}

function hasHistory(key: Key): boolean {
  return key.startsWith('settings/') || key.startsWith('controllers/')
}

/**
 * True when a history record of overrides was put in the revision that put them, which makes them ours.
 * @throws CallFailed.
 */
export async function hasRecord(
  link: EndpointPool,
  space: KeyMapper,
  key: Key,
  revision: Revision,
): Promise<boolean> {
  if (!hasHistory(key)) return false
  const at = revision.toString()
  const request = {
    ...space.range(historyPrefix(key)),
    min_mod_revision: at,
    max_mod_revision: at,
    keys_only: true,
    limit: 1,
  }
  const { value } = await link.call((client, options) => client.kv.range(request, options))
  return value.kvs.length > 0
}

import type { IKeyValue } from 'etcd3'
import type { Entry, Revision } from '../../model/document.ts'
import { historyPrefix, type Key } from '../../model/key.ts'
import type { Change } from '../backend.ts'
import type { EndpointPool } from './connection/endpoint-pool.ts'
import type { KeyMapper } from './key-mapper.ts'

/*
 * Decides whether an entry is ours when its key could belong to this store and to a nested store alike.
 *
 * Invariant: overrides are ours if and only if a history record of theirs was put in the same revision. Our
 * commits always put one, whatever the text is, so no acknowledged change is ever ignored. A nested store
 * never does, because its history is below its own prefix. A record that an older release put in a later
 * revision, because it mistook the entry for a hand edit, proves nothing. Documents of other kinds have no
 * history: in doubt they belong to the nested store.
 */

/** The entries of this store among the entries of one read. @throws CallFailed. */
export async function ownEntries(
  pool: EndpointPool,
  keys: KeyMapper,
  kvs: readonly IKeyValue[],
): Promise<Entry[]> {
  const entries = keys.entries(kvs)
  const foreign = new Set<Entry>()
  for (const entry of entries) {
    if (!keys.isDoubtful(entry) || (await hasRecord(pool, keys, entry.key, entry.modRevision))) continue
    foreign.add(entry)
    keys.ignore(entry)
  }
  return foreign.size === 0 ? entries : entries.filter(entry => !foreign.has(entry))
}

/** The changes of this store among all changes of one revision. */
export function ownChanges(keys: KeyMapper, changes: readonly Change[]): readonly Change[] {
  const isOurs = (key: Key): boolean => {
    const prefix = historyPrefix(key)
    return (
      hasHistory(key) && changes.some(change => change.type === 'put' && change.entry.key.startsWith(prefix))
    )
  }
  // First the marks of nested stores: they decide about the other keys of the same commit, in any order.
  for (const change of changes)
    if (change.type === 'put' && !isOurs(change.entry.key)) keys.noteMark(change.entry.key, change.entry.text)
  return changes.filter(change => {
    if (change.type === 'delete') {
      const taken = keys.isTaken(change.key) && !isOurs(change.key)
      if (taken) keys.forget(keys.address(change.key))
      return !taken
    }
    if (!keys.isDoubtful(change.entry) || isOurs(change.entry.key)) return true
    keys.ignore(change.entry)
    return false
  })
}

function hasHistory(key: Key): boolean {
  return key.startsWith('settings/') || key.startsWith('controllers/')
}

/** True when a history record of overrides was put in the revision that put them. @throws CallFailed. */
export async function hasRecord(
  pool: EndpointPool,
  keys: KeyMapper,
  key: Key,
  revision: Revision,
): Promise<boolean> {
  if (!hasHistory(key)) return false
  const at = revision.toString()
  const request = {
    ...keys.range(historyPrefix(key)),
    min_mod_revision: at,
    max_mod_revision: at,
    keys_only: true,
    limit: 1,
  }
  const { value } = await pool.call((client, options) => client.kv.range(request, options))
  return value.kvs.length > 0
}

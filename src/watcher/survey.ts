import type { Backend, Batch, Change } from '../../backends/backend.ts'
import type { Entry } from '../../model/document.ts'
import { EVERYTHING, type Key, parseHistoryKey } from '../../model/key.ts'
import { ForeignKeys } from '../state/foreign-keys.ts'
import { parseRecord, type StoredRecord } from '../state/record.ts'
import type { Cache } from './cache.ts'
import { META_KEY } from './epoch.ts'
import { RecentEntries } from './recent-entries.ts'
import { isKept, keyOf } from './store-index.ts'
import type { Trail } from './trail.ts'

/** The differences between the store and the cache. */
export interface Survey {
  /** The difference, as if it had been one commit at the revision of the listing. */
  readonly batch: Batch
  readonly meta: Entry | undefined
  /**
   * True when the cache contains an entry that this store never had, because it was wiped or restored from an
   * older backup.
   */
  readonly rewound: boolean
  /** The last changes of the store, by which a later watch recognizes it; undefined for an empty store. */
  readonly trail: Trail | undefined
  /** The foreign keys that were not reported before. */
  readonly foreign: readonly Key[]
}

/** The newest history record of a document in the store. */
interface NewestRecord {
  readonly entry: Entry
  readonly record: StoredRecord
}

/**
 * Lists the whole store at one revision and compares it with the cache. An unknown entry at a `damaged` key
 * proves nothing about the store, because the cache may have missed it. An older entry there than the cache
 * has, or a record that the store lacks, does: no watch shows what never was.
 * @throws the errors of the backend; after HISTORY_LOST call it again.
 */
export async function surveyStore(
  backend: Pick<Backend, 'list'>,
  cache: Cache,
  damaged: ReadonlySet<Key> = new Set(),
  foreignKeys = new ForeignKeys(),
): Promise<Survey> {
  const listing = await backend.list(EVERYTHING)
  const listed = new Set<Key>()
  const newestRecords = new Map<Key, NewestRecord>()
  const changes: Change[] = []
  let meta: Entry | undefined
  const recent = new RecentEntries()
  const foreign: Key[] = []
  let rewound = listing.revision < cache.revision

  for await (const page of listing.pages) {
    foreign.push(...foreignKeys.among(page.map(({ key }) => key)))
    for (const entry of page) {
      recent.add(entry)
      if (entry.key === META_KEY) meta = entry
      keepNewest(newestRecords, entry)
      if (!isKept(entry.key)) continue
      listed.add(entry.key)
      if (cache.index.holds(entry)) continue
      changes.push({ type: 'put', entry })
      const known = cache.index.revisionOf(entry.key) ?? 0n
      // The cache would contain every change of this store up to its revision.
      if (entry.modRevision <= cache.revision && (!damaged.has(entry.key) || entry.modRevision < known))
        rewound = true
    }
  }

  for (const key of cache.index.keys())
    if (!listed.has(key)) changes.push({ type: 'delete', key, revision: listing.revision })
  if (lacksRecord(newestRecords, cache)) rewound = true
  // It was deleted and put again with the same epoch.
  if (meta && cache.meta && meta.createRevision !== cache.meta.createRevision) rewound = true
  for (const { entry } of newestRecords.values()) changes.push({ type: 'put', entry })
  if (meta) changes.push({ type: 'put', entry: meta })
  changes.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  return {
    batch: { revision: listing.revision, changes },
    meta,
    rewound,
    trail: recent.trail(listing.revision),
    foreign,
  }
}

/**
 * Keeps an entry that is a history record. Keys are listed in byte order, so the last record of a document is
 * its newest.
 */
function keepNewest(newestRecords: Map<Key, NewestRecord>, entry: Entry): void {
  const history = parseHistoryKey(entry.key)
  const record = history && parseRecord(entry)
  if (history && record) newestRecords.set(history.document, { entry, record })
}

/**
 * True when the cache has a later version of a document than the store, or another one of the same number.
 */
function lacksRecord(newestRecords: ReadonlyMap<Key, NewestRecord>, cache: Cache): boolean {
  for (const { key, record: known } of cache.documents()) {
    if (!known) continue
    const found = newestRecords.get(key)?.record
    if (
      !found ||
      found.version < known.version ||
      (found.version === known.version && found.writeId !== known.writeId)
    )
      return true
  }
  return false
}

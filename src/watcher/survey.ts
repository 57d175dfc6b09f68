import type { Backend, Batch, Change } from '../../backends/backend.ts'
import type { Entry } from '../../model/document.ts'
import { EVERYTHING, type Key, parseHistoryKey } from '../../model/key.ts'
import { parseRecord, type StoredRecord } from '../state/record.ts'
import type { Cache } from './cache.ts'
import { META_KEY } from './epoch.ts'
import { createResumePoint, type ResumePoint } from './resume-point.ts'
import { isKept, keyOf } from './store-index.ts'

/** How the store differs from the cache. */
export interface Survey {
  /** What brings the cache to the store's state, as if it had been one commit at the listing's revision. */
  readonly batch: Batch
  readonly meta: Entry | undefined
  /**
   * True when the cache knows of something that this store never had: it was wiped, or restored from an older
   * backup.
   */
  readonly rewound: boolean
  /** What changed last, by which a later watch can tell whether it is still the same store. */
  readonly anchor: ResumePoint | undefined
}

/** The newest record of a document in the store. */
interface Head {
  readonly entry: Entry
  readonly record: StoredRecord
}

/**
 * Lists the whole store at one revision and compares; a difference at one of the `damaged` keys says nothing
 * about the store, for it is the cache that is
 * wrong there. @throws what the backend throws; HISTORY_LOST: begin again. */
export async function surveyStore(
  backend: Pick<Backend, 'list'>,
  cache: Cache,
  damaged: ReadonlySet<Key> = new Set(),
): Promise<Survey> {
  const listing = await backend.list(EVERYTHING)
  const seen = new Set<Key>()
  const heads = new Map<Key, Head>()
  const changes: Change[] = []
  let meta: Entry | undefined
  let newest: Entry[] = []
  let rewound = listing.revision < cache.revision

  for await (const page of listing.pages) {
    for (const entry of page) {
      newest = withNewest(newest, entry)
      if (entry.key === META_KEY) meta = entry
      takeHead(heads, entry)
      if (!isKept(entry.key)) continue
      seen.add(entry.key)
      if (cache.holds(entry)) continue
      changes.push({ type: 'put', entry })
      // Everything up to the cache's revision would be known if it had happened in this store.
      if (entry.modRevision <= cache.revision && !damaged.has(entry.key)) rewound = true
    }
  }

  for (const key of cache.keys())
    if (!seen.has(key)) changes.push({ type: 'delete', key, revision: listing.revision })
  if (lacksRecord(heads, cache, damaged)) rewound = true
  for (const { entry } of heads.values()) changes.push({ type: 'put', entry })
  if (meta) changes.push({ type: 'put', entry: meta })
  changes.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  const [last] = newest
  return {
    batch: { revision: listing.revision, changes },
    meta,
    rewound,
    anchor: last && createResumePoint(last.modRevision, newest, false),
  }
}

/** The entries of the highest revision so far. */
function withNewest(newest: Entry[], entry: Entry): Entry[] {
  const highest = newest[0]?.modRevision ?? 0n
  if (entry.modRevision > highest) return [entry]
  if (entry.modRevision === highest) newest.push(entry)
  return newest
}

/**
 * Keys come in byte order, so the last record of a document is its newest; what another hand wrote there is
 * none.
 */
function takeHead(heads: Map<Key, Head>, entry: Entry): void {
  const history = parseHistoryKey(entry.key)
  const record = history && parseRecord(entry)
  if (history && record) heads.set(history.document, { entry, record })
}

/**
 * True when the cache knows a later version of a document than the store has, or another one of the same
 * number.
 */
function lacksRecord(heads: ReadonlyMap<Key, Head>, cache: Cache, damaged: ReadonlySet<Key>): boolean {
  for (const { key, record: known } of cache.documents()) {
    if (!known || damaged.has(key)) continue
    const found = heads.get(key)?.record
    if (
      !found ||
      found.version < known.version ||
      (found.version === known.version && found.writeId !== known.writeId)
    )
      return true
  }
  return false
}

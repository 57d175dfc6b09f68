import type { Backend, Batch, Change } from '../../backends/backend.ts'
import type { Entry } from '../../model/document.ts'
import { EVERYTHING, type Key, parseHistoryKey, splitKey } from '../../model/key.ts'
import { parseRecord } from '../settings/record.ts'
import { ANNOUNCED, type Cache, META_KEY } from './cache.ts'

/** How the store differs from the cache. */
export interface Survey {
  /** What brings the cache to the store's state, as if it had been one commit at the listing's revision. */
  readonly batch: Batch
  readonly meta: Entry | undefined
  /** True when the cache knows of something that this store never had: it was wiped, or restored from an older backup. */
  readonly rewound: boolean
  /** The entry that changed last, by which a later watch can tell whether it is still the same store. */
  readonly newest: Entry | undefined
}

/** Lists the whole store at one revision and compares. @throws what the backend throws; HISTORY_LOST: begin again. */
export async function surveyStore(backend: Backend, cache: Cache): Promise<Survey> {
  const listing = await backend.list(EVERYTHING)
  const seen = new Set<Key>()
  const heads = new Map<Key, Entry>()
  const changes: Change[] = []
  let meta: Entry | undefined
  let newest: Entry | undefined
  let rewound = listing.revision < cache.revision

  for await (const page of listing.pages) {
    for (const entry of page) {
      if (!newest || entry.revision > newest.revision) newest = entry
      const history = parseHistoryKey(entry.key)
      // Keys come in byte order, so the last record of a document is its newest.
      if (history) heads.set(history.document, entry)
      if (entry.key === META_KEY) meta = entry
      if (!ANNOUNCED.has(splitKey(entry.key).kind)) continue
      seen.add(entry.key)
      if (cache.holds(entry)) continue
      changes.push({ type: 'put', entry })
      // Everything up to the cache's revision would be known if it had happened in this store.
      if (entry.revision <= cache.revision) rewound = true
    }
  }

  for (const key of cache.keys()) if (!seen.has(key)) changes.push({ type: 'delete', key, revision: listing.revision })
  for (const [document, known] of cache.records()) {
    const head = heads.get(document)
    const record = head && parseRecord(head)
    if (!record || record.version < known.version || (record.version === known.version && record.writeId !== known.writeId)) rewound = true
  }
  for (const entry of heads.values()) changes.push({ type: 'put', entry })
  if (meta) changes.push({ type: 'put', entry: meta })
  changes.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  return { batch: { revision: listing.revision, changes }, meta, rewound, newest }
}

function keyOf(change: Change): Key {
  return change.type === 'put' ? change.entry.key : change.key
}

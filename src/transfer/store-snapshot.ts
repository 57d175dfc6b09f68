import type { Backend, Listing } from '../../backends/backend.ts'
import type { Entry, Revision } from '../../model/document.ts'
import { isSettingsError } from '../../model/errors.ts'
import { EVERYTHING } from '../../model/key.ts'
import { META_KEY, readEpoch } from '../watcher/epoch.ts'
import { isTransferred } from './transferred-content.ts'

/** The content of a store at one revision, without the entries that a transfer leaves out. */
export interface StoreSnapshot {
  /** The name of the store, as in the log. */
  readonly store: string
  /** 0 when no service has ever run on it. */
  readonly epoch: number
  readonly revision: Revision
  /** The time of the snapshot, ISO 8601. */
  readonly at: string
  /** In byte order of their keys. */
  readonly entries: readonly Entry[]
}

/** Attempts to read a store that is compacted meanwhile. */
const MAX_READ_ATTEMPTS = 5

/**
 * Reads a whole store, at one revision.
 * @throws SettingsError STORE_FORMAT for an incomplete store or one of a newer release, and the
 * errors of reading it.
 */
export async function takeSnapshot(backend: Backend, store: string): Promise<StoreSnapshot> {
  for (let attempt = 1; ; attempt++) {
    try {
      const listing = await backend.list(EVERYTHING)
      return snapshotOf(store, listing.revision, await readAll(listing))
    } catch (error) {
      // The store was compacted beyond the revision that is read.
      if (!isSettingsError(error, 'HISTORY_LOST') || attempt === MAX_READ_ATTEMPTS) throw error
    }
  }
}

/**
 * The snapshot of a store with these entries.
 * @throws SettingsError STORE_FORMAT for an incomplete store or one of a newer release.
 */
export function snapshotOf(store: string, revision: Revision, entries: readonly Entry[]): StoreSnapshot {
  const epoch = readEpoch(entries.find(({ key }) => key === META_KEY))
  return {
    store,
    epoch,
    revision,
    at: new Date().toISOString(),
    entries: entries.filter(({ key }) => isTransferred(key)),
  }
}

/** Every entry of a listing. */
export async function readAll({ pages }: Listing): Promise<Entry[]> {
  const entries: Entry[] = []
  for await (const page of pages) for (const entry of page) entries.push(entry)
  return entries
}

import type { Backend, Listing } from '../../backends/backend.ts'
import type { Entry, Revision } from '../../model/document.ts'
import { isSettingsError } from '../../model/errors.ts'
import { EVERYTHING } from '../../model/key.ts'
import { META_KEY, readEpoch } from '../watcher/epoch.ts'
import { isMoved } from './moved.ts'

/** What a store held at one revision, as far as it moves. */
export interface StoreSnapshot {
  /** The store, as the log names it. */
  readonly store: string
  /** 0 when no service ever ran on it. */
  readonly epoch: number
  readonly revision: Revision
  /** When it was taken, ISO 8601. */
  readonly at: string
  /** In byte order of their keys, as the store has them. */
  readonly entries: readonly Entry[]
}

/** How often a store may be compacted while it is read, in a row. */
const ATTEMPTS = 5

/**
 * Reads a whole store, at one revision.
 * @throws SettingsError STORE_FORMAT for one that is not whole or of a newer release, and what reading it
 * throws.
 */
export async function takeSnapshot(backend: Backend, store: string): Promise<StoreSnapshot> {
  for (let attempt = 1; ; attempt++) {
    try {
      const listing = await backend.list(EVERYTHING)
      return pictureOf(store, listing.revision, await readAll(listing))
    } catch (error) {
      // Compacted beyond the revision at which it was read.
      if (!isSettingsError(error, 'HISTORY_LOST') || attempt === ATTEMPTS) throw error
    }
  }
}

/**
 * What of these entries of a store moves.
 * @throws SettingsError STORE_FORMAT for a store that is not whole or of a newer release.
 */
export function pictureOf(store: string, revision: Revision, entries: readonly Entry[]): StoreSnapshot {
  const epoch = readEpoch(entries.find(({ key }) => key === META_KEY))
  return {
    store,
    epoch,
    revision,
    at: new Date().toISOString(),
    entries: entries.filter(({ key }) => isMoved(key)),
  }
}

/** Every entry of a listing. */
export async function readAll({ pages }: Listing): Promise<Entry[]> {
  const entries: Entry[] = []
  for await (const page of pages) for (const entry of page) entries.push(entry)
  return entries
}

import type { Entry, Revision } from '../model/document.ts'
import type { Listing, ListOptions } from './backend.ts'

/** The number of entries on a page of a listing in memory. */
const PAGE_ENTRIES = 500

/**
 * The listing of entries that are all in memory, in byte order of their keys; with `newest` only the last of
 * them, in reverse order.
 */
export function listingOf(
  revision: Revision,
  entries: readonly Entry[],
  { newest }: ListOptions = {},
): Listing {
  const listed = newest === undefined ? entries : entries.toReversed().slice(0, newest)
  return { revision, pages: pagesOf(listed) }
}

async function* pagesOf(entries: readonly Entry[]): AsyncGenerator<readonly Entry[]> {
  for (let at = 0; at < entries.length; at += PAGE_ENTRIES) yield entries.slice(at, at + PAGE_ENTRIES)
}

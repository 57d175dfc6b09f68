import { type IKeyValue, type IRangeRequest, type IRangeResponse, SortOrder, SortTarget } from 'etcd3'
import type { Entry, Revision } from '../../model/document.ts'
import type { Key, Prefix } from '../../model/key.ts'
import type { Listing, ListOptions } from '../backend.ts'
import { toStoreError } from './errors.ts'
import type { Link } from './link.ts'
import type { Space } from './space.ts'

const FIRST_PAGE = 256
const LARGEST_PAGE = 5000
const SMALLEST_PAGE = 8
/** What a page should weigh, in bytes: little enough that parsing it does not stop the process for long. */
const PAGE_WEIGHT = 4 * 1024 * 1024

/** The entry of a key as every commit before this call left it. */
export async function getEntry(link: Link, space: Space, key: Key): Promise<Entry | undefined> {
  const response = await range(link, { key: space.address(key) }, key)
  return space.entries(response.kvs)[0]
}

/**
 * Lists at the revision that the first page was read at. The pages are read as they are asked for, so the iteration throws HISTORY_LOST when the store was
 * compacted beyond that revision in between: what was given already is then of no use, and the caller lists again.
 */
export async function listEntries(link: Link, space: Space, prefix: Prefix, { newest }: ListOptions = {}): Promise<Listing> {
  const all = space.range(prefix)
  const order = newest === undefined ? {} : { sort_order: SortOrder.Descend, sort_target: SortTarget.Key }
  const read = (rest: IRangeRequest, limit: number) => range(link, { ...all, ...order, ...rest, limit }, `the list of ${prefix || 'everything'}`)
  const first = await read({}, Math.min(FIRST_PAGE, newest ?? FIRST_PAGE))
  const revision: Revision = BigInt(first.header.revision)

  async function* pages(): AsyncGenerator<readonly Entry[]> {
    let left = newest ?? Number.POSITIVE_INFINITY
    for (let page = first; ; ) {
      const entries = space.entries(page.kvs)
      left -= entries.length
      if (entries.length > 0) yield entries
      const last = page.kvs.at(-1)
      if (!page.more || !last || left <= 0) return
      const rest = newest === undefined ? { key: after(last.key) } : { range_end: last.key }
      page = await read({ ...rest, revision: revision.toString() }, Math.min(left, pageSize(page.kvs)))
    }
  }
  return { revision, pages: pages() }
}

async function range(link: Link, request: IRangeRequest, what: string): Promise<IRangeResponse> {
  try {
    return (await link.call((client, options) => client.kv.range(request, options))).value
  } catch (error) {
    throw toStoreError(error, `reading ${what}`, link.endpoints)
  }
}

/** How many entries like these weigh as much as a page should; at most eight times as many as there were, in case the next ones are heavier. */
function pageSize(kvs: readonly IKeyValue[]): number {
  const weight = kvs.reduce((sum, { key, value }) => sum + key.length + value.length, 0)
  const fitting = Math.floor((PAGE_WEIGHT * kvs.length) / Math.max(1, weight))
  return Math.max(SMALLEST_PAGE, Math.min(fitting, 8 * kvs.length, LARGEST_PAGE))
}

function after(key: Buffer): Buffer {
  return Buffer.concat([key, Buffer.of(0)])
}

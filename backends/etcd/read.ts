import { type IRangeRequest, type IRangeResponse, SortOrder, SortTarget } from 'etcd3'
import type { Entry, Revision } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import { EVERYTHING, type Key, type Prefix } from '../../model/key.ts'
import type { Listing, ListOptions } from '../backend.ts'
import type { EndpointPool } from './connection/endpoint-pool.ts'
import { CallFailed, toStoreError } from './connection/errors.ts'
import type { KeyMapper } from './key-mapper.ts'
import { overlapError } from './overlap.ts'
import { ownEntries } from './own.ts'
import type { PageSizer } from './page-sizer.ts'

/** Reads the entry of a key after every commit that ended before this call. */
export async function getEntry(pool: EndpointPool, keys: KeyMapper, key: Key): Promise<Entry | undefined> {
  const response = await range(pool, { key: keys.address(key) }, key)
  return (await own(pool, keys, response.kvs, key))[0]
}

/**
 * Lists at the revision at which the first page was read. The other pages are read during the iteration. It
 * throws HISTORY_LOST when the store was compacted beyond that revision in between: the entries so far are
 * then useless, and the caller lists again.
 */
export async function listEntries(
  pool: EndpointPool,
  keys: KeyMapper,
  sizer: PageSizer,
  prefix: Prefix,
  { newest }: ListOptions = {},
): Promise<Listing> {
  const all = keys.range(prefix)
  const order = newest === undefined ? {} : { sort_order: SortOrder.Descend, sort_target: SortTarget.Key }
  const slow = newest === undefined ? () => sizer.shrink() : undefined
  const read = (rest: IRangeRequest, limit: number) =>
    range(pool, { ...all, ...order, ...rest, limit }, `the list of ${prefix || 'all keys'}`, slow)
  const first = await read({}, Math.min(sizer.first, newest ?? sizer.first))
  const revision: Revision = BigInt(first.header.revision)
  const { found } = keys

  async function* readPages(): AsyncGenerator<readonly Entry[]> {
    let left = newest ?? Number.POSITIVE_INFINITY
    for (let page = first; ; ) {
      const entries = await own(pool, keys, page.kvs, `the list of ${prefix || 'all keys'}`)
      refuseNested(keys, found, prefix)
      left -= entries.length
      if (entries.length > 0) yield entries
      const last = page.kvs.at(-1)
      if (!page.more || !last || left <= 0) {
        // Not after a single page, which proves nothing about a long listing.
        if (page !== first) sizer.grow()
        if (prefix === EVERYTHING) keys.refusesNested = false
        return
      }
      const rest = newest === undefined ? { key: after(last.key) } : { range_end: last.key }
      page = await read({ ...rest, revision: revision.toString() }, Math.min(left, sizer.next(page.kvs)))
    }
  }
  return { revision, pages: readPages() }
}

/** Reads one range; `slow` is called when it was sent and timed out. */
async function range(
  pool: EndpointPool,
  request: IRangeRequest,
  what: string,
  slow?: () => void,
): Promise<IRangeResponse> {
  try {
    return (await pool.call((client, options) => client.kv.range(request, options))).value
  } catch (error) {
    if (error instanceof CallFailed && error.failure.kind === 'unknown') slow?.()
    throw toStoreError(error, `reading ${what}`, pool.endpoints)
  }
}

/** The entries of this store in a page. */
async function own(
  pool: EndpointPool,
  keys: KeyMapper,
  kvs: IRangeResponse['kvs'],
  what: string,
): Promise<Entry[]> {
  try {
    return await ownEntries(pool, keys, kvs)
  } catch (error) {
    throw toStoreError(error, `reading ${what}`, pool.endpoints)
  }
}

/**
 * @throws SettingsError STORE_OVERLAP for a nested store that {@link findOverlaps} did not find; HISTORY_LOST
 * when one was created later, because the pages before may contain its documents.
 */
function refuseNested(keys: KeyMapper, found: number, prefix: Prefix): void {
  const [nested] = keys.nested
  if (keys.refusesNested && nested !== undefined) throw overlapError(keys.prefix, nested)
  if (keys.found === found) return
  const message = `A store nested below this one was found while ${prefix || 'all keys'} were listed. List again; its documents are then left out.`
  throw new SettingsError('HISTORY_LOST', message, { details: { reason: 'overlap' } })
}

function after(key: Buffer): Buffer {
  return Buffer.concat([key, Buffer.of(0)])
}

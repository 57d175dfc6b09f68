import { type IRangeRequest, type IRangeResponse, SortOrder, SortTarget } from 'etcd3'
import type { Entry, Revision } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import { EVERYTHING, type Key, type Prefix } from '../../model/key.ts'
import type { Listing, ListOptions } from '../backend.ts'
import type { EndpointPool } from './endpoint-pool.ts'
import { CallFailed, toStoreError } from './errors.ts'
import type { KeyMapper } from './key-mapper.ts'
import { overlapError } from './overlap.ts'
import { ownEntries } from './own.ts'
import type { PageSizer } from './page-sizer.ts'

/** The entry of a key as every commit before this call left it. */
export async function getEntry(link: EndpointPool, space: KeyMapper, key: Key): Promise<Entry | undefined> {
  const response = await range(link, { key: space.address(key) }, key)
  return (await own(link, space, response.kvs, key))[0]
}

/**
 * Lists at the revision that the first page was read at. The pages are read as they are asked for, so the
 * iteration throws HISTORY_LOST when the store was compacted beyond that revision in between: what was given
 * already is then of no use, and the caller lists again.
 */
export async function listEntries(
  link: EndpointPool,
  space: KeyMapper,
  pages: PageSizer,
  prefix: Prefix,
  { newest }: ListOptions = {},
): Promise<Listing> {
  const all = space.range(prefix)
  const order = newest === undefined ? {} : { sort_order: SortOrder.Descend, sort_target: SortTarget.Key }
  const slow = newest === undefined ? () => pages.shrink() : undefined
  const read = (rest: IRangeRequest, limit: number) =>
    range(link, { ...all, ...order, ...rest, limit }, `the list of ${prefix || 'all keys'}`, slow)
  const first = await read({}, Math.min(pages.first, newest ?? pages.first))
  const revision: Revision = BigInt(first.header.revision)
  const { found } = space

  async function* give(): AsyncGenerator<readonly Entry[]> {
    let left = newest ?? Number.POSITIVE_INFINITY
    for (let page = first; ; ) {
      const entries = await own(link, space, page.kvs, `the list of ${prefix || 'all keys'}`)
      refuseNested(space, found, prefix)
      left -= entries.length
      if (entries.length > 0) yield entries
      const last = page.kvs.at(-1)
      if (!page.more || !last || left <= 0) {
        // A short list says nothing of a long one.
        if (page !== first) pages.grow()
        if (prefix === EVERYTHING) space.refusesNested = false
        return
      }
      const rest = newest === undefined ? { key: after(last.key) } : { range_end: last.key }
      page = await read({ ...rest, revision: revision.toString() }, Math.min(left, pages.next(page.kvs)))
    }
  }
  return { revision, pages: give() }
}

/** One range; `slow` is called when it was sent and no answer came in time. */
async function range(
  link: EndpointPool,
  request: IRangeRequest,
  what: string,
  slow?: () => void,
): Promise<IRangeResponse> {
  try {
    return (await link.call((client, options) => client.kv.range(request, options))).value
  } catch (error) {
    if (error instanceof CallFailed && error.failure.kind === 'unknown') slow?.()
    throw toStoreError(error, `reading ${what}`, link.endpoints)
  }
}

/** The entries of ours in a page. */
async function own(
  link: EndpointPool,
  space: KeyMapper,
  kvs: IRangeResponse['kvs'],
  what: string,
): Promise<Entry[]> {
  try {
    return await ownEntries(link, space, kvs)
  } catch (error) {
    throw toStoreError(error, `reading ${what}`, link.endpoints)
  }
}

/**
 * @throws SettingsError STORE_OVERLAP for a nested store that {@link findOverlaps} passed by; HISTORY_LOST
 * when one appeared later, because what was given before may have been its documents.
 */
function refuseNested(space: KeyMapper, found: number, prefix: Prefix): void {
  const [nested] = space.nested
  if (space.refusesNested && nested !== undefined) throw overlapError(space.prefix, nested)
  if (space.found === found) return
  const message = `A store nested below this one was found while ${prefix || 'all keys'} were listed. List again; its documents are then left out.`
  throw new SettingsError('HISTORY_LOST', message, { details: { reason: 'overlap' } })
}

function after(key: Buffer): Buffer {
  return Buffer.concat([key, Buffer.of(0)])
}

import type { IKeyValue, IRangeRequest, ITxnResponse } from 'etcd3'
import type { Revision } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import { KINDS, makePrefix, type Prefix, parseKey } from '../../model/key.ts'
import { isStoreMark, nestedPlace, outerPlaces, STORE_KEY } from '../../model/overlap.ts'
import type { EndpointPool } from './connection/endpoint-pool.ts'
import { CallFailed } from './connection/errors.ts'
import type { KeyMapper } from './key-mapper.ts'
import { hasRecord } from './own.ts'

/**
 * A store at another prefix that overlaps: some keys would be documents of both stores. `created` is the
 * revision that created its `meta/store`.
 */
export interface OtherStore {
  readonly prefix: string
  readonly created: Revision
}

/**
 * The number of keys in the first range of a kind and in each later one, and the largest number of ranges of
 * a kind: etcd walks over the rest of the kind for each.
 */
const FIRST_PAGE_KEYS = 64
const PAGE_KEYS = 1_000
const MAX_ROUNDS = 8
/** The number of keys that one transaction reads; etcd allows 128. */
const MAX_READS = 100

/**
 * Finds the stores that overlap with the one at `prefix`, oldest first.
 *
 * It looks for outer stores at each prefix that would own our keys; one that may not be read counts as none.
 * The reads for nested stores are bounded, whatever the store holds. A nested store directly at a kind is
 * always found, one in a folder below it within some thousand keys. The first listing of everything finds the
 * others before the listing is used ({@link listEntries}).
 * @throws CallFailed when etcd does not answer.
 */
export async function findOverlaps(
  pool: EndpointPool,
  keys: KeyMapper,
  prefix: string,
): Promise<readonly OtherStore[]> {
  const outer = Promise.all(outerPlaces(prefix).map(place => readOuter(pool, place)))
  const [above, below] = await Promise.all([outer, findNested(pool, keys, prefix)])
  const found = [...above.flatMap(store => store ?? []), ...below]
  return found.sort((a, b) => (a.created < b.created ? -1 : a.created > b.created ? 1 : 0))
}

/** The error when the store at `prefix` overlaps with another one. */
export function overlapError(prefix: string, other: string): SettingsError {
  const [outer, inner] = other.length < prefix.length ? [other, prefix] : [prefix, other]
  return new SettingsError(
    'STORE_OVERLAP',
    `The etcd prefix "${prefix}" overlaps the store at "${other}": keys below "${inner}/" would also be documents of "${outer}". ` +
      `Nothing was written. Set prefix in [settings.etcd] to one that is not another store's prefix plus ${KINDS.join(', ')}. ` +
      `If the store at "${other}" is unused, stop its services and delete its key "${other}/${STORE_KEY}".`,
    { details: { prefix, other } },
  )
}

async function readOuter(pool: EndpointPool, place: string): Promise<OtherStore | undefined> {
  try {
    const { value } = await pool.call((client, options) =>
      client.kv.range({ key: Buffer.from(`${place}/${STORE_KEY}`) }, options),
    )
    const [mark] = value.kvs
    return mark && isStoreMark(mark.value.toString('utf8'))
      ? { prefix: place, created: BigInt(mark.create_revision) }
      : undefined
  } catch (error) {
    // The user has permission for this prefix only, so it cannot be known whether there is an outer store.
    if (error instanceof CallFailed && error.failure.code === 'STORE_REFUSED') return undefined
    throw error
  }
}

async function findNested(
  pool: EndpointPool,
  keys: KeyMapper,
  prefix: string,
): Promise<readonly OtherStore[]> {
  const marks = [...(await findMarks(pool, keys, prefix))]
  const below = await Promise.all(marks.map(address => readNested(pool, keys, prefix, address)))
  return below.flatMap(store => store ?? [])
}

/**
 * The nested store whose `meta/store` is at an address below our prefix; undefined when the document there is
 * ours, or is no such mark.
 */
async function readNested(
  pool: EndpointPool,
  keys: KeyMapper,
  prefix: string,
  address: string,
): Promise<OtherStore | undefined> {
  const { value } = await pool.call((client, options) =>
    client.kv.range({ key: Buffer.from(`${prefix}/${address}`) }, options),
  )
  const [mark] = value.kvs
  const place = nestedPlace(address)
  if (!mark || place === undefined || !isStoreMark(mark.value.toString('utf8'))) return undefined
  const key = parseKey(address)
  if (key !== undefined && (await hasRecord(pool, keys, key, BigInt(mark.mod_revision)))) return undefined
  return { prefix: `${prefix}/${place.slice(0, -1)}`, created: BigInt(mark.create_revision) }
}

/**
 * The addresses below the prefix that have the `meta/store` of a nested store, or a document of ours with the
 * same key.
 */
async function findMarks(pool: EndpointPool, keys: KeyMapper, prefix: string): Promise<ReadonlySet<string>> {
  const start = `${prefix}/`.length
  const marks = new Set<string>()
  const folders = new Set<string>(KINDS.map(kind => makePrefix(kind)))
  const take = (kvs: readonly IKeyValue[], kind: string): void => {
    for (const { key } of kvs) {
      const address = key.toString('utf8').slice(start)
      if (nestedPlace(address) !== undefined) marks.add(address)
      const end = address.indexOf('/', kind.length)
      if (end > 0) folders.add(address.slice(0, end + 1))
    }
  }
  let open: { readonly kind: Prefix; readonly from?: Buffer }[] = KINDS.map(kind => ({
    kind: makePrefix(kind),
  }))
  for (let round = 0; open.length > 0 && round < MAX_ROUNDS; round++) {
    const pages = await readAll(
      pool,
      open.map(({ kind, from }) => ({
        ...keys.range(kind),
        ...(from && { key: from }),
        limit: round === 0 ? FIRST_PAGE_KEYS : PAGE_KEYS,
        keys_only: true,
      })),
    )
    open = open.flatMap(({ kind }, n) => {
      const { kvs = [], more = false } = pages[n] ?? {}
      take(kvs, kind)
      const last = kvs.at(-1)?.key
      return more && last ? [{ kind, from: pastFolder(last, Buffer.byteLength(`${prefix}/${kind}`)) }] : []
    })
  }
  // A folder whose keys were skipped may contain a store too.
  const asked = [...folders]
    .map(folder => `${folder}${STORE_KEY}`)
    .filter(address => !marks.has(address) && nestedPlace(address) !== undefined)
  const answers = await readAll(
    pool,
    asked.map(address => ({ key: Buffer.from(`${prefix}/${address}`), keys_only: true })),
  )
  for (const [n, { kvs }] of answers.entries()) if (kvs.length > 0) marks.add(asked[n] ?? '')
  return marks
}

/** The start of the next folder after the one of a key, whose name is the segment at this byte. */
function pastFolder(key: Buffer, at: number): Buffer {
  const end = key.indexOf('/', at)
  // '0' follows '/'; after a key without a folder comes the next key.
  return end < 0
    ? Buffer.concat([key, Buffer.of(0)])
    : Buffer.concat([key.subarray(0, end), Buffer.from('0')])
}

type Range = NonNullable<ITxnResponse['responses'][number]['response_range']>

/** Reads several ranges in as few round trips as etcd allows. */
async function readAll(pool: EndpointPool, requests: readonly IRangeRequest[]): Promise<readonly Range[]> {
  const answers: Range[] = []
  for (let at = 0; at < requests.length; at += MAX_READS) {
    const success = requests.slice(at, at + MAX_READS).map(request_range => ({ request_range }))
    const { value } = await pool.call((client, options) => client.kv.txn({ success }, options))
    answers.push(...value.responses.map(({ response_range }) => response_range))
  }
  return answers
}

/** Reads the `meta/store` of this store. */
export async function readOwnMark(pool: EndpointPool, keys: KeyMapper): Promise<IKeyValue | undefined> {
  const { value } = await pool.call((client, options) =>
    client.kv.range({ key: keys.address(STORE_KEY) }, options),
  )
  return value.kvs[0]
}

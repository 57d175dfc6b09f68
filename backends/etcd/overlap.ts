import type { IKeyValue, IRangeRequest, ITxnResponse } from 'etcd3'
import type { Revision } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import { KINDS, makePrefix, type Prefix, parseKey } from '../../model/key.ts'
import { isStoreMark, nestedPlace, outerPlaces, STORE_KEY } from '../../model/overlap.ts'
import type { EndpointPool } from './endpoint-pool.ts'
import { CallFailed } from './errors.ts'
import type { KeyMapper } from './key-mapper.ts'
import { hasRecord } from './own.ts'

/**
 * A store at another prefix whose keys and ours would be documents of both; `created` is the revision that
 * made its `meta/store`.
 */
export interface OtherStore {
  readonly prefix: string
  readonly created: Revision
}

/**
 * How many keys the first range of a kind gives, and each later one; and how many ranges of a kind are read:
 * etcd walks over the rest of the kind for each.
 */
const FIRST_PAGE = 64
const PAGE = 1_000
const ROUNDS = 8
/** How many keys one transaction reads; etcd takes 128. */
const READS = 100

/**
 * The stores that overlap with the one at `prefix`, oldest first.
 *
 * Outer stores are looked for at each place that would own our keys; one that may not be read is taken as
 * none. What is read for nested stores is bounded, whatever the store holds: they are found directly at a
 * kind always, and in the folders below it as far as some thousand keys lead. Where there are more, the first
 * listing of everything finds the others before it is used ({@link listEntries}).
 * @throws CallFailed when etcd does not answer.
 */
export async function findOverlaps(
  link: EndpointPool,
  space: KeyMapper,
  prefix: string,
): Promise<readonly OtherStore[]> {
  const outer = Promise.all(outerPlaces(prefix).map(place => readOuter(link, place)))
  const [above, below] = await Promise.all([outer, findNested(link, space, prefix)])
  const found = [...above.flatMap(store => store ?? []), ...below]
  return found.sort((a, b) => (a.created < b.created ? -1 : a.created > b.created ? 1 : 0))
}

/** The error of a store at `prefix` that overlaps with another one. */
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

async function readOuter(link: EndpointPool, place: string): Promise<OtherStore | undefined> {
  try {
    const { value } = await link.call((client, options) =>
      client.kv.range({ key: Buffer.from(`${place}/${STORE_KEY}`) }, options),
    )
    const [mark] = value.kvs
    return mark && isStoreMark(mark.value.toString('utf8'))
      ? { prefix: place, created: BigInt(mark.create_revision) }
      : undefined
  } catch (error) {
    // A user whose right covers this prefix alone; whether there is another store above it cannot be known.
    if (error instanceof CallFailed && error.failure.code === 'STORE_REFUSED') return undefined
    throw error
  }
}

async function findNested(
  link: EndpointPool,
  space: KeyMapper,
  prefix: string,
): Promise<readonly OtherStore[]> {
  const marks = [...(await findMarks(link, space, prefix))]
  const below = await Promise.all(marks.map(address => readNested(link, space, prefix, address)))
  return below.flatMap(store => store ?? [])
}

/**
 * The store whose `meta/store` stands at an address below our prefix; undefined when the document there is
 * ours, or says no such thing.
 */
async function readNested(
  link: EndpointPool,
  space: KeyMapper,
  prefix: string,
  address: string,
): Promise<OtherStore | undefined> {
  const { value } = await link.call((client, options) =>
    client.kv.range({ key: Buffer.from(`${prefix}/${address}`) }, options),
  )
  const [mark] = value.kvs
  const place = nestedPlace(address)
  if (!mark || place === undefined || !isStoreMark(mark.value.toString('utf8'))) return undefined
  const key = parseKey(address)
  if (key !== undefined && (await hasRecord(link, space, key, BigInt(mark.mod_revision)))) return undefined
  return { prefix: `${prefix}/${place.slice(0, -1)}`, created: BigInt(mark.create_revision) }
}

/**
 * Addresses below the prefix where the `meta/store` of a nested store stands, or a document whose key is the
 * same.
 */
async function findMarks(link: EndpointPool, space: KeyMapper, prefix: string): Promise<ReadonlySet<string>> {
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
  for (let round = 0; open.length > 0 && round < ROUNDS; round++) {
    const pages = await readAll(
      link,
      open.map(({ kind, from }) => ({
        ...space.range(kind),
        ...(from && { key: from }),
        limit: round === 0 ? FIRST_PAGE : PAGE,
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
  // A folder that was passed by may hold a store all the same.
  const asked = [...folders]
    .map(folder => `${folder}${STORE_KEY}`)
    .filter(address => !marks.has(address) && nestedPlace(address) !== undefined)
  const answers = await readAll(
    link,
    asked.map(address => ({ key: Buffer.from(`${prefix}/${address}`), keys_only: true })),
  )
  for (const [n, { kvs }] of answers.entries()) if (kvs.length > 0) marks.add(asked[n] ?? '')
  return marks
}

/** Where the next folder beside that of a key begins: its name is the segment at this byte. */
function pastFolder(key: Buffer, at: number): Buffer {
  const end = key.indexOf('/', at)
  // '0' comes after '/'; a key without a folder is passed by itself.
  return end < 0
    ? Buffer.concat([key, Buffer.of(0)])
    : Buffer.concat([key.subarray(0, end), Buffer.from('0')])
}

type Range = NonNullable<ITxnResponse['responses'][number]['response_range']>

/** Several ranges, in as few round trips as etcd allows. */
async function readAll(link: EndpointPool, requests: readonly IRangeRequest[]): Promise<readonly Range[]> {
  const answers: Range[] = []
  for (let at = 0; at < requests.length; at += READS) {
    const success = requests.slice(at, at + READS).map(request_range => ({ request_range }))
    const { value } = await link.call((client, options) => client.kv.txn({ success }, options))
    answers.push(...value.responses.map(({ response_range }) => response_range))
  }
  return answers
}

/** The `meta/store` of the store itself, as etcd has it now. */
export async function readOwnMark(link: EndpointPool, space: KeyMapper): Promise<IKeyValue | undefined> {
  const { value } = await link.call((client, options) =>
    client.kv.range({ key: space.address(STORE_KEY) }, options),
  )
  return value.kvs[0]
}

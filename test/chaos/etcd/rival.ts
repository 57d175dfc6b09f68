import { setTimeout as delay } from 'node:timers/promises'
import { Etcd3, type IKeyValue } from 'etcd3'
import type { EtcdOptions } from '../../../backends/etcd/index.ts'
import type { StoreLife } from '../history.ts'
import type { Rival } from '../stage.ts'
import { PREFIX } from './ground.ts'

/** The watcher of etcd3 as it comes, for comparison: it hears what it hears. */
export interface StockWatcher {
  /** Counts against the history of the store's first life, once it has had some quiet to catch up in. */
  count(lives: readonly StoreLife[]): Promise<Rival>
  stop(): Promise<void>
}

/** How long nothing may come before it is taken to have all that it will ever get, in ms. */
const QUIET = 2_000
/** How long its end may take, in ms. */
const CANCEL = 2_000

/** Starts to watch everything below the prefix with the stock client, on a store that answers. */
export async function startStockWatcher({
  endpoints,
  username,
  password = '',
  ca,
  cert,
  key,
}: EtcdOptions): Promise<StockWatcher> {
  const client = new Etcd3({
    hosts: [...endpoints],
    ...(username !== undefined && { auth: { username, password } }),
    ...(ca && {
      credentials: { rootCertificate: ca, ...(cert && key && { certChain: cert, privateKey: key }) },
    }),
  })
  const seen = new Set<string>()
  let heardAt = performance.now()
  const take = ({ key: address, mod_revision }: IKeyValue): void => {
    seen.add(placeOf(mod_revision, address.toString()))
    heardAt = performance.now()
  }
  const from = BigInt((await client.get(`${PREFIX}/meta/store`).exec()).header.revision)
  const watcher = await client.watch().prefix(`${PREFIX}/`).create()
  // Its errors are its own; what they cost it is what is counted.
  watcher
    .on('put', take)
    .on('delete', take)
    .on('error', () => undefined)

  return {
    count: async ([first]) => {
      while (performance.now() - heardAt < QUIET) await delay(100)
      const owed = (first?.revisions ?? []).filter(({ revision }) => revision > from)
      const places = owed.flatMap(({ revision, changes }) =>
        changes.map(({ key: address }) => placeOf(revision, `${PREFIX}/${address}`)),
      )
      return { owed: places.length, lost: places.filter(place => !seen.has(place)).length }
    },
    stop: async () => {
      // It fails for a stream that is gone already, and never ends for one whose token expired: no fault of
      // ours either way.
      await Promise.race([watcher.cancel().catch(() => undefined), delay(CANCEL)])
      client.close()
    },
  }
}

function placeOf(revision: bigint | string, key: string): string {
  return `${revision} ${key}`
}

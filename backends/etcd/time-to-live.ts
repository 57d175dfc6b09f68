import type { Key } from '../../model/key.ts'
import type { EndpointPool } from './connection/endpoint-pool.ts'
import { toStoreError } from './connection/errors.ts'
import type { KeyMapper } from './key-mapper.ts'

/** The lease id of a key without a lease. */
const NO_LEASE = '0'

/** The seconds until the lease of a key ends, as etcd counts them; undefined without a lease. */
export async function readTimeToLive(
  pool: EndpointPool,
  keys: KeyMapper,
  key: Key,
): Promise<number | undefined> {
  try {
    const { value } = await pool.call((client, options) =>
      client.kv.range({ key: keys.address(key) }, options),
    )
    const lease = value.kvs[0]?.lease ?? NO_LEASE
    if (lease === NO_LEASE) return undefined
    const { TTL } = (
      await pool.call((client, options) => client.leaseClient.leaseTimeToLive({ ID: lease }, options))
    ).value
    // -1 for a lease that ended between the two calls.
    return Math.max(0, Number(TTL))
  } catch (error) {
    throw toStoreError(error, `reading the time of ${key}`, pool.endpoints)
  }
}

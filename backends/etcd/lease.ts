import type { Etcd3 } from 'etcd3'
import type { Operation } from '../backend.ts'
import type { CallOptions, CallResult, EndpointPool } from './connection/endpoint-pool.ts'
import type { KeyMapper } from './key-mapper.ts'
import { type Reading, readResponse, toTransaction } from './transaction.ts'

/** The timeout of a renewal, in ms. */
const RENEWAL_TIMEOUT_MS = 1500

/**
 * Makes a commit with puts that expire, with one lease for each ttl in it. It is sent alone, because an
 * expired lease would make etcd reject a whole nested transaction.
 *
 * Invariant: no key is deleted earlier than its ttl after the put. A lease counts from its grant, before the
 * put, so it is renewed once afterwards; only when that fails may the key be deleted earlier, by the duration
 * of the put. A lease whose put was not made is revoked, or expires unused. Grants may be repeated: a second
 * lease expires unused too.
 */
export async function commitWithLease(
  pool: EndpointPool,
  keys: KeyMapper,
  operations: readonly Operation[],
  before: CallOptions,
): Promise<CallResult<Reading>> {
  const leases = new Map<number, string>()
  for (const operation of operations) {
    const ttl = 'put' in operation ? operation.ttl : undefined
    if (ttl !== undefined && !leases.has(ttl)) leases.set(ttl, await grant(pool, ttl))
  }
  const request = toTransaction(keys, operations, leases)
  const { value, repeated } = await pool.call((client, options) => client.kv.txn(request, options), before)
  const reading = readResponse(keys, operations, value, BigInt(value.header.revision))
  if (reading.outcome.committed)
    await Promise.all([...leases.values()].map(lease => renew(pool.client, lease)))
  else if (!repeated) await Promise.all([...leases.values()].map(lease => revoke(pool, lease)))
  return { value: reading, repeated }
}

/** Grants a lease; etcd counts whole seconds, and raises a ttl below its minimum. */
async function grant(pool: EndpointPool, ttl: number): Promise<string> {
  const answer = await pool.call((client, options) =>
    client.leaseClient.leaseGrant({ TTL: Math.max(1, Math.ceil(ttl)) }, options),
  )
  return answer.value.ID
}

/** Resolves when the lease was renewed, or could not be: the commit is applied either way. */
async function renew(client: Etcd3, ID: string): Promise<void> {
  const stream = await client.leaseClient.leaseKeepAlive().catch(() => undefined)
  if (!stream) return
  await new Promise<void>(resolve => {
    const timer = setTimeout(resolve, RENEWAL_TIMEOUT_MS)
    const end = (): void => {
      clearTimeout(timer)
      resolve()
    }
    stream.on('data', end).on('error', end).on('end', end)
    stream.write({ ID })
  })
  stream.cancel()
}

async function revoke(pool: EndpointPool, ID: string): Promise<void> {
  // A lease that cannot be revoked expires by itself.
  await pool.call((client, options) => client.leaseClient.leaseRevoke({ ID }, options)).catch(() => undefined)
}

import type { Etcd3 } from 'etcd3'
import type { Operation } from '../backend.ts'
import type { Answer, Before, EndpointPool } from './endpoint-pool.ts'
import type { KeyMapper } from './key-mapper.ts'
import { type Reading, readResponse, toTransaction } from './transaction.ts'

/** How long the answer to a renewal may take, in ms. */
const RENEWAL = 1500

/**
 * A commit with puts that expire, on leases of its own, one for each ttl in it. A lease in a nested
 * transaction that has run out would refuse the whole of it, so this goes alone.
 *
 * Invariant: no key is deleted earlier than its ttl after the put. A lease counts from its grant, which is
 * before the put, so it is renewed once afterwards; only when that fails may the key go earlier, by as long
 * as the put took. A lease whose put was not made is given back, or runs out unused. Grants may be repeated:
 * a second one runs out unused too.
 */
export async function commitWithLease(
  link: EndpointPool,
  space: KeyMapper,
  operations: readonly Operation[],
  before: Before,
): Promise<Answer<Reading>> {
  const leases = new Map<number, string>()
  for (const operation of operations) {
    const ttl = 'put' in operation ? operation.ttl : undefined
    if (ttl !== undefined && !leases.has(ttl)) leases.set(ttl, await grant(link, ttl))
  }
  const request = toTransaction(space, operations, leases)
  const { value, repeated } = await link.call((client, options) => client.kv.txn(request, options), before)
  const reading = readResponse(space, operations, value, BigInt(value.header.revision))
  if (reading.outcome.committed)
    await Promise.all([...leases.values()].map(lease => renew(link.client, lease)))
  else if (!repeated) await Promise.all([...leases.values()].map(lease => revoke(link, lease)))
  return { value: reading, repeated }
}

/** etcd counts whole seconds, and raises what is below its own least. */
async function grant(link: EndpointPool, ttl: number): Promise<string> {
  const answer = await link.call((client, options) =>
    client.leaseClient.leaseGrant({ TTL: Math.max(1, Math.ceil(ttl)) }, options),
  )
  return answer.value.ID
}

/** Resolves when the lease was renewed, or could not be: the commit has happened either way. */
async function renew(client: Etcd3, ID: string): Promise<void> {
  const stream = await client.leaseClient.leaseKeepAlive().catch(() => undefined)
  if (!stream) return
  await new Promise<void>(resolve => {
    const timer = setTimeout(resolve, RENEWAL)
    const end = (): void => {
      clearTimeout(timer)
      resolve()
    }
    stream.on('data', end).on('error', end).on('end', end)
    stream.write({ ID })
  })
  stream.cancel()
}

async function revoke(link: EndpointPool, ID: string): Promise<void> {
  // A lease that cannot be given back now runs out by itself.
  await link.call((client, options) => client.leaseClient.leaseRevoke({ ID }, options)).catch(() => undefined)
}

import { Etcd3 } from 'etcd3'
import { createClient, type EtcdOptions } from '../../../../backends/etcd/connection/client.ts'
import { CALLED_ONCE } from '../../../../backends/etcd/connection/faults.ts'
import { createEtcdBackend } from '../../../../backends/etcd/index.ts'
import { makeKey } from '../../../../model/key.ts'
import { type Growth, measure } from '../gauge.ts'

interface Size {
  readonly operations: number
  readonly rounds: number
  readonly endpoint: string
  readonly password: string
}

/** A backend whose token becomes invalid before every read, because its password is set again. */
export async function tokens({ operations, rounds, endpoint, password }: Size): Promise<Growth> {
  const root = new Etcd3({
    hosts: endpoint,
    faultHandling: CALLED_ONCE,
    auth: { username: 'root', password },
    grpcOptions: { 'grpc.use_local_subchannel_pool': 1 },
  })
  const backend = createEtcdBackend(optionsFor(endpoint, password), { report: () => {} })
  await backend.open()
  let read = 0
  const growth = await measure(rounds, operations, async () => {
    for (let n = 0; n < operations; n++) {
      await root.auth.userChangePassword({ name: 'kytos', password })
      await backend.get(makeKey('settings', 'kytos', 'core'))
      read++
    }
  })
  await backend.close()
  root.close()
  return { ...growth, seen: { read } }
}

/** Clients that authenticate, read once and are closed. */
export async function clients({ operations, rounds, endpoint, password }: Size): Promise<Growth> {
  const options = optionsFor(endpoint, password)
  return measure(rounds, operations, async () => {
    for (let n = 0; n < operations; n++) {
      const client = createClient(options, endpoint)
      await client.kv.range({ key: Buffer.from('/kytos/x'), limit: 1 })
      client.close()
    }
  })
}

function optionsFor(endpoint: string, password: string): EtcdOptions {
  return { endpoints: [endpoint], prefix: '/kytos', timeout: 10, username: 'kytos', password }
}

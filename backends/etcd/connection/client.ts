import { Etcd3, type IOptions } from 'etcd3'
import { authenticateOnOwnChannel } from './authenticate.ts'
import { CALLED_ONCE } from './faults.ts'

/**
 * The connection to an etcd. `prefix` has no trailing slash; `ca`, `cert` and `key` are PEM; `timeout`, in
 * seconds, is for a call with all its retries.
 */
export interface EtcdOptions {
  readonly endpoints: readonly string[]
  readonly prefix: string
  readonly username?: string | undefined
  readonly password?: string | undefined
  readonly ca?: Buffer | undefined
  readonly cert?: Buffer | undefined
  readonly key?: Buffer | undefined
  readonly timeout: number
  /**
   * Reads the password and the PEM again, called after a server refused those in use.
   * @throws SettingsError saying which of them is missing or not sound.
   */
  readonly readSecrets?: () => Promise<Pick<EtcdOptions, 'password' | 'ca' | 'cert' | 'key'>>
}

/**
 * The timeout of one attempt, in ms: half of the whole, so that a silent endpoint leaves time for another.
 */
export function attemptMs({ timeout }: EtcdOptions): number {
  return Math.max(500, timeout * 500)
}

/**
 * Creates the client of one endpoint. It connects when it is first used, retries nothing, and shares no
 * connection with another client.
 */
export function createClient(options: EtcdOptions, endpoint: string): Etcd3 {
  const { username, password = '' } = options
  const credentials = tls(options)
  const client = new Etcd3({
    hosts: endpoint,
    faultHandling: CALLED_ONCE,
    grpcOptions: {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_http_proxy': 0,
      'grpc.enable_retries': 0,
      // The callers pause between attempts. The delays of grpc would grow to two minutes, for which the
      // return of the store would remain unnoticed.
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1000,
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      // Only while a call or a stream is open (the default of grpc-js), because etcd closes connections that
      // ping without one.
      'grpc.keepalive_time_ms': 10_000,
      'grpc.keepalive_timeout_ms': 3000,
    },
    // A function, because a deadline is a point in time: a value would be the same for all calls.
    defaultCallOptions: context => (context.isStream ? {} : { deadline: Date.now() + attemptMs(options) }),
    ...(username !== undefined && { auth: { username, password } }),
    ...(credentials && { credentials }),
  })
  if (username !== undefined) authenticateOnOwnChannel(client)
  return client
}

function tls({ endpoints, ca, cert, key }: EtcdOptions): IOptions['credentials'] {
  if (!endpoints.some(endpoint => endpoint.startsWith('https:')) || !(ca || cert)) return undefined
  return {
    // The cast: without `ca` the authorities of Node are used, which the type of etcd3 does not allow.
    rootCertificate: ca as Buffer,
    ...(cert && key && { certChain: cert, privateKey: key }),
  }
}

import { Etcd3, type IOptions } from 'etcd3'
import { authenticateOnOwnChannel } from './authenticate.ts'
import { CALLED_ONCE } from './faults.ts'

/**
 * How to reach an etcd. `prefix` has no trailing slash; `ca`, `cert` and `key` are PEM; `timeout` is in
 * seconds, for a call with all its repetitions.
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
 * How long one attempt of a call may take, in ms: half of the whole, so that a silent endpoint leaves time
 * for another.
 */
export function attemptMs({ timeout }: EtcdOptions): number {
  return Math.max(500, timeout * 500)
}

/**
 * A client of one endpoint. It connects when it is first used, repeats nothing, and shares no connection with
 * another client.
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
      // The callers pace themselves; grpc's own pauses would grow to two minutes, and the store be back that
      // long before anybody noticed.
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1000,
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      // Only while a call or a stream is open, which is grpc-js' default: etcd ends connections that ping
      // without one.
      'grpc.keepalive_time_ms': 10_000,
      'grpc.keepalive_timeout_ms': 3000,
    },
    // A function, because a deadline is an instant: as a value it would be one instant for all calls.
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
    // Without one Node's own authorities are asked, which etcd3's type does not know.
    rootCertificate: ca as Buffer,
    ...(cert && key && { certChain: cert, privateKey: key }),
  }
}

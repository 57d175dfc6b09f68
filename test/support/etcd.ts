import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Etcd3, type IOptions } from 'etcd3'
import { CALLED_ONCE } from '../../backends/etcd/connection/faults.ts'
import { type EtcdProcess, freePort, spawnEtcd } from './etcd-process.ts'
import { type Certificates, makeCertificates } from './etcd-tls.ts'

export interface EtcdOptions {
  /** `ETCD_BINARY` or `etcd` on the PATH by default. */
  readonly binary?: string
  /** A new folder that `stop()` removes by default. */
  readonly dataDir?: string
  /** Client and peer port; free ones by default. */
  readonly ports?: readonly [client: number, peer: number]
  /**
   * Enables authentication: `root` with this password, and this user with all permissions below `prefix`
   * (`/kytos` by default) and no others.
   */
  readonly auth?: { readonly username: string; readonly password: string; readonly prefix?: string }
  /**
   * HTTPS with new certificates; `clients`: requires a client certificate; `name`: the host name of its
   * certificate, instead of loopback.
   */
  readonly tls?: { readonly clients?: boolean; readonly name?: string }
  /** Additional flags of etcd. */
  readonly args?: readonly string[]
}

/** A real etcd of one node on loopback. */
export interface EtcdServer {
  /** `http://127.0.0.1:PORT`. */
  readonly endpoint: string
  readonly endpoints: readonly string[]
  readonly port: number
  /** The URL for other members: `http://127.0.0.1:PORT`. */
  readonly peer: string
  readonly dataDir: string
  readonly certificates: Certificates | undefined
  /** A plain client with all permissions, for checks and for hand edits. */
  readonly client: Etcd3
  /** False from a kill until the next start. */
  readonly running: boolean
  /** The current revision of the store. */
  revision(): Promise<bigint>
  /** Compacts all history below `revision` (the current one by default). */
  compact(revision?: bigint): Promise<void>
  /** Freezes the process, so that its connections neither respond nor close. */
  pause(): void
  resume(): void
  /** Ends the process (SIGKILL by default), keeping its data. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /**
   * Starts it again on the same ports and data; resolves when it answers. `wipe`: without its data; `args`:
   * with these flags too, this time; `certificates`: the client uses these from now on.
   */
  restart(options?: {
    readonly wipe?: boolean
    readonly args?: readonly string[]
    readonly certificates?: Certificates
  }): Promise<void>
  /** Ends everything; a data folder of our own is removed. */
  stop(): Promise<void>
}

/** Starts a real etcd and resolves when it responds. */
export async function startEtcd(options: EtcdOptions = {}): Promise<EtcdServer> {
  const folder = await mkdtemp(join(tmpdir(), 'kytos-etcd-'))
  const dataDir = options.dataDir ?? join(folder, 'data')
  const [port, peer] = options.ports ?? [await freePort(), await freePort()]
  const certificates =
    options.tls && (await makeCertificates(folder, options.tls.name && `DNS:${options.tls.name}`))
  const endpoint = `${certificates ? 'https' : 'http'}://127.0.0.1:${port}`
  const args = [
    ...singleNode(dataDir, endpoint, peer),
    ...tlsFlags(certificates, options.tls?.clients),
    ...(options.args ?? []),
  ]

  let child: EtcdProcess = await spawnEtcd(args, options.binary)
  const plain = plainOptions(endpoint, certificates, options.tls?.name)
  let client = new Etcd3(plain)
  try {
    await healthy(client, () => child)
    if (options.auth) {
      await enableAuth(client, options.auth)
      client.close()
      client = new Etcd3({ ...plain, auth: { username: 'root', password: options.auth.password } })
    }
  } catch (error) {
    client.close()
    await child.end('SIGKILL')
    throw error
  }

  const revision = async (): Promise<bigint> =>
    BigInt((await client.kv.range({ key: Buffer.from('0'), limit: 1 })).header.revision)
  return {
    endpoint,
    endpoints: [endpoint],
    port,
    peer: peerUrl(peer),
    dataDir,
    certificates,
    get client() {
      return client
    },
    get running() {
      return !child.exited
    },
    revision,
    compact: async at => {
      await client.kv.compact({ revision: String(at ?? (await revision())), physical: true })
    },
    pause: () => child.signal('SIGSTOP'),
    resume: () => child.signal('SIGCONT'),
    kill: (signal = 'SIGKILL') => child.end(signal),
    restart: async ({ wipe = false, args: more = [], certificates: renewed } = {}) => {
      if (!child.exited) await child.end('SIGKILL')
      if (wipe) await rm(dataDir, { recursive: true, force: true })
      child = await spawnEtcd([...args, ...more], options.binary)
      if (renewed) {
        client.close()
        client = new Etcd3(plainOptions(endpoint, renewed, options.tls?.name))
      }
      await healthy(client, () => child)
    },
    stop: async () => {
      client.close()
      if (!child.exited) await child.end('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Several etcds as one cluster; each of `nodes` can be killed, restarted and paused. */
export interface EtcdCluster {
  readonly endpoints: readonly string[]
  readonly client: Etcd3
  readonly nodes: readonly EtcdNode[]
  /** The index of the leader; waits for the end of an election. */
  leader(): Promise<number>
  stop(): Promise<void>
}

export interface EtcdNode {
  readonly endpoint: string
  readonly port: number
  /** False from a kill until the next start. */
  readonly running: boolean
  pause(): void
  resume(): void
  kill(signal?: NodeJS.Signals): Promise<void>
  /**
   * Restarts it on its ports and data; resolves when the process runs, possibly before it responds.
   */
  restart(): Promise<void>
}

/** Starts a cluster of `size` real etcds on loopback and resolves when it responds. */
export async function startEtcdCluster(
  size = 3,
  args: readonly string[] = [],
  binary?: string,
): Promise<EtcdCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'kytos-etcd-'))
  const members: { name: string; endpoint: string; peer: string }[] = []
  for (let i = 0; i < size; i++) {
    members.push({
      name: `n${i}`,
      endpoint: `http://127.0.0.1:${await freePort()}`,
      peer: `http://127.0.0.1:${await freePort()}`,
    })
  }
  const cluster = members.map(member => `${member.name}=${member.peer}`).join(',')
  const nodes = await Promise.all(
    members.map(async ({ name, endpoint, peer }) => {
      const flags = nodeFlags(name, join(folder, name), endpoint, peer, cluster)
      let child = await spawnEtcd([...flags, ...args], binary)
      return {
        endpoint,
        port: Number(new URL(endpoint).port),
        get running() {
          return !child.exited
        },
        output: () => child.output(),
        pause: () => child.signal('SIGSTOP'),
        resume: () => child.signal('SIGCONT'),
        kill: (signal: NodeJS.Signals = 'SIGKILL') => child.end(signal),
        restart: async () => {
          if (!child.exited) await child.end('SIGKILL')
          child = await spawnEtcd([...flags, ...args], binary)
        },
      }
    }),
  )
  const endpoints = members.map(member => member.endpoint)
  const client = new Etcd3({ ...plainOptions(endpoints) })
  const first = nodes[0]
  if (first) await healthy(client, () => ({ exited: !first.running, output: first.output }))
  return {
    endpoints,
    client,
    nodes,
    leader: () => findLeader(endpoints),
    stop: async () => {
      client.close()
      await Promise.all(nodes.filter(node => node.running).map(node => node.kill()))
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The options of a client for tests: a deadline, and no hidden retries. */
function plainOptions(hosts: string | string[], certificates?: Certificates, name?: string): IOptions {
  return {
    hosts,
    faultHandling: CALLED_ONCE,
    grpcOptions: {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_http_proxy': 0,
      'grpc.max_receive_message_length': -1,
      ...(name && { 'grpc.ssl_target_name_override': name }),
    },
    defaultCallOptions: context => (context.isStream ? {} : { deadline: Date.now() + 10_000 }),
    ...(certificates && {
      credentials: {
        rootCertificate: certificates.ca,
        certChain: certificates.cert,
        privateKey: certificates.key,
      },
    }),
  }
}

function peerUrl(port: number): string {
  return `http://127.0.0.1:${port}`
}

function singleNode(dataDir: string, endpoint: string, peer: number): string[] {
  const url = peerUrl(peer)
  // A single node elects itself after one election timeout, so that a short timeout makes tests start sooner.
  // It also allows leases of 1 s. Cheap password hashes make logins fast.
  const quick = ['--heartbeat-interval=50', '--election-timeout=500', '--bcrypt-cost=4']
  return [...nodeFlags('default', dataDir, endpoint, url, `default=${url}`), ...quick]
}

function nodeFlags(name: string, dataDir: string, endpoint: string, peer: string, cluster: string): string[] {
  const client = [`--listen-client-urls=${endpoint}`, `--advertise-client-urls=${endpoint}`]
  const peers = [
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=${cluster}`,
  ]
  return [`--name=${name}`, `--data-dir=${dataDir}`, ...client, ...peers, '--logger=zap', '--log-level=error']
}

function tlsFlags(certificates: Certificates | undefined, clients = false): string[] {
  if (!certificates) return []
  const at = (name: string): string => join(certificates.folder, name)
  const flags = [`--cert-file=${at('server.pem')}`, `--key-file=${at('server-key.pem')}`]
  return clients ? [...flags, '--client-cert-auth=true', `--trusted-ca-file=${at('ca.pem')}`] : flags
}

async function healthy(client: Etcd3, child: () => Pick<EtcdProcess, 'exited' | 'output'>): Promise<void> {
  for (const start = performance.now(); ; await delay(30)) {
    try {
      await client.kv.range({ key: Buffer.from('0'), limit: 1 }, { deadline: Date.now() + 1000 })
      return
    } catch (cause) {
      if (child().exited) throw new Error(`etcd ended instead of serving:\n${child().output()}`, { cause })
      if (performance.now() - start > 20_000)
        throw new Error(`etcd does not answer:\n${child().output()}`, { cause })
    }
  }
}

async function enableAuth(
  client: Etcd3,
  { username, password, prefix = '/kytos' }: NonNullable<EtcdOptions['auth']>,
): Promise<void> {
  await client.auth.roleAdd({ name: 'root' })
  await client.auth.userAdd({ name: 'root', password })
  await client.auth.userGrantRole({ user: 'root', role: 'root' })
  await client.auth.roleAdd({ name: 'settings' })
  const perm = {
    permType: 'Readwrite' as const,
    key: Buffer.from(`${prefix}/`),
    range_end: Buffer.from(`${prefix}0`),
  }
  await client.auth.roleGrantPermission({ name: 'settings', perm })
  await client.auth.userAdd({ name: username, password })
  await client.auth.userGrantRole({ user: username, role: 'settings' })
  await client.auth.authEnable()
}

async function findLeader(endpoints: readonly string[]): Promise<number> {
  for (const start = performance.now(); performance.now() - start < 15_000; await delay(100)) {
    const claims = await Promise.all(endpoints.map(claimedTerm))
    // A node that was frozen may still report an old term as leader.
    const latest = claims.reduce<bigint>(
      (most, term) => (term !== undefined && term > most ? term : most),
      0n,
    )
    if (latest > 0n) return claims.indexOf(latest)
  }
  throw new Error('No node leads.')
}

/** The term in which a node reports to be the leader; undefined if it does not, or does not respond. */
async function claimedTerm(endpoint: string): Promise<bigint | undefined> {
  const client = new Etcd3(plainOptions(endpoint))
  try {
    const { header, leader, raftTerm } = await client.maintenance.status({ deadline: Date.now() + 1000 })
    return leader === header.member_id ? BigInt(raftTerm) : undefined
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return undefined
  } finally {
    client.close()
  }
}

import { type EtcdServer, type EtcdOptions as ServerOptions, startEtcd } from '../../support/etcd.ts'
import type { Fault } from '../stage.ts'
import { createEtcdctl } from './etcdctl.ts'
import { connectionTo, type Ground, last, type World } from './ground.ts'
import { createBulkFault, createLineFaults } from './line-faults.ts'
import { createSeatFault } from './seat-faults.ts'

/** A ground of one etcd with these faults. */
export async function openSingle(
  name: string,
  options: ServerOptions,
  faults: (world: World, server: EtcdServer) => readonly Fault[],
): Promise<Ground & { readonly server: EtcdServer }> {
  const server = await startEtcd(options)
  const { certificates, endpoints } = server
  const tls = certificates && {
    ca: `${certificates.folder}/ca.pem`,
    cert: `${certificates.folder}/client.pem`,
    key: `${certificates.folder}/client-key.pem`,
  }
  return {
    name,
    server,
    mayResync: false,
    ports: [server.port],
    etcdctl: createEtcdctl({
      endpoints,
      binary: options.binary,
      ...(tls && { tls }),
      ...(options.auth && { user: `root:${options.auth.password}` }),
    }),
    connection: ports => ({
      ...connectionTo(certificates ? 'https' : 'http', ports),
      ...(certificates && { ca: certificates.ca, cert: certificates.cert, key: certificates.key }),
      ...(options.auth && { username: options.auth.username, password: options.auth.password }),
    }),
    faults: world => faults(world, server),
    heal: async () => {
      server.resume()
      if (!server.running) await server.restart()
    },
    stop: () => server.stop(),
  }
}

/** One etcd that goes on, and lines to it that do not. */
export function openLines(binary: string | undefined): Promise<Ground> {
  return openSingle('one etcd, lines', { ...(binary && { binary }) }, world => [
    ...createLineFaults(world, 'all'),
    createBulkFault(world),
    createSeatFault(world, 'removed'),
  ])
}

/** One etcd that dies, or stands still, and comes back with all it had. */
export function openKills(binary: string | undefined): Promise<Ground> {
  return openSingle('one etcd, kills', { ...(binary && { binary }) }, (world, server) => [
    ...createLineFaults(world, 'cuts'),
    createSeatFault(world, 'removed'),
    {
      name: 'kill -9',
      weight: 4,
      strike: random =>
        world.alone(async () => {
          await server.kill()
          if (random.chance(0.5)) await last(random, 100, 10_000)
          await server.restart()
        }),
    },
    {
      name: 'SIGSTOP',
      weight: 2,
      strike: random =>
        world.alone(async () => {
          server.pause()
          try {
            await last(random, 1_000, 8_000)
          } finally {
            server.resume()
          }
        }),
    },
  ])
}

import { type EtcdCluster, type EtcdNode, startEtcdCluster } from '../../support/etcd.ts'
import type { Random } from '../random.ts'
import type { Fault } from '../stage.ts'
import { createEtcdctl } from './etcdctl.ts'
import { connectionTo, type Ground, last, type World } from './ground.ts'
import { createLineFaults } from './line-faults.ts'
import { createSeatFault } from './seat-faults.ts'

/** Three etcds, of which one leads, and any two are enough. */
export async function openCluster(binary: string | undefined): Promise<Ground> {
  const cluster = await startEtcdCluster(3, [], binary)
  return {
    name: 'three etcds',
    mayResync: false,
    ports: cluster.nodes.map(({ port }) => port),
    etcdctl: createEtcdctl({ endpoints: cluster.endpoints, binary }),
    connection: ports => connectionTo('http', ports),
    faults: world => [
      ...createLineFaults(world, 'cuts'),
      createSeatFault(world, 'removed'),
      ...createNodeFaults(world, cluster),
    ],
    heal: async () => {
      for (const node of cluster.nodes) {
        node.resume()
        if (!node.running) await node.restart()
      }
    },
    stop: () => cluster.stop(),
  }
}

function createNodeFaults({ alone }: World, cluster: EtcdCluster): readonly Fault[] {
  const fault = (
    name: string,
    weight: number,
    choose: (random: Random) => Promise<readonly EtcdNode[]>,
    strike: typeof kill,
  ): Fault => ({
    name,
    weight,
    strike: random => alone(async () => strike(await choose(random), random)),
  })
  const leader = async () => [await leaderOf(cluster)]
  const follower = async (random: Random) => [random.pick(await followersOf(cluster))]
  // With the leader gone and one more, none of those that are left can lead.
  const most = async (random: Random) => [...(await leader()), ...(await follower(random))]
  return [
    fault('leader kill -9', 3, leader, kill),
    fault('leader SIGSTOP', 2, leader, stop),
    fault('follower kill -9', 1, follower, kill),
    fault('follower SIGSTOP', 1, follower, stop),
    fault('quorum killed', 1, most, kill),
    fault('quorum SIGSTOP', 1, most, stop),
  ]
}

async function leaderOf({ nodes, leader }: EtcdCluster): Promise<EtcdNode> {
  const node = nodes[await leader()]
  if (!node) throw new Error('The leader is one of the nodes.')
  return node
}

async function followersOf(cluster: EtcdCluster): Promise<readonly EtcdNode[]> {
  const leader = await leaderOf(cluster)
  return cluster.nodes.filter(node => node !== leader)
}

async function kill(nodes: readonly EtcdNode[], random: Random): Promise<void> {
  try {
    await Promise.all(nodes.map(node => node.kill()))
    await last(random, 200, 6_000)
  } finally {
    await Promise.all(nodes.map(node => node.restart()))
  }
}

async function stop(nodes: readonly EtcdNode[], random: Random): Promise<void> {
  try {
    for (const node of nodes) node.pause()
    await last(random, 1_000, 6_000)
  } finally {
    for (const node of nodes) node.resume()
  }
}

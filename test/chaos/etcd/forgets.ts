import type { EtcdServer } from '../../support/etcd.ts'
import type { Fault } from '../stage.ts'
import { type Ground, last, type World } from './ground.ts'
import { createLineFaults } from './line-faults.ts'
import { createSpaceFault } from './no-space.ts'
import { createRestore } from './restore.ts'
import { createSeatFault } from './seat-faults.ts'
import { openSingle } from './single.ts'
import { withNobody } from './solitude.ts'

/** One etcd that loses steps, or everything, or goes back in time. */
export async function openForgets(binary: string | undefined): Promise<Ground> {
  const ground = await openSingle('one etcd, forgets', { ...(binary && { binary }) }, (world, server) => [
    ...createLineFaults(world, 'cuts'),
    createSeatFault(world, 'kept'),
    createCompaction(world),
    createWipe(world, server),
    createRestore(world, server, binary),
    createSpaceFault(world, server),
  ])
  return { ...ground, mayResync: true }
}

/** Steps are compacted that somebody who is away has not seen. */
function createCompaction({ lines, truth, etcdctl, alone }: World): Fault {
  return {
    name: 'compaction',
    weight: 4,
    strike: random =>
      alone(async () => {
        const away = random.pick(lines)
        const how = random.pick(['refuse', 'stall', 'freeze', 'nothing'] as const)
        if (how !== 'nothing') away.each(line => line[how]())
        try {
          await last(random, 200, 3_000)
          const read = await truth.read()
          // Sometimes all that was, sometimes only what is a while ago.
          const revision = read - BigInt(random.pick([0, 0, 1, 50]))
          const physical = random.chance(0.5) ? ['--physical'] : []
          // A young store has nothing that is so old.
          if (revision > 1n)
            await etcdctl.run(['compaction', String(revision), ...physical]).catch(tolerateRepetition)
        } finally {
          away.each(line => line.resume())
        }
      }),
  }
}

/** What was compacted before cannot be compacted again. */
function tolerateRepetition(error: Error): void {
  if (!/has been compacted/.test(error.message)) throw error
}

function createWipe(world: World, server: EtcdServer): Fault {
  return {
    name: 'wipe',
    weight: 2,
    strike: random =>
      world.alone(async () => {
        await withNobody(world, async () => {
          await server.kill()
          await last(random, 0, 1_000)
          await server.restart({ wipe: true })
          world.truth.begin([], 0n)
        })
      }),
  }
}

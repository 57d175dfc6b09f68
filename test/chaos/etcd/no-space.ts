import type { EtcdServer } from '../../support/etcd.ts'
import type { Fault } from '../stage.ts'
import { last, type World } from './ground.ts'

/** Room that is left when it gets scarce, and what one change takes of it, in bytes. */
const LEFT = 2 * 1024 * 1024
const TAKEN = 512 * 1024
const FILL = 'chaos/fill'

/**
 * The store has used up its space and takes only deletions, until somebody compacts and defragments it and
 * disarms the alarm.
 */
export function createSpaceFault({ etcdctl, truth, alone }: World, server: EtcdServer): Fault {
  return {
    name: 'no space',
    weight: 1,
    strike: random =>
      alone(async () => {
        const { dbSize } = await server.client.maintenance.status()
        await server.restart({ args: [`--quota-backend-bytes=${Number(dbSize) + LEFT}`] })
        await fill()
        await last(random, 500, 3_000)
        // A put would be refused here too.
        const end = await truth.read(() => etcdctl.delete(FILL))
        await etcdctl.run(['compaction', String(end), '--physical'])
        await etcdctl.run(['defrag'])
        await server.restart()
        await etcdctl.run(['alarm', 'disarm'])
      }),
  }

  /** Puts until the server raises its alarm. */
  async function fill(): Promise<void> {
    const value = 'x'.repeat(TAKEN)
    for (let n = 0; n < 100; n++) {
      try {
        await etcdctl.put(FILL, value)
      } catch (error) {
        if (error instanceof Error && /space exceeded/.test(error.message)) return
        throw error
      }
    }
    throw new Error('The store has more space than it was given.')
  }
}

import type { Fault } from '../stage.ts'
import { last, type World } from './ground.ts'

/**
 * A controller ends and another one takes its place. With the snapshot of the former it is told by `resync`
 * what happened meanwhile; so where no resync may be, it begins without.
 */
export function createSeatFault({ seats, alone }: World, snapshot: 'kept' | 'removed'): Fault {
  return {
    name: snapshot === 'kept' ? 'controller restarts' : 'controller restarts, forgetful',
    weight: 1,
    strike: random =>
      alone(async () => {
        const seat = random.pick(seats)
        await seat.stop()
        if (snapshot === 'removed') await seat.forget()
        await last(random, 0, 2_000)
        await seat.start()
      }),
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../random.ts'
import { type Fault, PlayerGone } from '../stage.ts'
import type { Controller } from './controller.ts'
import type { Trouble } from './messages.ts'
import type { Volume } from './volume.ts'

const WRITING = ['create', 'write', 'sync', 'truncate', 'rename', 'link', 'remove'] as const
const JOURNAL = '/journal/'
/** How long (ms) a disk fails. */
const LASTS = [100, 2_500] as const
/** The most room (bytes) that a full disk still has. */
const ROOM = 256 * 1024

/** A disk that fails in one way or another and works again; the process may be killed meanwhile. */
export function diskFaults(
  controller: Controller,
  store: string,
  volume: Volume | undefined,
): readonly Fault[] {
  const meanwhile = async (random: Random): Promise<void> => {
    await sleep(random.between(...LASTS))
    if (random.chance(0.3)) await controller.kill()
  }
  const trouble = (name: string, weight: number, how: (random: Random) => Trouble): Fault => ({
    name,
    weight,
    strike: async random => {
      await controller.process.trouble(how(random))
      await meanwhile(random)
      await recover(controller)
    },
  })
  const inJournal = (random: Random) =>
    ({ within: JOURNAL, chance: random.pick([0.05, 0.5, 1]), short: false }) as const
  return [
    trouble('ENOSPC', 2, random => ({ ...inJournal(random), code: 'ENOSPC', actions: ['create', 'write'] })),
    trouble('short writes', 2, random => ({
      ...inJournal(random),
      code: 'ENOSPC',
      actions: ['write'],
      short: true,
    })),
    trouble('EIO on write', 2, random => ({
      ...inJournal(random),
      code: 'EIO',
      actions: ['write', 'truncate'],
      short: random.chance(0.5),
    })),
    trouble('EIO on sync', 3, random => ({ ...inJournal(random), code: 'EIO', actions: ['sync'] })),
    trouble('EACCES on new logs', 1, () => ({
      code: 'EACCES',
      actions: ['create'],
      within: JOURNAL,
      chance: 1,
      short: false,
    })),
    trouble('EIO everywhere', 3, random => ({
      code: 'EIO',
      actions: WRITING,
      within: '/',
      chance: random.pick([0.02, 0.2]),
      short: true,
    })),
    ...(volume ? realFaults(controller, store, volume, meanwhile) : []),
  ]
}

function realFaults(
  controller: Controller,
  store: string,
  volume: Volume,
  meanwhile: (random: Random) => Promise<void>,
): readonly Fault[] {
  return [
    {
      name: 'full disk',
      weight: 2,
      strike: async random => {
        await volume.shrink(random.between(0, ROOM))
        try {
          await meanwhile(random)
          // Who is started on a full disk has to wait for room.
          const starting = recover(controller)
          await sleep(random.between(0, 500))
          await volume.grow()
          await starting
        } finally {
          await volume.grow()
        }
      },
    },
    {
      name: 'read-only folder',
      weight: 2,
      strike: async random => {
        await volume.protect(store)
        let starting: Promise<void> | undefined
        try {
          await meanwhile(random)
          starting = recover(controller)
          starting.catch(() => undefined)
          await sleep(random.between(0, 500))
        } finally {
          await volume.unprotect(store)
        }
        await starting
      },
    },
  ]
}

/** The disk works again, in the process that met the trouble or in a new one. */
async function recover(controller: Controller): Promise<void> {
  if (!controller.down) {
    try {
      return await controller.process.trouble(undefined)
    } catch (error) {
      if (!(error instanceof PlayerGone)) throw error
    }
  }
  await controller.start()
}

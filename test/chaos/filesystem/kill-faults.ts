import { setTimeout as sleep } from 'node:timers/promises'
import { isSettingsError } from '../../../model/errors.ts'
import type { Random } from '../random.ts'
import type { Fault } from '../stage.ts'
import type { Controller } from './controller.ts'

/** How far ahead (steps, ms) the step is at which a process dies. */
const STEPS = 150
const STEPS_WITHIN = 1_000
/** How long (ms) a killed controller stays away at most. */
const AWAY = 400

/**
 * Processes that are killed, at any moment and at any step, stopped, and others that want their store. `kill`
 * is what that is called, `after` what happens to the files of the dead.
 */
export function killFaults(
  controller: Controller,
  store: string,
  kill = 'kill -9',
  after: (random: Random) => void = () => undefined,
): readonly Fault[] {
  const restart = async (random: Random): Promise<void> => {
    after(random)
    if (random.chance(0.3)) await sleep(random.between(0, AWAY))
    await controller.start()
  }
  return [
    {
      name: kill,
      weight: 4,
      strike: async random => {
        await controller.kill()
        await restart(random)
      },
    },
    {
      name: `${kill} at a step`,
      weight: 6,
      strike: async random => {
        await controller.doomed(random.between(1, STEPS), random.next(), STEPS_WITHIN)
        await restart(random)
      },
    },
    {
      name: `${kill} while starting`,
      weight: 2,
      strike: async random => {
        await controller.kill()
        after(random)
        const starting = controller.start()
        starting.catch(() => undefined)
        await sleep(random.between(0, 200))
        await controller.kill()
        await Promise.allSettled([starting])
        await restart(random)
      },
    },
    {
      name: 'stopped',
      weight: 0.5,
      strike: async random => {
        const life = controller.process
        life.signal('SIGSTOP')
        await refuseIntruder(controller, store, 'the one who has it is stopped')
        await sleep(random.between(500, 3_500))
        life.signal('SIGCONT')
        await refuseIntruder(controller, store, 'the one who has it goes on')
      },
    },
    {
      name: 'second process',
      weight: 1,
      strike: async random => {
        await refuseIntruder(controller, store, 'another one has it')
        await controller.kill()
        await restart(random)
      },
    },
  ]
}

/** The process that is to be next tries to open the store already. */
async function refuseIntruder(controller: Controller, store: string, when: string): Promise<void> {
  const intruder = await controller.spare()
  const outcome = await intruder.intrude(store).then(
    () => 'was let in',
    error => (isSettingsError(error, 'STORE_LOCKED') ? undefined : `met ${String(error)}`),
  )
  if (outcome !== undefined) controller.errors.push(`A second process ${outcome}, though ${when}.`)
}

import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../random.ts'
import type { Fault } from '../stage.ts'
import type { Controller } from './controller.ts'
import type { Editor } from './editor.ts'

/** The most edits in one go, and the longest pause between them (ms). */
const EDITS = 5
const PAUSE = 200

/** Edits by hand that race commits, and processes killed in the midst of it, also while somebody saves. */
export function handFaults(controller: Controller, editor: Editor): readonly Fault[] {
  const edit = async (random: Random): Promise<void> => {
    for (let left = random.between(1, EDITS); left > 0; left--) {
      await editor.edit()
      await sleep(random.next() * random.next() * PAUSE)
    }
  }
  return [
    { name: 'edits by hand', weight: 12, strike: edit },
    {
      name: 'edits while it is dead',
      weight: 2,
      strike: async random => {
        await controller.kill()
        await edit(random)
        await controller.start()
      },
    },
    {
      name: 'kill -9 during edits',
      weight: 4,
      strike: async random => {
        const editing = edit(random.fork('edits'))
        await sleep(random.between(0, PAUSE))
        await controller.kill()
        await Promise.all([editing, controller.start()])
      },
    },
  ]
}

import type { Command } from 'commander'
import type { Controllers } from '../../../events/map.ts'
import type { AddressOptions } from '../service/address.ts'
import { addServiceOptions, withService } from '../service/service.ts'
import { createPaper, type Paper } from '../terminal/paper.ts'
import { printAnswer } from '../terminal/print-answer.ts'
import { type Cell, printTable } from '../terminal/table.ts'
import type { World } from '../terminal/world.ts'

interface ControllersOptions extends AddressOptions {
  readonly json?: boolean
}

const EXAMPLES = `
Examples:
  kytos-settings controllers
  kytos-settings controllers --json | jq -r '.controllers[].id'

"kytos-settings get NAPP --scope controller:ID" shows the overrides of one controller.`

/** Adds `controllers`, which lists this controller and every owner of overrides. */
export function addControllersCommand(program: Command, world: World): void {
  addServiceOptions(program.command('controllers'))
    .description('this controller, and all controllers that have overrides of their own')
    .addHelpText('after', EXAMPLES)
    .action((_options, command: Command) => {
      const { json, ...options } = command.optsWithGlobals<ControllersOptions>()
      return withService(options, world, async service => {
        const answer = await service.ask('kytos.settings.controllers', {})
        printAnswer(json, answer, () => printControllers(answer, createPaper(world.stdout, world.env)), world)
      })
    })
}

function printControllers({ controllers }: Controllers, paper: Paper): string {
  const rows = controllers.map(({ id, self, namespaces }): Cell[] => [id, self ? 'yes' : 'no', namespaces.length > 0 ? namespaces.join(', ') : '-'])
  return printTable(['Controller', 'This one', { head: 'Overrides', cut: true }], rows, paper)
}

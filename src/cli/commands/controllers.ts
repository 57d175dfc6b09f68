import type { Command } from 'commander'
import type { Controllers } from '../../../events/nouns.ts'
import type { AddressOptions } from '../service/address.ts'
import { addServiceOptions, withService } from '../service/service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { printAnswer } from '../terminal/print-answer.ts'
import { type Cell, printTable } from '../terminal/table.ts'
import { createTerminal, type Terminal } from '../terminal/terminal.ts'

interface ControllersOptions extends AddressOptions {
  readonly json?: boolean
}

const EXAMPLES = `
Examples:
  kytos-settings controllers
  kytos-settings controllers --json | jq -r '.controllers[].id'

"kytos-settings get NAPP --scope controller:ID" shows the overrides of one controller.`

/** Adds `controllers`, which lists this controller and every owner of overrides. */
export function addControllersCommand(program: Command, context: CliContext): void {
  addServiceOptions(program.command('controllers'))
    .description('this controller, and all controllers that have overrides of their own')
    .addHelpText('after', EXAMPLES)
    .action((_options, command: Command) => {
      const { json, ...options } = command.optsWithGlobals<ControllersOptions>()
      return withService(options, context, async service => {
        const answer = await service.ask('kytos.settings.controllers', {})
        printAnswer(
          json,
          answer,
          () => printControllers(answer, createTerminal(context.stdout, context.env)),
          context,
        )
      })
    })
}

function printControllers({ controllers }: Controllers, terminal: Terminal): string {
  const rows = controllers.map(({ id, self, namespaces }): Cell[] => [
    id,
    self ? 'yes' : 'no',
    namespaces.length > 0 ? namespaces.join(', ') : '-',
  ])
  return printTable(['Controller', 'This one', { head: 'Overrides', cut: true }], rows, terminal)
}

import type { Command } from 'commander'
import type { AddressOptions } from '../service/address.ts'
import { addServiceOptions, withService } from '../service/service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { printAnswer } from '../terminal/print-answer.ts'
import { printEnd } from './print-end.ts'

interface EndOptions extends AddressOptions {
  readonly json?: boolean
  readonly scope?: string
  readonly comment?: string
}

const CONFIRM_EXAMPLES = `
Examples:
  kytos-settings set kytos/link_discovery polling_time=1 --confirm-within 5m
  kytos-settings confirm kytos/link_discovery

Exit code 5: no change waits, because it was confirmed, cancelled or rolled back before.`
const CANCEL_EXAMPLES = `
Examples:
  kytos-settings cancel kytos/link_discovery --comment 'links flap'

The documents return to the versions before the first change that waits, all together.`

/** Adds `confirm` and `cancel`, which end a change that waits for its confirmation. */
export function addConfirmCommands(program: Command, context: CliContext): void {
  const add = (name: 'confirm' | 'cancel', description: string, examples: string): void => {
    addServiceOptions(program.command(name))
      .description(description)
      .argument('<napp>', 'username/name')
      .option(
        '-s, --scope <scope>',
        'scope of the overrides: cluster, controller or controller:ID',
        'cluster',
      )
      .option('-m, --comment <text>', 'reason, for the events and, of a cancel, the history')
      .addHelpText('after', examples)
      .action((namespace: string, _options, command: Command) => {
        const { json, scope = 'cluster', comment, ...options } = command.optsWithGlobals<EndOptions>()
        return withService(options, context, async service => {
          const ended = await service.ask(`kytos.settings.${name}`, {
            namespace,
            scope,
            ...(comment !== undefined && { comment }),
          })
          printAnswer(json, ended, () => printEnd(ended), context)
        })
      })
  }
  add('confirm', 'keep a change that waits for its confirmation', CONFIRM_EXAMPLES)
  add('cancel', 'roll back a change that waits for its confirmation', CANCEL_EXAMPLES)
}

import type { Command } from 'commander'
import type { Description } from '../../../events/nouns.ts'
import { declaredIn } from '../edit/declared-settings.ts'
import type { AddressOptions } from '../service/address.ts'
import { addServiceOptions, withService } from '../service/service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { printKey } from '../terminal/key-path.ts'
import { printAnswer, show } from '../terminal/print-answer.ts'
import { type Cell, printTable } from '../terminal/table.ts'
import { createTerminal, sanitize, type Terminal } from '../terminal/terminal.ts'

interface DescribeOptions extends AddressOptions {
  readonly json?: boolean
}

const EXAMPLES = `
Examples:
  kytos-settings describe kytos/link_discovery
  kytos-settings describe kytos/link_discovery --json | jq .schema

Applies: live, at once; reload, when the NApp reloads its settings; restart, at the next
start of the NApp; never, not without a manual step.`

/** Adds `describe`, which shows the settings that a NApp declares. */
export function addDescribeCommand(program: Command, context: CliContext): void {
  addServiceOptions(program.command('describe'))
    .description('show the settings that a NApp declares: type, default, how a change takes effect')
    .argument('<napp>', 'username/name')
    .addHelpText('after', EXAMPLES)
    .action((namespace: string, _options, command: Command) => {
      const options = command.optsWithGlobals<DescribeOptions>()
      return withService(options, context, async service => {
        const description = await service.ask('kytos.settings.describe', { namespace })
        printAnswer(
          options.json,
          description,
          () => printDescription(description, createTerminal(context.stdout, context.env)),
          context,
        )
      })
    })
}

function printDescription(description: Description, terminal: Terminal): string {
  const { namespace, schema, napp_version } = description
  const about = [schema.title, schema.description].filter(text => typeof text === 'string').join(': ')
  const title = sanitize(
    `${namespace}${napp_version === null ? '' : ` ${napp_version}`}${about && `, ${about}`}`,
  )
  const rows = declaredIn(description).map((one): Cell[] => [
    printKey(one.path),
    one.type,
    show(one.default),
    one.apply,
    one.description,
  ])
  if (rows.length === 0) return `${title}\nThe schema declares no setting by name.\n`
  return `${terminal.style('bold', title)}\n\n${printTable(['Key', { head: 'Type', cut: true }, { head: 'Default', cut: true }, 'Applies', { head: 'Description', cut: true }], rows, terminal)}`
}

import type { Command } from 'commander'
import type { Description } from '../../../events/nouns.ts'
import { declaredIn } from '../edit/declared-settings.ts'
import type { AddressOptions } from '../service/address.ts'
import { addServiceOptions, withService } from '../service/service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { printKey } from '../terminal/key-path.ts'
import { printAnswer, rejectedRemarks, show } from '../terminal/print-answer.ts'
import { printMessage } from '../terminal/print-error.ts'
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

/** Adds `describe`, and `schema remove`, which removes stored schemas. */
export function addDescribeCommands(program: Command, context: CliContext): void {
  addDescribeCommand(program, context)
  addSchemaCommand(program, context)
}

function addDescribeCommand(program: Command, context: CliContext): void {
  addServiceOptions(program.command('describe'))
    .description('show the settings that a NApp declares: type, default, how a change takes effect')
    .argument('<napp>', 'username/name')
    .addHelpText('after', EXAMPLES)
    .action((namespace: string, _options, command: Command) => {
      const options = command.optsWithGlobals<DescribeOptions>()
      return withService(options, context, async service => {
        const description = await service.ask('kytos.settings.describe', { namespace })
        for (const rejected of rejectedRemarks(description)) printMessage(context.stderr, rejected)
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

interface SchemaOptions extends AddressOptions {
  readonly json?: boolean
  readonly digest?: string
  readonly force?: boolean
}

const REMOVE_EXAMPLES = `
Examples:
  kytos-settings schema remove kytos/old_napp --force
  kytos-settings schema remove kytos/of_lldp --digest DIGEST --force

Whether a controller uses a schema is not known, so the command requires --force.
A NApp that uses a removed schema registers it again.`

function addSchemaCommand(program: Command, context: CliContext): void {
  const schema = program
    .command('schema')
    .description('manage the stored schemas')
    .addHelpText('after', REMOVE_EXAMPLES)
  addServiceOptions(schema.command('remove'))
    .description('remove the stored schemas of a NApp that is not used any more')
    .argument('<napp>', 'username/name')
    .option('--digest <digest>', 'only this schema, as "kytos-settings describe NAPP --json" shows it')
    .option('--force', 'remove schemas that a controller may use')
    .addHelpText('after', REMOVE_EXAMPLES)
    .action((namespace: string, _options, command: Command) => {
      const { json, digest, force, ...options } = command.optsWithGlobals<SchemaOptions>()
      return withService(options, context, async service => {
        const answer = await service.ask('kytos.settings.remove_schema', {
          namespace,
          ...(digest !== undefined && { digest }),
          ...(force && { force }),
        })
        const toText = (): string => answer.removed.map(one => `Removed the schema ${one}.\n`).join('')
        printAnswer(json, answer, toText, context)
      })
    })
}

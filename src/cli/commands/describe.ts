import type { Command } from 'commander'
import type { Description } from '../../../events/nouns.ts'
import { type Declared, declaredIn } from '../edit/declared-settings.ts'
import { settingNotFound } from '../edit/setting-not-found.ts'
import type { AddressOptions } from '../service/address.ts'
import { addServiceOptions, withService } from '../service/service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { isWithin, parseKey, printKey } from '../terminal/key-path.ts'
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
  kytos-settings describe kytos/link_discovery liveness
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
    .argument('[key]', 'only this setting and the settings below it')
    .addHelpText('after', EXAMPLES)
    .action((namespace: string, key: string | undefined, _options, command: Command) => {
      const options = command.optsWithGlobals<DescribeOptions>()
      const path = key === undefined ? [] : parseKey(key)
      return withService(options, context, async service => {
        const description = await service.ask('kytos.settings.describe', { namespace })
        const declared = declaredIn(description)
        const asked = declared.filter(one => isWithin(one.path, path))
        if (asked.length === 0 && path.length > 0)
          throw settingNotFound(
            namespace,
            path,
            declared.map(one => one.path),
            'declares no setting',
          )
        for (const rejected of rejectedRemarks(description)) printMessage(context.stderr, rejected)
        printAnswer(
          options.json,
          description,
          () => printDescription(description, asked, createTerminal(context.stdout, context.env)),
          context,
        )
      })
    })
}

function printDescription(
  description: Description,
  settings: readonly Declared[],
  terminal: Terminal,
): string {
  const { namespace, schema, napp_version, stored } = description
  const about = [schema.title, schema.description].filter(text => typeof text === 'string').join(': ')
  const title = sanitize(
    `${namespace}${napp_version === null ? '' : ` ${napp_version}`}${about && `, ${about}`}`,
  )
  const rows = settings.map((one): Cell[] => [
    printKey(one.path),
    one.type,
    show(one.default),
    one.apply,
    one.description,
  ])
  const others = stored.length > 1 ? otherSchemas(description) : ''
  if (rows.length === 0) return `${title}\nThe schema declares no setting by name.\n${others}`
  return `${terminal.style('bold', title)}\n\n${printTable(['Key', { head: 'Type', cut: true }, { head: 'Default', cut: true }, 'Applies', { head: 'Description', cut: true }], rows, terminal)}${others}`
}

/** The remark that schemas of other versions are stored, and which of them counts without a NApp. */
function otherSchemas({ namespace, stored }: Description): string {
  const [first] = stored
  const version = first?.napp_version ? `that of version ${first.napp_version}` : 'one without a version'
  return `
${stored.length} schemas are stored; where no NApp registered one, ${sanitize(version)} is in use.
"kytos-settings describe ${namespace} --json" lists them, and "kytos-settings schema remove" removes them.
`
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
A running NApp that uses a removed schema stores it again at once.`

function addSchemaCommand(program: Command, context: CliContext): void {
  const schema = program
    .command('schema')
    .description('manage the stored schemas')
    .addHelpText('after', REMOVE_EXAMPLES)
  addServiceOptions(schema.command('remove'))
    .description('remove the stored schemas of a NApp that is not used any more')
    .argument('<napp>', 'username/name')
    .option('--digest <digest>', 'only this schema, as "kytos-settings describe NAPP --json" lists them')
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

import type { Command } from 'commander'
import type { Summary } from '../../../events/nouns.ts'
import { showFileCodes } from '../print/file-states.ts'
import type { AddressOptions } from '../service/address.ts'
import { addServiceOptions, withService } from '../service/service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { printAnswer } from '../terminal/print-answer.ts'
import { type Cell, printTable } from '../terminal/table.ts'
import { createTerminal, type Terminal } from '../terminal/terminal.ts'

interface ListOptions extends AddressOptions {
  readonly json?: boolean
}

const EXAMPLES = `
Examples:
  kytos-settings list
  kytos-settings list kytos/
  kytos-settings list --json | jq -r '.[].namespace'`

const NOT_LOADED = `
Not loaded: no NApp of this controller uses these settings; another controller or program may. For a NApp
that was removed, "kytos-settings delete NAPP" deletes the overrides, and
"kytos-settings schema remove NAPP --force" removes the schemas.
`

/** Adds `list`, which lists the namespaces that have settings. */
export function addListCommand(program: Command, context: CliContext): void {
  addServiceOptions(program.command('list'))
    .description('list the namespaces that have settings')
    .argument('[prefix]', 'only namespaces that begin with this prefix')
    .addHelpText('after', EXAMPLES)
    .action((prefix: string | undefined, _options, command: Command) => {
      const options = command.optsWithGlobals<ListOptions>()
      return withService(options, context, async service => {
        const summaries = await service.ask('kytos.settings.list', prefix === undefined ? {} : { prefix })
        printAnswer(
          options.json,
          summaries,
          () => printSummaries(summaries, prefix, createTerminal(context.stdout, context.env)),
          context,
        )
      })
    })
}

function printSummaries(
  summaries: readonly Summary[],
  prefix: string | undefined,
  terminal: Terminal,
): string {
  if (summaries.length === 0) {
    return prefix === undefined
      ? 'There are no settings yet: a NApp registers its settings when it starts.\n'
      : `No namespace begins with ${prefix}. "kytos-settings list" lists all namespaces.\n`
  }
  // A column only with a file that differs from its document: such files are rare.
  const hasFiles = summaries.some(({ files = [] }) => files.length > 0)
  const isMarked = summaries.some(({ loaded = true }) => !loaded)
  const rows = summaries.map(
    ({
      namespace,
      revision,
      version,
      state,
      schema,
      overrides,
      pending,
      rejected,
      loaded = true,
      files = [],
    }): Cell[] => [
      namespace,
      revision,
      version === 0 ? '-' : String(version),
      overrides ? 'yes' : 'no',
      schema ? 'yes' : 'no',
      state === 'READY'
        ? rejected
          ? { text: 'rejected values', style: 'yellow' }
          : pending
            ? { text: 'pending', style: 'yellow' }
            : 'ready'
        : { text: state.toLowerCase(), style: 'red' },
      ...(isMarked ? [loaded ? '' : { text: 'not loaded', style: 'yellow' as const }] : []),
      ...(hasFiles ? [files.length > 0 ? showFileCodes(files) : ''] : []),
    ],
  )
  const columns = [
    'NApp',
    'Revision',
    'Version',
    'Overrides',
    'Schema',
    'State',
    ...(isMarked ? ['NApp here'] : []),
    ...(hasFiles ? ['File'] : []),
  ]
  const hint = hasFiles
    ? '\n"kytos-settings status" lists the files and the commands that repair them.\n'
    : ''
  return printTable(columns, rows, terminal) + (isMarked ? NOT_LOADED : '') + hint
}

import type { Command } from 'commander'
import type { Pending } from '../../../events/commands/pending-nouns.ts'
import type { FileCode, FileState, NAppStatus, NamedRejection, Status } from '../../../events/nouns.ts'
import { printConsumers } from '../print/consumers-table.ts'
import { showDocument, showFileCodes } from '../print/file-states.ts'
import { explainNApp } from '../print/napps-table.ts'
import type { AddressOptions } from '../service/address.ts'
import { addServiceOptions, withService } from '../service/service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { printAnswer, showTime } from '../terminal/print-answer.ts'
import { type Cell, printTable } from '../terminal/table.ts'
import { createTerminal, type Terminal } from '../terminal/terminal.ts'

interface StatusOptions extends AddressOptions {
  readonly json?: boolean
}

const EXAMPLES = `
Examples:
  kytos-settings status
  kytos-settings status kytos/link_discovery
  kytos-settings status --json | jq -r '.files[].source'

With --json, "service" is false if no service is running and the command opened the store directly.`

/** The advice for each state of a file. */
const REPAIRS: Readonly<Record<FileCode, string>> = {
  FILE_MISSING:
    'The document of a missing file is kept: "kytos-settings files restore [NAPP]" writes the file again; "kytos-settings delete NAPP" deletes the document.',
  FILE_REJECTED:
    'A rejected file is ignored: correct it, or change its document with "kytos-settings set", which replaces the file.',
  FILE_UNWRITABLE:
    'An unwritable file is older than its document, which is safe in the journal: "kytos-settings doctor" shows the repair.',
}

/** Adds `status`, which shows the state of the service and its store. */
export function addStatusCommand(program: Command, context: CliContext): void {
  addServiceOptions(program.command('status'))
    .description(
      'show the state of the service, its store and its NApps, and readable files that differ from their documents',
    )
    .argument('[napp]', 'only the files of username/name')
    .addHelpText('after', EXAMPLES)
    .action((namespace: string | undefined, _options, command: Command) => {
      const { json, ...options } = command.optsWithGlobals<StatusOptions>()
      return withService(options, context, async service => {
        const status = await service.ask(
          'kytos.settings.status',
          namespace === undefined ? {} : { namespace },
        )
        const running = { ...status, service: !service.isOwnStore() }
        printAnswer(
          json,
          running,
          () => printStatus(running, createTerminal(context.stdout, context.env)),
          context,
        )
      })
    })
}

function printStatus(status: Status & { readonly service: boolean }, terminal: Terminal): string {
  const {
    controller,
    backend,
    state,
    revision,
    since,
    reason,
    files,
    more_files: more = 0,
    rejected = [],
    more_rejected: moreRejected = 0,
    pending = [],
    consumers = [],
    more_consumers: moreConsumers = 0,
    service,
    napps,
  } = status
  const facts: readonly (readonly [string, Cell])[] = [
    ['Controller', controller],
    ['Service', service ? 'running' : { text: 'not running', style: 'yellow' }],
    ['Store', backend],
    [
      'State',
      { text: `${state.toLowerCase()} since ${showTime(since)}`, style: state === 'READY' ? 'green' : 'red' },
    ],
    ...(reason === null ? [] : [['Reason', reason] as const]),
    ['Revision', revision],
    ...(napps.length === 0 ? [] : [['NApps', countNApps(napps)] as const]),
  ]
  const [head = ['', ''] as const, ...rows] = facts
  const summary = printTable(head.map(String), rows, terminal)
  return [
    summary,
    ...(napps.every(napp => explainNApp(napp) === undefined) ? [] : [printProblems(napps, terminal)]),
    ...(consumers.length === 0 ? [] : [printConsumers(consumers, moreConsumers, terminal)]),
    ...(rejected.length === 0 ? [] : [printRejected(rejected, moreRejected, terminal)]),
    ...(pending.length === 0 ? [] : [printPending(pending, terminal)]),
    ...(files.length === 0 ? [] : [printFiles(files, more, terminal)]),
  ].join('\n')
}

/** The number of NApps in each state. */
function countNApps(napps: readonly NAppStatus[]): Cell {
  const counts = (['running', 'starting', 'failed'] as const).flatMap(state => {
    const count = napps.filter(napp => napp.state === state).length
    return count === 0 ? [] : [`${count} ${state}`]
  })
  const isGood = napps.every(({ state, reason }) => state === 'running' && reason === null)
  const text = counts.join(', ')
  return isGood ? text : { text, style: 'red' }
}

function printProblems(napps: readonly NAppStatus[], terminal: Terminal): string {
  const rows = napps.flatMap((napp): Cell[][] => {
    const problem = explainNApp(napp)
    return problem === undefined ? [] : [[napp.napp, problem]]
  })
  return printTable(['NApp', 'Problem'], rows, terminal)
}

function printRejected(rejected: readonly NamedRejection[], more: number, terminal: Terminal): string {
  const rows = rejected.map(({ namespace, scope, message }): Cell[] => [namespace, scope, message])
  const rest = more > 0 ? `Further rejected values that are not listed: ${more}.\n` : ''
  return `${printTable(['NApp', 'Scope', { head: 'Rejected', cut: true }], rows, terminal)}${rest}`
}

function printPending(pending: readonly Pending[], terminal: Terminal): string {
  const rows = pending.flatMap(({ documents, actor, confirm_within }) =>
    documents.map(({ namespace, scope, version, baseline }): Cell[] => [
      namespace,
      scope,
      String(version),
      baseline === 0 ? '-' : String(baseline),
      `${confirm_within} s`,
      actor.name,
    ]),
  )
  const columns = ['NApp', 'Scope', 'Waits', 'Baseline', 'Time', 'By']
  return `${printTable(columns, rows, terminal)}"kytos-settings confirm NAPP" keeps such a change, "cancel NAPP" rolls it back.\n`
}

function printFiles(files: readonly FileState[], more: number, terminal: Terminal): string {
  const rows = files.map((file): Cell[] => [
    showDocument(file),
    showFileCodes([file.code]),
    file.source,
    file.code === 'FILE_MISSING' ? '' : file.message,
  ])
  const codes = new Set(files.map(({ code }) => code))
  const advice = (Object.keys(REPAIRS) as FileCode[]).flatMap(code =>
    codes.has(code) ? [`${REPAIRS[code]}\n`] : [],
  )
  const rest = more > 0 ? `Further files that are not listed: ${more}.\n` : ''
  return `${printTable(['Document', 'File', 'Path', { head: 'Reason', cut: true }], rows, terminal)}${rest}\n${advice.join('')}`
}

import type { Command } from 'commander'
import type { FileCode, FileState, Status } from '../../../events/map.ts'
import { showDocument, showFileCodes } from '../print/file-states.ts'
import type { AddressOptions } from '../service/address.ts'
import { addServiceOptions, withService } from '../service/service.ts'
import { createPaper, type Paper } from '../terminal/paper.ts'
import { printAnswer, showTime } from '../terminal/print-answer.ts'
import { type Cell, printTable } from '../terminal/table.ts'
import type { World } from '../terminal/world.ts'

interface StatusOptions extends AddressOptions {
  readonly json?: boolean
}

const EXAMPLES = `
Examples:
  kytos-settings status
  kytos-settings status kytos/link_discovery
  kytos-settings status --json | jq -r '.files[].source'

With --json, "service" is false where no service runs and the store itself was looked at.`

/** What a person does about files of each kind. */
const REPAIRS: Readonly<Record<FileCode, string>> = {
  FILE_MISSING:
    'A missing file keeps its document: "kytos-settings delete NAPP" deletes it, if the removal was meant; "kytos-settings files restore [NAPP]" writes the file again.',
  FILE_REJECTED: 'A rejected file is left as it is: correct it, or have the next change of its document replace it.',
  FILE_UNWRITABLE: 'An unwritable file is behind its document, which is safe in the journal: "kytos-settings doctor" says what to repair.',
}

/** Adds `status`, which shows how the service and its store are. */
export function addStatusCommand(program: Command, world: World): void {
  addServiceOptions(program.command('status'))
    .description('how the service and its store are, and which readable files do not show their documents')
    .argument('[napp]', 'only the files of username/name')
    .addHelpText('after', EXAMPLES)
    .action((namespace: string | undefined, _options, command: Command) => {
      const { json, ...options } = command.optsWithGlobals<StatusOptions>()
      return withService(options, world, async service => {
        const status = await service.ask('kytos.settings.status', namespace === undefined ? {} : { namespace })
        const running = { ...status, service: !service.isOwnStore() }
        printAnswer(json, running, () => printStatus(running, createPaper(world.stdout, world.env)), world)
      })
    })
}

function printStatus(status: Status & { readonly service: boolean }, paper: Paper): string {
  const { controller, backend, state, revision, since, reason, files, more_files: more = 0, service } = status
  const facts: readonly (readonly [string, Cell])[] = [
    ['Controller', controller],
    ['Service', service ? 'runs' : { text: 'does not run', style: 'yellow' }],
    ['Store', backend],
    ['State', { text: `${state.toLowerCase()} since ${showTime(since)}`, style: state === 'READY' ? 'green' : 'red' }],
    ...(reason === null ? [] : [['Reason', reason] as const]),
    ['Revision', revision],
  ]
  const [head = ['', ''] as const, ...rows] = facts
  const summary = printTable(head.map(String), rows, paper)
  return files.length === 0 ? summary : `${summary}\n${printFiles(files, more, paper)}`
}

function printFiles(files: readonly FileState[], more: number, paper: Paper): string {
  const rows = files.map((file): Cell[] => [
    showDocument(file),
    showFileCodes([file.code]),
    file.source,
    file.code === 'FILE_MISSING' ? '' : file.message,
  ])
  const codes = new Set(files.map(({ code }) => code))
  const advice = (Object.keys(REPAIRS) as FileCode[]).flatMap(code => (codes.has(code) ? [`${REPAIRS[code]}\n`] : []))
  const rest = more > 0 ? `And ${more} more.\n` : ''
  return `${printTable(['Document', 'File', 'Path', { head: 'Reason', cut: true }], rows, paper)}${rest}\n${advice.join('')}`
}

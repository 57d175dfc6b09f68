import type { Command } from 'commander'
import type { Controllers, Settings, TransactionOperation } from '../../../events/nouns.ts'
import { TRANSACTION_DOCUMENTS } from '../../../model/document.ts'
import { SettingsError } from '../../../model/errors.ts'
import { expectedRevisionOf } from '../../../model/expected-revision.ts'
import { printJson } from '../../../model/json.ts'
import { nearest } from '../../../model/nearest.ts'
import type { AddressOptions } from '../service/address.ts'
import { addServiceOptions, type Service, withService } from '../service/service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { printAnswer } from '../terminal/print-answer.ts'
import { printMessage } from '../terminal/print-error.ts'
import { type Cell, printTable } from '../terminal/table.ts'
import { createTerminal, type Terminal } from '../terminal/terminal.ts'

interface ControllersOptions extends AddressOptions {
  readonly json?: boolean
}

interface RenameOptions extends ControllersOptions {
  readonly comment?: string
  readonly dryRun?: boolean
}

/** The overrides of one transaction, in characters, below the limit of a transaction in bytes. */
const MAX_CHARACTERS = 150_000

const EXAMPLES = `
Examples:
  kytos-settings controllers
  kytos-settings controllers rename old-host new-host
  kytos-settings controllers --json | jq -r '.controllers[].id'

"kytos-settings get NAPP --scope controller:ID" shows the overrides of one controller.`

const RENAME_EXAMPLES = `
Examples:
  kytos-settings controllers rename old-host new-host
  kytos-settings controllers rename old-host new-host --dry-run

Moves the overrides, 16 NApps in one transaction; their history stays with the former id.
If the controller OLD still runs, it loses its overrides at once.`

/**
 * Adds `controllers`, which lists this controller and every owner of overrides, and `controllers rename`,
 * which moves the overrides of one controller to another id.
 */
export function addControllersCommand(program: Command, context: CliContext): void {
  const controllers = addServiceOptions(program.command('controllers'))
    .description('this controller, and all controllers that have overrides of their own')
    .addHelpText('after', EXAMPLES)
    .action((_options, command: Command) => {
      const { json, ...options } = command.optsWithGlobals<ControllersOptions>()
      return withService(options, context, async service => {
        const answer = await service.ask('kytos.settings.controllers', {})
        const toText = (): string => printControllers(answer, createTerminal(context.stdout, context.env))
        printAnswer(json, answer, toText, context)
      })
    })
  addServiceOptions(controllers.command('rename'))
    .description('move the overrides of a controller to its new id')
    .argument('<old>', 'the former id of the controller')
    .argument('<new>', 'its id now')
    .option('--comment <text>', 'reason, for the history')
    .option('--dry-run', 'check the moves, and write nothing')
    .addHelpText('after', RENAME_EXAMPLES)
    .action((from: string, to: string, _options, command: Command) => {
      const { json, comment, dryRun = false, ...options } = command.optsWithGlobals<RenameOptions>()
      return withService(options, context, async service => {
        const moved = await rename(service, { from, to, dryRun, comment: comment ?? `renamed from ${from}` })
        const namespaces = moved.map(({ namespace }) => namespace)
        const done = dryRun ? 'Dry run: nothing was written. Would move' : 'Moved'
        const toText = (): string =>
          `${done} the overrides of ${namespaces.join(', ')} from the controller ${from} to ${to}.\n`
        printAnswer(json, { from, to, namespaces }, toText, context)
        for (const warning of new Set(moved.flatMap(({ warnings = [] }) => warnings)))
          printMessage(context.stderr, warning)
      })
    })
}

interface Rename {
  readonly from: string
  readonly to: string
  readonly comment: string
  readonly dryRun: boolean
}

/**
 * Moves all overrides of a controller; returns the settings of the new id, one for each namespace.
 *
 * Invariant: overrides are written and deleted in one transaction, at the revision at which they were read.
 * They are written only where the new id has none, so that none are lost or replaced. After an error between two transactions, a repetition moves the
 * rest.
 * @throws SettingsError SETTING_NOT_FOUND when the old id has no overrides. DOCUMENT_EXISTS when the new id
 * has overrides of one of the namespaces. The errors of the service.
 */
async function rename(service: Service, { from, to, comment, dryRun }: Rename): Promise<readonly Settings[]> {
  const { controllers } = await service.ask('kytos.settings.controllers', {})
  const overridesOf = (id: string): readonly string[] =>
    controllers.find(one => one.id === id)?.namespaces ?? []
  const namespaces = overridesOf(from)
  if (namespaces.length === 0) throw withoutOverrides(from, controllers)
  const taken = namespaces.filter(namespace => overridesOf(to).includes(namespace))
  if (taken.length > 0) throw occupied(to, taken)
  const moves: Move[] = []
  for (const namespace of namespaces) {
    const [source, target] = [`controller:${from}`, `controller:${to}`]
    const before = await service.ask('kytos.settings.retrieve', { namespace, scope: source })
    // Fails when the new id has got overrides meanwhile, which must not be replaced.
    const data = [
      { op: 'test', path: '', value: {} },
      { op: 'replace', path: '', value: before.overrides },
    ]
    moves.push({
      characters: printJson(before.overrides).length,
      operations: [
        { namespace, scope: target, method: 'JSON_PATCH', data },
        { namespace, scope: source, method: 'DELETE', revision: expectedRevisionOf(before) },
      ],
    })
  }
  const moved: Settings[] = []
  for (const operations of inTransactions(moves)) {
    const content = { operations, comment, ...(dryRun && { dry_run: true }) }
    const { settings } = await service.ask('kytos.settings.transaction', content)
    moved.push(...settings.filter(({ scope }) => scope === `controller:${to}`))
  }
  return moved
}

/** The operations that move the overrides of one namespace. */
interface Move {
  readonly characters: number
  readonly operations: readonly TransactionOperation[]
}

/** The operations of the moves in as many transactions as the limits require. */
function inTransactions(moves: readonly Move[]): readonly (readonly TransactionOperation[])[] {
  const transactions: TransactionOperation[][] = []
  let left = 0
  for (const { characters, operations } of moves) {
    const last = transactions.at(-1)
    left -= characters
    if (last && left >= 0 && last.length + operations.length <= TRANSACTION_DOCUMENTS) {
      last.push(...operations)
      continue
    }
    transactions.push([...operations])
    left = MAX_CHARACTERS - characters
  }
  return transactions
}

function withoutOverrides(id: string, controllers: Controllers['controllers']): SettingsError {
  const owners = controllers.filter(({ namespaces }) => namespaces.length > 0).map(one => one.id)
  const meant = nearest(id, owners)
  const hint = meant === undefined ? '' : ` Did you mean "${meant}"?`
  const message = `The controller "${id}" has no overrides: nothing was moved.${hint} "kytos-settings controllers" lists the controllers that have any.`
  return new SettingsError('SETTING_NOT_FOUND', message, {
    details: { got: id, ...(meant && { nearest: meant }) },
  })
}

function occupied(id: string, namespaces: readonly string[]): SettingsError {
  const [first = ''] = namespaces
  const message = `The controller "${id}" already has overrides of ${namespaces.join(', ')}: nothing was moved. Delete those that are wrong, such as with "kytos-settings delete ${first} --scope controller:${id}".`
  return new SettingsError('DOCUMENT_EXISTS', message, { details: { controller: id, namespaces } })
}

function printControllers({ controllers }: Controllers, terminal: Terminal): string {
  const rows = controllers.map(({ id, self, running, namespaces }): Cell[] => [
    id,
    self ? 'yes' : 'no',
    running === null ? 'unknown' : running ? 'yes' : { text: 'no', style: 'yellow' },
    namespaces.length > 0 ? namespaces.join(', ') : '-',
  ])
  const table = printTable(
    ['Controller', 'This one', 'Running', { head: 'Overrides', cut: true }],
    rows,
    terminal,
  )
  const self = controllers.find(one => one.self)
  const other = controllers.find(one => !one.self)
  // Of a store that several controllers share it is not known whether the other one runs.
  if (!self || other?.running !== false || self.namespaces.length > 0) return table
  return `${table}\nIf ${self.id} was renamed, "kytos-settings controllers rename ${other.id} ${self.id}" moves its overrides.\n`
}

import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { TransactionResult } from '../../../events/nouns.ts'
import { SettingsError } from '../../../model/errors.ts'
import { addConfirmOption, type ConfirmOptions, confirmField } from '../edit/confirm-within.ts'
import { operationOf, type PlanStep, planFolder } from '../edit/folder-plan.ts'
import {
  digestOf,
  type FolderRecord,
  readFileDocuments,
  readFolder,
  readRecord,
  writeRecord,
} from '../edit/settings-folder.ts'
import type { AddressOptions } from '../service/address.ts'
import { addServiceOptions, type Service, withService } from '../service/service.ts'
import { askYes } from '../terminal/ask-yes.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { printAnswer } from '../terminal/print-answer.ts'
import { printMessage } from '../terminal/print-error.ts'
import { createTerminal } from '../terminal/terminal.ts'
import { awaitConfirmation } from '../undo/countdown.ts'
import { printPatch } from '../undo/print-patch.ts'

interface ApplyOptions extends AddressOptions, ConfirmOptions {
  readonly json?: boolean
  readonly comment?: string
  readonly dryRun?: boolean
  readonly force?: boolean
  readonly prune?: boolean
  readonly yes?: boolean
  readonly chunks?: boolean
}

/** Maximum number of documents of one transaction; more need `--chunks`. */
const MAX_DOCUMENTS = 32
/** The exit code of a dry run that shows a difference, as of `diff`. */
const DIFFERS = 1
const EXAMPLES = `
Examples:
  kytos-settings export --dir settings.d              write the folder, for example into a git repository
  kytos-settings apply settings.d --dry-run           the differences; exit code 1 if there are any
  kytos-settings apply settings.d --comment 'ticket 42'
  kytos-settings apply settings.d --prune --yes       also delete documents whose file is gone
  kytos-settings apply settings.json                  one file, as "export" prints it

The folder is the desired state: one file for each NApp in settings/, and controllers/ID/ for one controller.
All changes are one transaction. A document that was changed in the store after the folder was written is a
conflict, and nothing is stored: export again, or use --force. Documents without a file are left alone.`

/** Adds `apply`, which makes the stored overrides equal to the files of a folder. */
export function addApplyCommand(program: Command, context: CliContext, exit: (code: number) => void): void {
  addConfirmOption(addServiceOptions(program.command('apply')))
    .description('make the overrides equal to the files of a folder, as "export --dir" writes it')
    .argument('<folder>', 'folder with one file for each NApp, or one file for all')
    .option('-m, --comment <text>', 'reason of the change, for the history')
    .option(
      '-n, --dry-run',
      'show and validate the differences, and write nothing; exit code 1 if there are any',
    )
    .option('--force', 'replace overrides that were changed after the folder was written')
    .option('--prune', 'delete documents that the folder once held and holds no more')
    .option('-y, --yes', 'delete without a question')
    .option('--chunks', `allow more than ${MAX_DOCUMENTS} documents, in several transactions`)
    .addHelpText('after', EXAMPLES)
    .action((name: string, _options, command: Command) => {
      const {
        json,
        comment,
        dryRun,
        force = false,
        prune,
        yes,
        chunks,
        confirmWithin,
        ...options
      } = command.optsWithGlobals<ApplyOptions>()
      const folder = resolve(context.cwd, name)
      return withService({ ...options, dryRun: dryRun === true }, context, async service => {
        const isFile = (await stat(folder).catch(() => undefined))?.isFile() === true
        const record = isFile ? undefined : await readRecord(folder)
        const documents = isFile ? await readFileDocuments(folder) : await readFolder(folder)
        const plan = await planFolder(service, documents, record, force)
        const steps = plan.filter(({ action }) => action !== 'delete' || prune)
        reportKept(plan.length - steps.length, context)
        if (!json) printDifferences(steps, context)
        requireNoConflict(steps, folder)
        const changes = steps.filter(step => operationOf(step).length > 0)
        if (changes.length > MAX_DOCUMENTS && !chunks) throw tooMany(changes.length)
        if (chunks && confirmWithin !== undefined) throw manyConfirmations()
        if (!dryRun) await confirmDeletions(changes, yes === true, context)
        const waiting = await commit(service, changes, { comment, dryRun, confirmWithin }, context)
        if (!dryRun && !isFile) await recordApplied(folder, record, steps, service)
        const answer = {
          documents: steps.map(({ namespace, scope, action }) => ({ namespace, scope, action })),
        }
        printAnswer(json, answer, () => summary(changes, steps, dryRun === true), context)
        if (dryRun && changes.length > 0) exit(DIFFERS)
        if (waiting)
          await awaitConfirmation(service, waiting, { json: json === true, scope: waiting.scope }, context)
      })
    })
}

function reportKept(count: number, { stderr }: CliContext): void {
  if (count === 0) return
  const what = count === 1 ? 'document has no file' : 'documents have no file'
  printMessage(stderr, `${count} ${what} any more and stays stored: --prune deletes it.`)
}

function printDifferences(steps: readonly PlanStep[], { stdout, env }: CliContext): void {
  const terminal = createTerminal(stdout, env)
  for (const { file, live, desired, action } of steps)
    if (action !== 'same')
      stdout.write(
        printPatch(
          file,
          { data: live ?? {}, label: live ? 'stored' : 'absent' },
          { data: desired ?? {}, label: desired ? 'in the folder' : 'deleted' },
          terminal,
        ),
      )
}

/** @throws SettingsError REVISION_MISMATCH for documents that were changed after the folder was written. */
function requireNoConflict(steps: readonly PlanStep[], folder: string): void {
  const conflicts = steps.filter(({ action }) => action === 'conflict').map(({ file }) => file)
  if (conflicts.length === 0) return
  throw new SettingsError(
    'REVISION_MISMATCH',
    `Nothing was stored. After ${folder} was written, these were changed in the store: ${conflicts.join(', ')}. "kytos-settings export --dir" writes them again; --force replaces them.`,
    { details: { files: conflicts } },
  )
}

function tooMany(count: number): SettingsError {
  return new SettingsError(
    'CONTENT_MALFORMED',
    `${count} documents differ, and one transaction has at most ${MAX_DOCUMENTS}: nothing was stored. --chunks allows several transactions, each of which is stored or not on its own.`,
  )
}

function manyConfirmations(): SettingsError {
  return new SettingsError(
    'CONTENT_MALFORMED',
    '--confirm-within is for one transaction: remove --chunks. Nothing was stored.',
  )
}

/** @throws SettingsError CONTENT_MALFORMED when the deletions are neither confirmed nor named by --yes. */
async function confirmDeletions(
  changes: readonly PlanStep[],
  isYes: boolean,
  context: CliContext,
): Promise<void> {
  const deleted = changes.filter(({ action }) => action === 'delete').map(({ file }) => file)
  if (deleted.length === 0 || isYes) return
  printMessage(context.stderr, `--prune deletes ${deleted.join(', ')}.`)
  if (await askYes('Delete?', context)) return
  throw new SettingsError('CONTENT_MALFORMED', 'Nothing was stored: --yes deletes without a question.')
}

/** Stores the changes; returns one of the documents that wait for a confirmation. */
async function commit(
  service: Service,
  changes: readonly PlanStep[],
  {
    comment,
    dryRun,
    confirmWithin,
  }: {
    readonly comment: string | undefined
    readonly dryRun: boolean | undefined
    readonly confirmWithin: number | undefined
  },
  context: CliContext,
): Promise<TransactionResult['settings'][number] | undefined> {
  let waiting: TransactionResult['settings'][number] | undefined
  for (let start = 0; start < changes.length; start += MAX_DOCUMENTS) {
    const part = changes.slice(start, start + MAX_DOCUMENTS)
    const { settings } = await service.ask('kytos.settings.transaction', {
      operations: part.flatMap(operationOf),
      ...(comment !== undefined && { comment }),
      ...(dryRun && { dry_run: true }),
      ...confirmField(confirmWithin),
    })
    waiting ??= settings.find(({ pending }) => pending)
    if (changes.length > MAX_DOCUMENTS && !dryRun)
      printMessage(context.stderr, `${start + part.length} of ${changes.length} documents are stored.`)
  }
  return waiting
}

/** Records what the store holds now, so that the next conflict is a change after this one. */
async function recordApplied(
  folder: string,
  record: FolderRecord | undefined,
  steps: readonly PlanStep[],
  service: Service,
): Promise<void> {
  const files: Record<string, string> = { ...record?.files }
  for (const { file, desired } of steps) {
    if (desired) files[file] = digestOf(desired)
    else delete files[file]
  }
  const { epoch } = await service.ask('kytos.settings.status', {})
  await writeRecord(folder, { epoch, files })
}

function summary(changes: readonly PlanStep[], steps: readonly PlanStep[], isDryRun: boolean): string {
  if (changes.length === 0) return 'The store equals the folder: nothing was stored.\n'
  const count = (action: string): number => steps.filter(step => step.action === action).length
  const parts = ['create', 'update', 'delete', 'same'].flatMap(action =>
    count(action) > 0 ? [`${count(action)} ${WORDS[action]}`] : [],
  )
  return `${parts.join(', ')}.${isDryRun ? ' Dry run: nothing was written.' : ''}\n`
}

const WORDS: Readonly<Record<string, string>> = {
  create: 'created',
  update: 'updated',
  delete: 'deleted',
  same: 'unchanged',
}

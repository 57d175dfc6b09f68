import { type Command, InvalidArgumentError } from 'commander'
import type { Settings } from '../../../events/nouns.ts'
import { SettingsError } from '../../../model/errors.ts'
import { pointerTo } from '../../../model/value.ts'
import { addConfirmOption, type ConfirmOptions, confirmField } from '../edit/confirm-within.ts'
import { addGuardOptions, type GuardOptions } from '../edit/guard-options.ts'
import { type Changed, readSettings } from '../edit/overrides-edit.ts'
import { printChanged } from '../edit/print-changed.ts'
import type { AddressOptions } from '../service/address.ts'
import { addServiceOptions, type Service, withService } from '../service/service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { parseKey } from '../terminal/key-path.ts'
import { awaitConfirmation } from './countdown.ts'
import { parseTime, TIME_FORMS, type TypedTime } from './parse-time.ts'
import { rollbackAt } from './rollback-at.ts'
import { printTogether } from './rollback-together.ts'

interface RollbackOptions extends AddressOptions, ConfirmOptions, GuardOptions {
  readonly json?: boolean
  readonly keys?: readonly string[]
  readonly at?: TypedTime
  readonly writeId?: string
  readonly force?: boolean
  readonly dryRun?: boolean
  readonly yes?: boolean
}

const EXAMPLES = `
Examples:
  kytos-settings rollback kytos/link_discovery 3 --dry-run
  kytos-settings rollback kytos/link_discovery 3 -m 'links flapped'
  kytos-settings rollback kytos/link_discovery 3 --keys polling_time,liveness.min_hellos
  kytos-settings rollback kytos/link_discovery --at 03:00     shows the changes, then asks
  kytos-settings rollback --at '2026-11-27 03:00' --yes       all NApps, in one transaction
  kytos-settings rollback --write-id 0b7c6f1e-...             a whole transaction, or nothing

"kytos-settings history" and "audit" list versions and write ids. Version 0 removes all overrides.
A rollback is a change like any other: it is validated, NApps may reject it, and it is a new version.
A transaction of which a document was changed since is not rolled back, except with --force.
TIME: ${TIME_FORMS}.`

/** Adds `rollback`, which returns overrides to an earlier state. */
export function addRollbackCommand(program: Command, context: CliContext): void {
  addConfirmOption(addGuardOptions(addServiceOptions(program.command('rollback'))))
    .description('return overrides to a version, to a time, or to the state before a transaction')
    .argument('[napp]', 'username/name; with --at, default: all NApps')
    .argument('[version]', 'version of the history; 0: without overrides', parseVersion)
    .option('--keys <keys>', 'only these settings, with commas between them', parseKeys)
    .option('--at <time>', 'the state at this time; shows the changes and asks', text => parseTime(text))
    .option('--write-id <id>', 'undo the transaction with this write_id: all its documents or none')
    .option('--force', 'with --write-id: undo changes that were made since, too')
    .option('-n, --dry-run', 'show the changes and the verdict of each affected NApp, and write nothing')
    .option('-y, --yes', 'with --at: do not ask')
    .addHelpText('after', EXAMPLES)
    .action((namespace: string | undefined, version: number | undefined, _options, command: Command) =>
      rollback(namespace, version, command.optsWithGlobals<RollbackOptions>(), context),
    )
}

/** @throws SettingsError CONTENT_MALFORMED for options that cannot be combined. */
async function rollback(
  namespace: string | undefined,
  version: number | undefined,
  { json = false, ...given }: RollbackOptions,
  context: CliContext,
): Promise<void> {
  const { scope = 'cluster', comment, ifRevision, confirmWithin, keys, at, writeId, ...rest } = given
  const { force, dryRun, yes, ...address } = rest
  if ([version !== undefined, at !== undefined, writeId !== undefined].filter(Boolean).length !== 1)
    throw malformed('Name a NApp and a version, or --at, or --write-id.')
  if (version === undefined && (keys !== undefined || ifRevision !== undefined))
    throw malformed('--keys and --if-revision require a version.')
  if (force && writeId === undefined) throw malformed('--force requires --write-id.')
  if (writeId !== undefined && namespace !== undefined)
    throw malformed('--write-id names its documents itself: leave out the NApp.')
  const common = {
    ...(comment !== undefined && { comment }),
    ...(dryRun && { dry_run: true }),
    ...confirmField(confirmWithin),
  }
  return withService(address, context, async service => {
    if (at) return rollbackAt(service, { namespace, scope }, at, { json, yes, common }, context)
    if (writeId !== undefined)
      return rollbackWriteId(
        service,
        { write_id: writeId, ...(force && { force }), ...common },
        json,
        context,
      )
    if (namespace === undefined || version === undefined) throw malformed('rollback requires a NApp.')
    const before = await readSettings(service, { namespace, scope, isNew: true })
    const after = await service.ask('kytos.settings.rollback', {
      ...{ namespace, version, scope },
      ...(keys && { keys }),
      ...(ifRevision !== undefined && { revision: ifRevision }),
      ...common,
    })
    await printChanged(service, { before, after }, { json, scope }, context)
    await awaitConfirmation(service, after, { json, scope }, context)
  })
}

async function rollbackWriteId(
  service: Service,
  content: {
    readonly write_id: string
    readonly force?: boolean
    readonly comment?: string
    readonly dry_run?: boolean
    readonly confirm_within?: number
  },
  json: boolean,
  context: CliContext,
): Promise<void> {
  // The dry run names the documents, whose settings before the change are printed.
  const { settings: planned } = await service.ask('kytos.settings.rollback_transaction', {
    ...content,
    dry_run: true,
  })
  const befores: Settings[] = []
  for (const { namespace, scope } of planned)
    befores.push(await readSettings(service, { namespace, scope, isNew: true }))
  const { settings } = content.dry_run
    ? { settings: planned }
    : await service.ask('kytos.settings.rollback_transaction', content)
  const changed = settings.flatMap((after, i): (Changed & { readonly scope: string })[] => {
    const before = befores[i]
    return before ? [{ before, after, scope: after.scope }] : []
  })
  await printTogether(service, changed, json, context)
}

function parseVersion(text: string): number {
  if (/^(?:0|[1-9]\d{0,11})$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Use a version from "kytos-settings history", such as 3, or 0.')
}

/** The typed keys as JSON Pointers. */
function parseKeys(text: string): readonly string[] {
  return text.split(',').map(key => pointerTo(parseKey(key.trim())))
}

function malformed(message: string): SettingsError {
  return new SettingsError('CONTENT_MALFORMED', `${message} "kytos-settings rollback --help" has examples.`)
}

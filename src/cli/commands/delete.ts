import type { Command } from 'commander'
import type { Settings } from '../../../events/nouns.ts'
import { isSettingsError, SettingsError } from '../../../model/errors.ts'
import { expectedRevisionOf } from '../../../model/expected-revision.ts'
import { addConfirmOption, type ConfirmOptions, confirmField } from '../edit/confirm-within.ts'
import { addGuardOptions, type GuardOptions } from '../edit/guard-options.ts'
import { unobserved } from '../edit/print-changed.ts'
import type { AddressOptions } from '../service/address.ts'
import { addServiceOptions, type Service, withService } from '../service/service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { byKey, leavesIn, printKey, valueAt } from '../terminal/key-path.ts'
import { printAnswer, show } from '../terminal/print-answer.ts'
import { printMessage } from '../terminal/print-error.ts'
import { type Cell, printTable } from '../terminal/table.ts'
import { createTerminal, type Terminal } from '../terminal/terminal.ts'
import { awaitConfirmation } from '../undo/countdown.ts'

interface DeleteOptions extends AddressOptions, ConfirmOptions, GuardOptions {
  readonly json?: boolean
}

/** The settings before a deletion and after it. */
interface Deleted {
  readonly before: Settings
  readonly after: Settings
}

/** Maximum number of attempts when another client changes the overrides first. */
const MAX_ATTEMPTS = 10
const EXAMPLES = `
Examples:
  kytos-settings delete kytos/link_discovery --comment 'back to the defaults'
  kytos-settings delete kytos/link_discovery --scope controller:c2

Deletes all overrides of a NApp in one scope, with their readable file.
The history keeps them: "kytos-settings diff NAPP".
"kytos-settings unset" removes single overrides.`

/** Adds `delete`, which deletes the overrides of a NApp in one scope. */
export function addDeleteCommand(program: Command, context: CliContext): void {
  addConfirmOption(addGuardOptions(addServiceOptions(program.command('delete'))))
    .description('delete the overrides of a NApp, so that the lower layers are in effect again')
    .argument('<napp>', 'username/name')
    .addHelpText('after', EXAMPLES)
    .action((namespace: string, _options, command: Command) => {
      const {
        json,
        scope = 'cluster',
        comment,
        ifRevision,
        confirmWithin,
        ...options
      } = command.optsWithGlobals<DeleteOptions>()
      return withService(options, context, async service => {
        const deleted = await deleteOverrides(service, namespace, scope, {
          ...{ comment, ifRevision, confirmWithin },
        })
        const { before, after } = deleted
        const toText = (): string => printDeleted(deleted, scope, createTerminal(context.stdout, context.env))
        printAnswer(json, { ...after, dropped: before.overrides }, toText, context)
        for (const remark of after.warnings ?? []) printMessage(context.stderr, remark)
        if (after.observed === false) printMessage(context.stderr, unobserved('deletion', namespace))
        await awaitConfirmation(service, after, { json: json === true, scope }, context)
      })
    })
}

/**
 * Deletes the overrides under the revision at which they were read, so that exactly what is returned was
 * deleted.
 * @throws SettingsError NAMESPACE_NOT_FOUND, or SETTING_NOT_FOUND when the scope has no overrides; the error
 * of the service.
 */
async function deleteOverrides(
  service: Service,
  namespace: string,
  scope: string,
  {
    comment,
    ifRevision,
    confirmWithin,
  }: {
    readonly comment: string | undefined
    readonly ifRevision: string | undefined
    readonly confirmWithin: number | undefined
  },
): Promise<Deleted> {
  for (let left = MAX_ATTEMPTS; ; left--) {
    const before = await service.ask('kytos.settings.retrieve', { namespace, scope })
    try {
      const guard = {
        revision: ifRevision ?? expectedRevisionOf(before),
        ...(comment !== undefined && { comment }),
        ...confirmField(confirmWithin),
      }
      const after = await service.ask('kytos.settings.delete', { namespace, scope, ...guard })
      // Every deletion creates a version; an unchanged version means that nothing was deleted.
      if (after.version === before.version) throw nothingToDelete(namespace, scope)
      return { before, after }
    } catch (error) {
      if (!isSettingsError(error, 'REVISION_MISMATCH') || ifRevision !== undefined || left <= 1) throw error
    }
  }
}

function nothingToDelete(namespace: string, scope: string): SettingsError {
  const message = `${namespace} has no overrides in the scope ${scope}: nothing was deleted. "kytos-settings explain ${namespace}" shows the layer of each value.`
  return new SettingsError('SETTING_NOT_FOUND', message, { details: { namespace, scope } })
}

function printDeleted({ before, after }: Deleted, scope: string, terminal: Terminal): string {
  const where = `${after.namespace}${scope === 'cluster' ? '' : ` (${scope})`}`
  const stored = `The overrides of ${where} are deleted, at revision ${after.revision}, version ${after.version}.\n`
  const rows = leavesIn(before.overrides)
    .filter(path => path.length > 0)
    .sort(byKey)
    .map((path): Cell[] => [
      printKey(path),
      { text: show(valueAt(before.overrides, path)), style: 'red' },
      { text: show(valueAt(after.data, path)), style: 'green' },
    ])
  if (rows.length === 0) return stored
  return `${printTable(['Key', { head: 'Deleted', cut: true }, { head: 'In effect', cut: true }], rows, terminal)}\n${stored}`
}

import type { Command } from 'commander'
import { isSettingsError, SettingsError } from '../../../model/errors.ts'
import type { JsonObject } from '../../../model/value.ts'
import { askValues } from '../edit/asked-values.ts'
import { assign, parseAssignments, readValues } from '../edit/assignment.ts'
import { addConfirmOption, type ConfirmOptions } from '../edit/confirm-within.ts'
import { addGuardOptions, type GuardOptions } from '../edit/guard-options.ts'
import { changeOverrides, changeTogether, type KeyEdit, unsetAt } from '../edit/overrides-edit.ts'
import { printAll, printChanged } from '../edit/print-changed.ts'
import type { AddressOptions } from '../service/address.ts'
import { addServiceOptions, type Service, withService } from '../service/service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { InputInterrupted } from '../terminal/hidden-input.ts'
import { parseKey } from '../terminal/key-path.ts'
import { printMessage } from '../terminal/print-error.ts'
import { awaitConfirmation } from '../undo/countdown.ts'

interface SetOptions extends AddressOptions, ConfirmOptions, GuardOptions {
  readonly json?: boolean
  readonly dryRun?: boolean
  readonly new?: boolean
}

/** As of a process that ends by SIGINT. */
const EXIT_INTERRUPTED = 130
const SET_EXAMPLES = `
Examples:
  kytos-settings set kytos/link_discovery polling_time=5
  kytos-settings set kytos/link_discovery liveness.min_hellos=3 'loop_actions=["log"]' --comment 'calmer links'
  kytos-settings set kytos/link_discovery polling_time=1 --scope controller
  kytos-settings set kytos/link_discovery polling_time=1 --dry-run
  kytos-settings set kytos/link_discovery polling_time=1 --confirm-within 5m
  kytos-settings set kytos/link_discovery ignored_vlans+=3799
  kytos-settings set kytos/link_discovery ignored_loops=@loops.json
  kytos-settings set acme/exporter password
  kytos-settings set kytos/link_discovery polling_time=1 -- kytos/lab rate=5
  kytos-settings set kytos/link_discovery - < settings.json

VALUE is taken literally if the schema declares a string; otherwise it is JSON, with integers of any size.
null is stored as null; "kytos-settings unset" removes an override.
KEY+=VALUE appends to a list. KEY=@FILE takes the value from a file, KEY=@- from standard input; @@ is an @.
A secret is never a word of the command, which other users of this host can see: KEY alone asks for it twice on a
terminal, without showing it.
"-" sets every value of a JSON object from standard input.
The settings of several NApps are one transaction: all or none. Options come before the second NApp.`
const UNSET_EXAMPLES = `
Examples:
  kytos-settings unset kytos/link_discovery polling_time
  kytos-settings unset kytos/link_discovery liveness --comment 'as it was' --dry-run

The value of the next lower layer is then in effect; "kytos-settings explain NAPP" shows it.`

/** Adds `set` and `unset`, which change the overrides of a NApp, or show the effect of the change. */
export function addSetCommands(program: Command, context: CliContext, exit: (code: number) => void): void {
  addChangeOptions(program.command('set'))
    .description('set settings of a NApp: they are validated, stored and in effect when the command returns')
    .argument('<napp>', 'username/name')
    .argument('<key=value...>', 'such as polling_time=5 or liveness.min_hellos=3; KEY alone for a secret')
    .option('--new', 'accept a NApp that is not known yet')
    .addHelpText('after', SET_EXAMPLES)
    .action(async (namespace: string, words: readonly string[], _options, command: Command) => {
      const groups = await readValues(parseAssignments([namespace, ...words]), context)
      try {
        await change(command, context, async service => {
          const placed = await Promise.all(
            groups.map(async group => ({ ...group, schema: await readSchema(service, group.namespace) })),
          )
          return (await askValues(placed, context)).map(({ namespace, assignments, schema }) => ({
            namespace,
            edit: (overrides, { data }) => assign(overrides, data, schema, assignments),
          }))
        })
      } catch (error) {
        if (!(error instanceof InputInterrupted)) throw error
        printMessage(context.stderr, error.message)
        exit(EXIT_INTERRUPTED)
      }
    })
  addChangeOptions(program.command('unset'))
    .description('remove overrides of a NApp, so that the values of the lower layers are in effect again')
    .argument('<napp>', 'username/name')
    .argument('<key...>', 'such as polling_time or liveness.min_hellos')
    .addHelpText('after', UNSET_EXAMPLES)
    .action((namespace: string, keys: readonly string[], _options, command: Command) => {
      const paths = keys.map(parseKey)
      const { scope = 'cluster' } = command.optsWithGlobals<SetOptions>()
      return change(command, context, async () => [
        {
          namespace,
          edit: overrides => paths.reduce((data, path) => unsetAt(namespace, scope, data, path), overrides),
        },
      ])
    })
}

function addChangeOptions(command: Command): Command {
  return addConfirmOption(addGuardOptions(addServiceOptions(command))).option(
    '-n, --dry-run',
    'show the changes and the verdict of each affected NApp, and write nothing',
  )
}

async function change(
  command: Command,
  context: CliContext,
  prepare: (service: Service) => Promise<readonly Pick<KeyEdit, 'namespace' | 'edit'>[]>,
): Promise<void> {
  const {
    json = false,
    scope = 'cluster',
    comment,
    ifRevision,
    dryRun,
    confirmWithin,
    new: isNew,
    ...options
  } = command.optsWithGlobals<SetOptions>()
  await withService(options, context, async service => {
    const edits = await prepare(service)
    const [first, second] = edits.map(edit => ({
      ...{ scope, comment, ifRevision, dryRun, confirmWithin, isNew },
      ...edit,
    }))
    if (!first) return
    if (!second) {
      const changed = await changeOverrides(service, first)
      await printChanged(service, changed, { json, scope }, context)
      return awaitConfirmation(service, changed.after, { json, scope }, context)
    }
    if (ifRevision !== undefined)
      throw new SettingsError('CONTENT_MALFORMED', '--if-revision is for one NApp: every NApp has its own.')
    const changed = await changeTogether(
      service,
      edits.map(edit => ({ scope, comment, dryRun, confirmWithin, isNew, ...edit })),
    )
    await printAll(service, changed, { json, scope }, context)
    const waiting = changed.find(({ after }) => after.pending)
    if (waiting) await awaitConfirmation(service, waiting.after, { json, scope }, context)
  })
}

/** The schema of a namespace; undefined without one. */
export async function readSchema(service: Service, namespace: string): Promise<JsonObject | undefined> {
  try {
    return (await service.ask('kytos.settings.describe', { namespace })).schema
  } catch (error) {
    // The change itself rejects an unknown namespace.
    if (isSettingsError(error, 'NAMESPACE_NOT_FOUND')) return undefined
    throw error
  }
}

import { type Command, InvalidArgumentError } from 'commander'
import { isSettingsError } from '../../../model/errors.ts'
import type { JsonObject } from '../../../model/value.ts'
import { changeOverrides, type KeyEdit, setAt, unsetAt } from '../edit/overrides-edit.ts'
import { printChanged } from '../edit/print-changed.ts'
import { parseTyped } from '../edit/typed-value.ts'
import type { AddressOptions } from '../service/address.ts'
import { addServiceOptions, type Service, withService } from '../service/service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { type Path, parseKey } from '../terminal/key-path.ts'
import { addGuardOptions, type GuardOptions } from './guard-options.ts'

interface SetOptions extends AddressOptions, GuardOptions {
  readonly json?: boolean
  readonly dryRun?: boolean
  readonly new?: boolean
}

interface Assignment {
  readonly path: Path
  readonly typed: string
}

const SET_EXAMPLES = `
Examples:
  kytos-settings set kytos/link_discovery polling_time=5
  kytos-settings set kytos/link_discovery liveness.min_hellos=3 'loop_actions=["log"]' --comment 'calmer links'
  kytos-settings set kytos/link_discovery polling_time=1 --scope controller
  kytos-settings set kytos/link_discovery polling_time=1 --dry-run

VALUE is taken literally if the schema declares a string; otherwise it is JSON, with integers of any size.
null is stored as null; "kytos-settings unset" removes an override.`
const UNSET_EXAMPLES = `
Examples:
  kytos-settings unset kytos/link_discovery polling_time
  kytos-settings unset kytos/link_discovery liveness --comment 'as it was' --dry-run

The value of the next lower layer is then in effect; "kytos-settings explain NAPP" shows it.`

/** Adds `set` and `unset`, which change the overrides of a NApp, or show the effect of the change. */
export function addSetCommands(program: Command, context: CliContext): void {
  addChangeOptions(program.command('set'))
    .description('set settings of a NApp: they are validated, stored and in effect when the command returns')
    .argument('<napp>', 'username/name')
    .argument('<key=value...>', 'such as polling_time=5 or liveness.min_hellos=3', collectAssignments)
    .option('--new', 'accept a NApp that is not known yet')
    .addHelpText('after', SET_EXAMPLES)
    .action((namespace: string, assignments: readonly Assignment[], _options, command: Command) =>
      change(namespace, command, context, async service => {
        const schema = await readSchema(service, namespace)
        const values = assignments.map(({ path, typed }) => ({
          path,
          value: parseTyped(schema, path, typed),
        }))
        return (overrides, { data: effective }) =>
          values.reduce((data, { path, value }) => setAt(data, effective, path, value), overrides)
      }),
    )
  addChangeOptions(program.command('unset'))
    .description('remove overrides of a NApp, so that the values of the lower layers are in effect again')
    .argument('<napp>', 'username/name')
    .argument('<key...>', 'such as polling_time or liveness.min_hellos')
    .addHelpText('after', UNSET_EXAMPLES)
    .action((namespace: string, keys: readonly string[], _options, command: Command) => {
      const paths = keys.map(parseKey)
      const { scope = 'cluster' } = command.optsWithGlobals<SetOptions>()
      return change(
        namespace,
        command,
        context,
        async () => overrides =>
          paths.reduce((data, path) => unsetAt(namespace, scope, data, path), overrides),
      )
    })
}

function addChangeOptions(command: Command): Command {
  return addGuardOptions(addServiceOptions(command)).option(
    '--dry-run',
    'show the changes and the verdict of each affected NApp, and write nothing',
  )
}

async function change(
  namespace: string,
  command: Command,
  context: CliContext,
  prepare: (service: Service) => Promise<KeyEdit['edit']>,
): Promise<void> {
  const {
    json = false,
    scope = 'cluster',
    comment,
    ifRevision,
    dryRun,
    new: isNew,
    ...options
  } = command.optsWithGlobals<SetOptions>()
  await withService(options, context, async service => {
    const edit = await prepare(service)
    const changed = await changeOverrides(service, {
      namespace,
      scope,
      comment,
      ifRevision,
      dryRun,
      isNew,
      edit,
    })
    await printChanged(service, changed, { json, scope }, context)
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

function collectAssignments(text: string, before: readonly Assignment[] = []): readonly Assignment[] {
  const end = text.indexOf('=')
  if (end <= 0) throw new InvalidArgumentError('Use KEY=VALUE, such as polling_time=5.')
  return [...before, { path: parseKey(text.slice(0, end)), typed: text.slice(end + 1) }]
}

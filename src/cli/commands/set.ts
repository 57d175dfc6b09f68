import { type Command, InvalidArgumentError } from 'commander'
import { isSettingsError } from '../../../model/errors.ts'
import type { JsonObject } from '../../../model/value.ts'
import { type Change, changeOverrides, setAt, unsetAt } from '../edit/overrides-edit.ts'
import { printChanged } from '../edit/print-changed.ts'
import { parseTyped } from '../edit/typed-value.ts'
import type { AddressOptions } from '../service/address.ts'
import { addServiceOptions, type Service, withService } from '../service/service.ts'
import { type Path, parseKey } from '../terminal/key-path.ts'
import type { World } from '../terminal/world.ts'
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

A setting whose schema says that it is a text takes VALUE as it is; anything else takes JSON, an integer of any size exactly.
null is stored as null; "kytos-settings unset" takes a setting back.`
const UNSET_EXAMPLES = `
Examples:
  kytos-settings unset kytos/link_discovery polling_time
  kytos-settings unset kytos/link_discovery liveness --comment 'as it was' --dry-run

What a lower layer says (explain shows it) then counts again.`

/** Adds `set` and `unset`, which change the overrides of a NApp, or show what such a change would do. */
export function addSetCommands(program: Command, world: World): void {
  addChangeOptions(program.command('set'))
    .description('set settings of a NApp; they are validated, stored and in effect when it answers')
    .argument('<napp>', 'username/name')
    .argument('<key=value...>', 'such as polling_time=5 or liveness.min_hellos=3', collectAssignments)
    .option('--new', 'also for a NApp that nobody has heard of yet')
    .addHelpText('after', SET_EXAMPLES)
    .action((namespace: string, assignments: readonly Assignment[], _options, command: Command) =>
      change(namespace, command, world, async service => {
        const schema = await readSchema(service, namespace)
        const values = assignments.map(({ path, typed }) => ({ path, value: parseTyped(schema, path, typed) }))
        return (overrides, { data: effective }) => values.reduce((data, { path, value }) => setAt(data, effective, path, value), overrides)
      }),
    )
  addChangeOptions(program.command('unset'))
    .description('take settings of a NApp back, so that what the lower layers say counts again')
    .argument('<napp>', 'username/name')
    .argument('<key...>', 'such as polling_time or liveness.min_hellos')
    .addHelpText('after', UNSET_EXAMPLES)
    .action((namespace: string, keys: readonly string[], _options, command: Command) => {
      const paths = keys.map(parseKey)
      const { scope = 'cluster' } = command.optsWithGlobals<SetOptions>()
      return change(
        namespace,
        command,
        world,
        async () => overrides => paths.reduce((data, path) => unsetAt(namespace, scope, data, path), overrides),
      )
    })
}

function addChangeOptions(command: Command): Command {
  return addGuardOptions(addServiceOptions(command)).option('--dry-run', 'show what would change and who says what to it, and write nothing')
}

async function change(namespace: string, command: Command, world: World, prepare: (service: Service) => Promise<Change['edit']>): Promise<void> {
  const { json = false, scope = 'cluster', comment, ifRevision, dryRun, new: isNew, ...options } = command.optsWithGlobals<SetOptions>()
  await withService(options, world, async service => {
    const edit = await prepare(service)
    const changed = await changeOverrides(service, { namespace, scope, comment, ifRevision, dryRun, isNew, edit })
    await printChanged(service, changed, { json, scope }, world)
  })
}

/** The schema of a namespace; undefined when it has none. */
export async function readSchema(service: Service, namespace: string): Promise<JsonObject | undefined> {
  try {
    return (await service.ask('kytos.settings.describe', { namespace })).schema
  } catch (error) {
    // Whether there is such a namespace at all is found out by the change.
    if (isSettingsError(error, 'NAMESPACE_NOT_FOUND')) return undefined
    throw error
  }
}

function collectAssignments(text: string, before: readonly Assignment[] = []): readonly Assignment[] {
  const end = text.indexOf('=')
  if (end <= 0) throw new InvalidArgumentError('It is KEY=VALUE, such as polling_time=5.')
  return [...before, { path: parseKey(text.slice(0, end)), typed: text.slice(end + 1) }]
}

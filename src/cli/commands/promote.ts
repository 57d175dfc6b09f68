import type { Command } from 'commander'
import { SettingsError } from '../../../model/errors.ts'
import { isObject, type JsonObject } from '../../../model/value.ts'
import { addConfirmOption, type ConfirmOptions } from '../edit/confirm-within.ts'
import { changeTogether, setAt, unsetAt } from '../edit/overrides-edit.ts'
import { printChanged } from '../edit/print-changed.ts'
import { settingNotFound } from '../edit/setting-not-found.ts'
import type { AddressOptions } from '../service/address.ts'
import { addServiceOptions, type Service, withService } from '../service/service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { leavesIn, type Path, parseKey, pathsIn, printKey, valueAt } from '../terminal/key-path.ts'
import { printMessage } from '../terminal/print-error.ts'
import { awaitConfirmation } from '../undo/countdown.ts'

interface PromoteOptions extends AddressOptions, ConfirmOptions {
  readonly json?: boolean
  readonly from: string
  readonly comment?: string
  readonly dryRun?: boolean
}

const EXAMPLES = `
Examples:
  kytos-settings set kytos/link_discovery polling_time=1 --scope controller:c2   a canary: one controller
  kytos-settings promote kytos/link_discovery --from c2                          it was good: for all
  kytos-settings promote kytos/link_discovery --from c2 polling_time --dry-run
  kytos-settings delete kytos/link_discovery --scope controller:c2               it was bad: remove it

One transaction sets the values in the scope cluster and removes them from that of the controller.`

/** Adds `promote`, which moves overrides of one controller to all controllers. */
export function addPromoteCommand(program: Command, context: CliContext): void {
  addConfirmOption(addServiceOptions(program.command('promote')))
    .description('move the overrides of one controller (a canary) to all controllers')
    .argument('<napp>', 'username/name')
    .argument('[key...]', 'only these settings, such as polling_time or liveness.min_hellos')
    .requiredOption('--from <controller>', 'id of the controller whose overrides are moved')
    .option('-m, --comment <text>', 'reason of the change, for the history')
    .option('-n, --dry-run', 'show the changes and the verdict of each affected NApp, and write nothing')
    .addHelpText('after', EXAMPLES)
    .action((namespace: string, keys: readonly string[], _options, command: Command) => {
      const {
        json = false,
        from,
        comment,
        dryRun,
        confirmWithin,
        ...options
      } = command.optsWithGlobals<PromoteOptions>()
      const own = `controller:${from}`
      return withService(options, context, async service => {
        let moved: readonly Path[] = []
        let canary: JsonObject = {}
        // The values that are set are those of the same read as those that are removed.
        const [, cluster] = await changeTogether(service, [
          {
            ...{ namespace, comment, dryRun, confirmWithin },
            scope: own,
            dropsEmpty: true,
            edit: overrides => {
              canary = overrides
              moved = movedPaths(namespace, overrides, keys.map(parseKey), own)
              return moved.reduce((data, path) => unsetAt(namespace, own, data, path), overrides)
            },
          },
          {
            ...{ namespace, comment, dryRun, confirmWithin },
            scope: 'cluster',
            // Its controller may be the only one that has overrides.
            isNew: true,
            edit: (overrides, { data }) =>
              moved.reduce((result, path) => move(canary, result, data, path), overrides),
          },
        ])
        if (!cluster) return
        await printChanged(service, cluster, { json, scope: 'cluster' }, context)
        for (const [id, paths] of await hidingControllers(service, cluster.after.namespace, from, moved))
          printMessage(
            context.stderr,
            `The controller ${id} keeps its own override of ${paths.map(printKey).join(', ')}.`,
          )
        await awaitConfirmation(service, cluster.after, { json, scope: 'cluster' }, context)
      })
    })
}

/** The paths of the values to move: all of the controller, or those at and below the given keys. */
function movedPaths(
  namespace: string,
  overrides: JsonObject,
  keys: readonly Path[],
  scope: string,
): readonly Path[] {
  if (Object.keys(overrides).length === 0)
    throw new SettingsError(
      'SETTING_NOT_FOUND',
      `${namespace} has no overrides in the scope ${scope}. "kytos-settings controllers" lists the controllers that have some.`,
      { details: { namespace, scope } },
    )
  if (keys.length === 0) return leavesIn(overrides)
  return keys.flatMap(key => {
    const value = valueAt(overrides, key)
    if (value === undefined)
      throw settingNotFound(namespace, key, pathsIn(overrides), `(scope ${scope}) has no override for`)
    return isObject(value) ? leavesIn(value, key) : [key]
  })
}

function move(from: JsonObject, to: JsonObject, effective: JsonObject, path: Path): JsonObject {
  const value = valueAt(from, path)
  return value === undefined ? to : setAt(to, effective, path, value)
}

/** The other controllers with an override of their own at one of the paths. */
async function hidingControllers(
  service: Service,
  namespace: string,
  from: string,
  moved: readonly Path[],
): Promise<ReadonlyMap<string, readonly Path[]>> {
  const hiding = new Map<string, readonly Path[]>()
  const { controllers } = await service.ask('kytos.settings.controllers', {})
  for (const { id, namespaces } of controllers) {
    if (id === from || !namespaces.includes(namespace)) continue
    const scope = `controller:${id}`
    const { overrides } = await service.ask('kytos.settings.retrieve', { namespace, scope })
    const paths = moved.filter(path => valueAt(overrides, path) !== undefined)
    if (paths.length > 0) hiding.set(id, paths)
  }
  return hiding
}

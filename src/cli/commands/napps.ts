import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { NAppStatus } from '../../../events/nouns.ts'
import { isSettingsError, toSettingsError } from '../../../model/errors.ts'
import { printJson } from '../../../model/json.ts'
import { toJson } from '../../../model/value.ts'
import { type Config, findConfig, loadConfig } from '../../boot/config.ts'
import { SETTINGS_NAPP } from '../../client/manifest.ts'
import { createNAppFolder } from '../../host/create-napp.ts'
import { discover } from '../../host/discover.ts'
import { install } from '../../host/tree.ts'
import { ALL, disableAll, enableAll, reloadAll, stampsOf, uninstallAll } from '../napps/change-napps.ts'
import { printNApps } from '../print/napps-table.ts'
import { askNAppStates, waitForNApps } from '../service/napp-states.ts'
import { withService } from '../service/service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { printMessage } from '../terminal/print-error.ts'
import { createTerminal } from '../terminal/terminal.ts'

interface NAppsOptions {
  readonly config?: string
  readonly force?: boolean
  readonly json?: boolean
  readonly purge?: boolean
}

const EXAMPLES = `
Examples:
  kytos-settings napps list
  kytos-settings napps enable kytos/link_discovery kytos/change_log
  kytos-settings napps disable all
  kytos-settings napps create me/my_napp
  kytos-settings napps install me/my_napp --force
  kytos-settings napps reload me/my_napp
  kytos-settings napps uninstall me/my_napp --purge

While the service runs on this host, "enable", "disable", "install" and "reload" wait for it.
They fail with the reason if a NApp does not start.`

/**
 * Adds `napps list|enable|disable|install|uninstall|reload|create`. They change the folder of NApps that a running
 * service watches; `create` writes to the current folder only.
 */
export function addNAppsCommand(program: Command, context: CliContext): void {
  const napps = program
    .command('napps')
    .description('list, enable, disable, install, uninstall, reload and create NApps')
    .addHelpText('after', EXAMPLES)
  napps
    .command('list')
    .description('list installed [i-] and enabled [ie] NApps, and whether they run')
    .option('-j, --json', 'print JSON')
    .action(async (_options, command: Command) =>
      list(await readConfig(command, context), command.optsWithGlobals<NAppsOptions>(), context),
    )
  napps
    .command('enable')
    .description('enable installed NApps: they start now and at every start of the service')
    .argument('<napp...>', `username/name, several, or "${ALL}"`)
    .action(async (ids: string[], _options, command: Command) =>
      enableAll(await readConfig(command, context), ids, context),
    )
  napps
    .command('disable')
    .description('disable NApps: they stop and are not started again, but stay installed')
    .argument('<napp...>', `username/name, several, or "${ALL}"`)
    .option('--force', `also disable ${SETTINGS_NAPP}; the service does not start without it`)
    .action(async (ids: string[], { force = false }: NAppsOptions, command: Command) =>
      disableAll(await readConfig(command, context), ids, force, context),
    )
  napps
    .command('install')
    .description('copy a NApp from a folder and enable it')
    .argument('<folder>', 'a folder with napp.json')
    .option('--force', 'replace an installed NApp of the same name')
    .action(async (folder: string, { force = false }: NAppsOptions, command: Command) => {
      const config = await readConfig(command, context)
      const id = await install(config.daemon.napps, resolve(context.cwd, folder), force)
      context.stdout.write(`${id} is installed and enabled.\n`)
      const stamps = await stampsOf(config, [id])
      await waitForNApps(config, { done: 'installed and enabled', stamps }, context)
    })
  napps
    .command('uninstall')
    .description('stop NApps and remove them from this host; their settings stay in the store')
    .argument('<napp...>', 'username/name, or several')
    .option('--purge', 'also delete their settings in every scope, and their schemas')
    .action(async (ids: string[], { purge }: NAppsOptions, command: Command) => {
      const config = await readConfig(command, context)
      const options = command.optsWithGlobals<NAppsOptions>()
      await uninstallAll(config, ids, purge ? id => purgeSettings(id, options, context) : undefined, context)
    })
  napps
    .command('reload')
    .description('stop enabled NApps and start them again, with their files as they are now')
    .argument('<napp...>', `username/name, several, or "${ALL}"`)
    .action(async (ids: string[], _options, command: Command) =>
      reloadAll(await readConfig(command, context), ids, context),
    )
  napps
    .command('create')
    .description('create a NApp that runs, with a test, in the folder USERNAME/NAME')
    .argument('<username/name>', 'the id of the new NApp')
    .action(async (id: string) => {
      const files = await createNAppFolder(id, resolve(context.cwd, id))
      context.stdout.write(
        `Created ${id}: ${files.join(', ')}.\nInstall it: kytos-settings napps install ${id}\n`,
      )
    })
}

async function readConfig(command: Command, context: CliContext): Promise<Config> {
  const { config } = command.optsWithGlobals<NAppsOptions>()
  return loadConfig(findConfig(config, context), { isNamed: config !== undefined })
}

async function list(config: Config, { json = false }: NAppsOptions, context: CliContext): Promise<void> {
  const { napps, broken } = await discover(config.daemon.napps)
  const states = await readStates(config, context)
  if (json) {
    const rows = napps.map(({ id, enabled, folder, manifest }) => ({
      napp: id,
      enabled,
      version: manifest.version,
      description: manifest.description,
      folder,
      ...stateMembers(id, states),
    }))
    const wrong = broken.map(({ id, enabled, error }) => ({ napp: id, enabled, error: error.message }))
    context.stdout.write(`${printJson(toJson({ napps: rows, broken: wrong }), 2)}\n`)
    return
  }
  context.stdout.write(printNApps(napps, states, createTerminal(context.stdout, context.env).width))
  for (const { error } of broken) printMessage(context.stderr, error.message)
}

/** The states of the NApps by id; undefined, with a warning if a service runs, when they are not known. */
async function readStates(
  config: Config,
  { stderr }: CliContext,
): Promise<ReadonlyMap<string, NAppStatus> | undefined> {
  try {
    const states = await askNAppStates(config)
    return states && new Map(states.map(state => [state.napp, state]))
  } catch (error) {
    printMessage(stderr, `The states of the NApps are not known: ${toSettingsError(error).message}`)
    return undefined
  }
}

/** The members of a NApp's state in JSON; none when no service was asked. */
function stateMembers(
  id: string,
  states: ReadonlyMap<string, NAppStatus> | undefined,
): { readonly state?: string; readonly running_version?: string | null; readonly reason?: string | null } {
  if (states === undefined) return {}
  const { state = 'stopped', version = null, reason = null } = states.get(id) ?? {}
  return { state, ...(state === 'running' && { running_version: version }), reason }
}

/** Deletes the settings of a NApp in every scope, and its schemas. */
async function purgeSettings(
  namespace: string,
  { config }: NAppsOptions,
  context: CliContext,
): Promise<void> {
  await withService({ ...(config !== undefined && { config }) }, context, async service => {
    const { controllers } = await service.ask('kytos.settings.controllers', {})
    const owners = controllers.filter(one => one.namespaces.includes(namespace)).map(({ id }) => id)
    const comment = `${namespace} is uninstalled`
    for (const scope of ['cluster', ...owners.map(id => `controller:${id}`)])
      await unlessAbsent(service.ask('kytos.settings.delete', { namespace, scope, comment }))
    await unlessAbsent(service.ask('kytos.settings.remove_schema', { namespace, force: true, comment }))
  })
  context.stdout.write(`The settings of ${namespace} are deleted.\n`)
}

async function unlessAbsent(deletion: Promise<unknown>): Promise<void> {
  await deletion.catch(error => {
    if (!isSettingsError(error, 'NAMESPACE_NOT_FOUND')) throw error
  })
}

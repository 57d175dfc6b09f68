import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { NAppStatus } from '../../../events/nouns.ts'
import { SettingsError, toSettingsError } from '../../../model/errors.ts'
import { printJson } from '../../../model/json.ts'
import { nearest } from '../../../model/nearest.ts'
import { toJson } from '../../../model/value.ts'
import { type Config, findConfig, loadConfig } from '../../boot/config.ts'
import { SETTINGS_NAPP } from '../../client/manifest.ts'
import { createNAppFolder } from '../../host/create-napp.ts'
import { type Discovery, discover } from '../../host/discover.ts'
import { shippedNApps } from '../../host/shipped.ts'
import { disable, enable, install, linkInstalled, uninstall } from '../../host/tree.ts'
import { printNApps } from '../print/napps-table.ts'
import { askNAppStates, waitForNApps } from '../service/napp-states.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { printMessage } from '../terminal/print-error.ts'

interface NAppsOptions {
  readonly config?: string
  readonly force?: boolean
  readonly json?: boolean
}

const ALL = 'all'
const EXAMPLES = `
Examples:
  kytos-settings napps list
  kytos-settings napps enable kytos/link_discovery kytos/change_log
  kytos-settings napps disable all
  kytos-settings napps create me/my_napp
  kytos-settings napps install me/my_napp --force

While the service runs on this host, "enable", "disable" and "install" wait for it.
They fail with the reason if a NApp does not start.`

/**
 * Adds `napps list|enable|disable|install|uninstall|create`. They change the folder of NApps that a running
 * service watches; `create` writes to the current folder only.
 */
export function addNAppsCommand(program: Command, context: CliContext): void {
  const napps = program
    .command('napps')
    .description('list, enable, disable, install, uninstall and create NApps')
    .addHelpText('after', EXAMPLES)
  napps
    .command('list')
    .description('list installed [i-] and enabled [ie] NApps, and whether they run')
    .option('--json', 'print JSON')
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
    .action(async (ids: string[], _options, command: Command) =>
      uninstallAll(await readConfig(command, context), ids, context),
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
  context.stdout.write(printNApps(napps, states))
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

/** The stamp of each enabled NApp among these, which shows that the service has read the same manifest. */
async function stampsOf({ daemon }: Config, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const { napps } = await discover(daemon.napps)
  return new Map(
    napps.filter(({ id, enabled }) => enabled && ids.includes(id)).map(({ id, stamp }) => [id, stamp]),
  )
}

async function enableAll(config: Config, wanted: readonly string[], context: CliContext): Promise<void> {
  const root = config.daemon.napps
  const tree = await discover(root)
  const shipped = (await shippedNApps()).filter(napp => !isKnown(tree, napp.id))
  const known = [...tree.napps.map(napp => napp.id), ...shipped.map(napp => napp.id)]
  const ids = wanted.includes(ALL)
    ? tree.napps.map(napp => napp.id)
    : wanted.map(id => resolveId(id, known, tree))
  for (const id of ids) {
    const shippedNApp = shipped.find(napp => napp.id === id)
    if (shippedNApp) await linkInstalled(root, id, shippedNApp.folder)
    context.stdout.write((await enable(root, id)) ? `${id} is enabled.\n` : `${id} is already enabled.\n`)
  }
  await waitForNApps(config, { done: 'enabled', stamps: await stampsOf(config, ids) }, context)
}

async function disableAll(
  config: Config,
  wanted: readonly string[],
  force: boolean,
  context: CliContext,
): Promise<void> {
  const root = config.daemon.napps
  const tree = await discover(root)
  const known = [...tree.napps, ...tree.broken].map(napp => napp.id)
  const all = known.filter(id => force || id !== SETTINGS_NAPP)
  const ids = wanted.includes(ALL) ? all : wanted.map(id => resolveId(id, known))
  if (ids.includes(SETTINGS_NAPP) && !force) {
    const why = `${SETTINGS_NAPP} provides the settings of every NApp, and the service does not start without it. "--force" disables it from the next start on.`
    throw new SettingsError('NAPP_CONFLICT', why, { details: { napp: SETTINGS_NAPP } })
  }
  for (const id of ids) {
    context.stdout.write((await disable(root, id)) ? `${id} is disabled.\n` : `${id} was not enabled.\n`)
    warnOfDependents(tree, id, ids, context)
  }
  const stamps = new Map(ids.map(id => [id, undefined]))
  await waitForNApps(config, { done: 'disabled', stamps }, context)
}

async function uninstallAll(config: Config, wanted: readonly string[], context: CliContext): Promise<void> {
  const { napps: root, napps_pre_installed: preInstalled } = config.daemon
  const tree = await discover(root)
  const known = [...tree.napps, ...tree.broken].map(napp => napp.id)
  const ids = wanted.map(id => resolveId(id, known))
  if (ids.includes(SETTINGS_NAPP))
    throw new SettingsError(
      'NAPP_CONFLICT',
      `${SETTINGS_NAPP} is part of kytos-settings; the service does not start without it. Uninstall the package.`,
      { details: { napp: SETTINGS_NAPP } },
    )
  for (const id of ids) {
    await uninstall(root, id)
    context.stdout.write(
      `${id} is uninstalled. Its settings stay in the store; "kytos-settings delete ${id}" deletes them.\n`,
    )
    warnOfDependents(tree, id, ids, context)
    if (preInstalled.includes(id))
      printMessage(
        context.stderr,
        `napps_pre_installed lists ${id}: the next start installs it again. Remove it from the list.`,
      )
  }
  const stamps = new Map(ids.map(id => [id, undefined]))
  await waitForNApps(config, { done: 'uninstalled', stamps }, context)
}

/** Warns of enabled NApps that depend on a NApp that stops, except those that stop with it. */
function warnOfDependents(tree: Discovery, id: string, ids: readonly string[], context: CliContext): void {
  const dependents = tree.napps.filter(
    napp => napp.enabled && !ids.includes(napp.id) && napp.manifest.napp_dependencies?.includes(id),
  )
  if (dependents.length > 0)
    printMessage(
      context.stderr,
      `NApps that depend on ${id} keep running without it: ${dependents.map(napp => napp.id).join(', ')}.`,
    )
}

/**
 * The id of a typed NApp, without a `:version`.
 * @throws SettingsError NAPP_NOT_FOUND with the nearest id, or the error of a broken NApp.
 */
function resolveId(typed: string, known: readonly string[], tree?: Discovery): string {
  const id = typed.replace(/:.*$/, '')
  const broken = tree?.broken.find(napp => napp.id === id)
  if (broken) throw broken.error
  if (known.includes(id)) return id
  const near = nearest(id, known)
  const hint = near
    ? ` Did you mean ${near}?`
    : ' "kytos-settings napps list" lists the installed NApps; "kytos-settings napps install FOLDER" installs another one.'
  throw new SettingsError('NAPP_NOT_FOUND', `The NApp ${typed} is not installed.${hint}`, {
    details: { got: typed, ...(near ? { nearest: near } : {}) },
  })
}

function isKnown(tree: Discovery, id: string): boolean {
  return [...tree.napps, ...tree.broken].some(napp => napp.id === id)
}

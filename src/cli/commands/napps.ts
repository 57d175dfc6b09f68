import { resolve } from 'node:path'
import type { Command } from 'commander'
import { SettingsError } from '../../../model/errors.ts'
import { printJson } from '../../../model/json.ts'
import { nearest } from '../../../model/nearest.ts'
import { toJson } from '../../../model/value.ts'
import { findConfig, loadConfig } from '../../boot/config.ts'
import { SETTINGS_NAPP } from '../../client/manifest.ts'
import { type Discovery, discover } from '../../host/discover.ts'
import { shippedNApps } from '../../host/shipped.ts'
import { disable, enable, install, linkInstalled } from '../../host/tree.ts'
import { printNApps } from '../print/napps-table.ts'
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
  kytos-settings napps install ./my_napp --force

A running service applies the change within two seconds.`

/**
 * Adds `napps list|enable|disable|install`, which change the folder of NApps that a running service watches.
 */
export function addNAppsCommand(program: Command, context: CliContext): void {
  const napps = program
    .command('napps')
    .description('list, enable, disable and install NApps')
    .addHelpText('after', EXAMPLES)
  napps
    .command('list')
    .description('list installed [i-] and enabled [ie] NApps')
    .option('--json', 'print JSON')
    .action(async (_options, command: Command) =>
      list(await readRoot(command, context), command.optsWithGlobals<NAppsOptions>(), context),
    )
  napps
    .command('enable')
    .description('enable installed NApps: they start now and at every start of the service')
    .argument('<napp...>', `username/name, several, or "${ALL}"`)
    .action(async (ids: string[], _options, command: Command) =>
      enableAll(await readRoot(command, context), ids, context),
    )
  napps
    .command('disable')
    .description('disable NApps: they stop and are not started again, but stay installed')
    .argument('<napp...>', `username/name, several, or "${ALL}"`)
    .option('--force', `also disable ${SETTINGS_NAPP}; the service does not start without it`)
    .action(async (ids: string[], { force = false }: NAppsOptions, command: Command) =>
      disableAll(await readRoot(command, context), ids, force, context),
    )
  napps
    .command('install')
    .description('copy a NApp from a folder and enable it')
    .argument('<folder>', 'a folder with napp.json')
    .option('--force', 'replace an installed NApp of the same name')
    .action(async (folder: string, { force = false }: NAppsOptions, command: Command) => {
      const id = await install(await readRoot(command, context), resolve(context.cwd, folder), force)
      context.stdout.write(`${id} is installed and enabled.\n`)
    })
}

async function readRoot(command: Command, context: CliContext): Promise<string> {
  const { config } = command.optsWithGlobals<NAppsOptions>()
  const { daemon } = await loadConfig(findConfig(config, context), { isNamed: config !== undefined })
  return daemon.napps
}

async function list(root: string, { json = false }: NAppsOptions, context: CliContext): Promise<void> {
  const { napps, broken } = await discover(root)
  if (json) {
    const rows = napps.map(({ id, enabled, folder, manifest }) => ({
      napp: id,
      enabled,
      version: manifest.version,
      description: manifest.description,
      folder,
    }))
    const wrong = broken.map(({ id, enabled, error }) => ({ napp: id, enabled, error: error.message }))
    context.stdout.write(`${printJson(toJson({ napps: rows, broken: wrong }), 2)}\n`)
    return
  }
  context.stdout.write(printNApps(napps))
  for (const { error } of broken) printMessage(context.stderr, error.message)
}

async function enableAll(root: string, wanted: readonly string[], context: CliContext): Promise<void> {
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
}

async function disableAll(
  root: string,
  wanted: readonly string[],
  force: boolean,
  context: CliContext,
): Promise<void> {
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
    const dependents = tree.napps.filter(
      napp => napp.enabled && !ids.includes(napp.id) && napp.manifest.napp_dependencies?.includes(id),
    )
    if (dependents.length > 0)
      printMessage(
        context.stderr,
        `NApps that depend on ${id} keep running without it: ${dependents.map(napp => napp.id).join(', ')}.`,
      )
  }
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

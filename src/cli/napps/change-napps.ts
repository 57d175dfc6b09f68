import { SettingsError } from '../../../model/errors.ts'
import { nearest } from '../../../model/nearest.ts'
import type { Config } from '../../boot/config.ts'
import { SETTINGS_NAPP } from '../../client/manifest.ts'
import { type Discovery, discover } from '../../host/discover.ts'
import { shippedNApps } from '../../host/shipped.ts'
import { disable, enable, linkInstalled, touch, uninstall } from '../../host/tree.ts'
import { waitForNApps } from '../service/napp-states.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { printMessage } from '../terminal/print-error.ts'

/** The argument that means all NApps. */
export const ALL = 'all'

/** The stamp of each enabled NApp among these, which shows that the service has read the same manifest. */
export async function stampsOf(
  { daemon }: Config,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const { napps } = await discover(daemon.napps)
  return new Map(
    napps.filter(({ id, enabled }) => enabled && ids.includes(id)).map(({ id, stamp }) => [id, stamp]),
  )
}

/** Enables NApps, or all that are installed, and waits until the service runs them. */
export async function enableAll(
  config: Config,
  wanted: readonly string[],
  context: CliContext,
): Promise<void> {
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

/** Disables NApps, or all but `kytos/settings`, and waits until the service has stopped them. */
export async function disableAll(
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

/**
 * Uninstalls NApps and waits until the service has stopped them. `purge` deletes the settings and schemas of
 * each one, once it is stopped.
 */
export async function uninstallAll(
  config: Config,
  wanted: readonly string[],
  purge: ((id: string) => Promise<void>) | undefined,
  context: CliContext,
): Promise<void> {
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
    const kept = ` Its settings stay in the store; "kytos-settings delete ${id}" deletes them.`
    context.stdout.write(`${id} is uninstalled.${purge ? '' : kept}\n`)
    warnOfDependents(tree, id, ids, context)
    if (preInstalled.includes(id))
      printMessage(
        context.stderr,
        `napps_pre_installed lists ${id}: the next start installs it again. Remove it from the list.`,
      )
  }
  const stamps = new Map(ids.map(id => [id, undefined]))
  await waitForNApps(config, { done: 'uninstalled', stamps }, context)
  if (purge) for (const id of ids) await purge(id)
}

/** Starts enabled NApps again, and waits until the service runs them. */
export async function reloadAll(
  config: Config,
  wanted: readonly string[],
  context: CliContext,
): Promise<void> {
  const root = config.daemon.napps
  const tree = await discover(root)
  const enabled = tree.napps.filter(napp => napp.enabled && napp.id !== SETTINGS_NAPP).map(({ id }) => id)
  const known = [...tree.napps, ...tree.broken].map(napp => napp.id)
  const ids = wanted.includes(ALL) ? enabled : wanted.map(id => resolveId(id, known, tree))
  if (ids.includes(SETTINGS_NAPP))
    throw new SettingsError(
      'NAPP_CONFLICT',
      `${SETTINGS_NAPP} is the service itself: restart the service instead.`,
      { details: { napp: SETTINGS_NAPP } },
    )
  const stopped = ids.find(id => !enabled.includes(id))
  if (stopped !== undefined)
    throw new SettingsError(
      'NAPP_CONFLICT',
      `${stopped} is not enabled: "kytos-settings napps enable ${stopped}" starts it.`,
      { details: { napp: stopped } },
    )
  for (const { id, folder } of tree.napps) if (ids.includes(id)) await touch(root, folder)
  await waitForNApps(config, { done: 'reloaded', stamps: await stampsOf(config, ids) }, context)
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

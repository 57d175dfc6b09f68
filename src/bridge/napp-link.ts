import { readlink, rmdir, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { SettingsError } from '../../model/errors.ts'
import { hasCode } from '../../model/failure.ts'
import { SETTINGS_NAPP } from '../client/manifest.ts'
import { discover, exists, INSTALLED, isDangling, PYTHON_MANIFEST } from '../host/discover.ts'
import { packageRoot } from '../host/package-root.ts'
import { enable, linkInstalled } from '../host/tree.ts'

/*
 * kytos/settings of kytosd and of the service are one folder, the root of this package: kytosd reads its
 * kytos.json, main.py and settings.py, the service its napp.json. The links are therefore the same, whichever
 * of the two created them first, and each one runs with the links of the other.
 */

/**
 * Installs and enables kytos/settings in a folder of NApps; returns the created folders and links, in order.
 * @throws SettingsError NAPP_CONFLICT if another NApp of that name is there, which kytosd cannot load.
 */
export async function linkSettingsNApp(root: string): Promise<readonly string[]> {
  const installed = join(root, INSTALLED, SETTINGS_NAPP)
  const enabled = join(root, SETTINGS_NAPP)
  const wanted = [root, join(root, INSTALLED), dirname(installed), installed, dirname(enabled), enabled]
  const absent: string[] = []
  for (const path of wanted) if (!(await exists(path))) absent.push(path)
  if (absent.includes(installed) && absent.includes(enabled))
    await linkInstalled(root, SETTINGS_NAPP, packageRoot())
  if (!absent.includes(installed) || absent.includes(enabled)) {
    if (await isDangling(installed)) await linkInstalled(root, SETTINGS_NAPP, packageRoot())
    await enable(root, SETTINGS_NAPP)
  }
  if (!(await exists(join(enabled, PYTHON_MANIFEST)))) {
    const repair = `Remove ${installed} and run this command again.`
    const why = `${enabled} has no ${PYTHON_MANIFEST}: it is an older kytos/settings, or another NApp.`
    throw new SettingsError('NAPP_CONFLICT', `${why} ${repair}`, { details: { path: enabled } })
  }
  const made: string[] = []
  for (const path of absent) if (await exists(path)) made.push(path)
  return made
}

/** Removes what {@link linkSettingsNApp} created; a folder that is not empty by now stays. */
export async function unlinkSettingsNApp(made: readonly string[]): Promise<void> {
  for (const path of [...made].reverse()) {
    const target = await readlink(path).catch(() => undefined)
    if (target !== undefined) await unlink(path)
    else await removeEmpty(path)
  }
}

/** True for a folder of NApps that contains other NApps of the service. */
export async function hasOtherNApps(root: string): Promise<boolean> {
  const { napps } = await discover(root)
  return napps.some(({ id }) => id !== SETTINGS_NAPP)
}

/** True while kytos/settings is enabled for kytosd. */
export async function isLinked(root: string): Promise<boolean> {
  return exists(join(root, SETTINGS_NAPP, PYTHON_MANIFEST))
}

async function removeEmpty(folder: string): Promise<void> {
  try {
    await rmdir(folder)
  } catch (error) {
    if (!hasCode(error, 'ENOTEMPTY', 'EEXIST', 'ENOENT', 'ENOTDIR')) throw error
  }
}

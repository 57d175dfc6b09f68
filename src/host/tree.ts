import { randomUUID } from 'node:crypto'
import { chmod, cp, lstat, mkdir, readdir, rename, rm, symlink, unlink, utimes } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { SettingsError } from '../../model/errors.ts'
import { reasonOf } from '../../model/failure.ts'
import { MANIFEST, nappId } from '../client/manifest.ts'
import { exists, INSTALLED, isDangling, readNApp } from './discover.ts'
import { readAssets } from './load-napp.ts'

/** Not writable by others, whatever the umask: the code of NApps runs in the service. */
const FOLDER_MODE = 0o755

/** Enables an installed NApp: links `<root>/<id>` to `.installed/<id>`. Returns false if it was enabled. */
export async function enable(root: string, id: string): Promise<boolean> {
  const link = join(root, id)
  return translateFailure(root, async () => {
    if (await isDangling(link)) await unlink(link)
    if (await exists(link)) return false
    await mkdir(dirname(link), { recursive: true, mode: FOLDER_MODE })
    // A relative link, so that the whole tree can be moved.
    await symlink(relative(dirname(link), join(root, INSTALLED, id)), link)
    return true
  })
}

/**
 * Disables a NApp: removes its link, and nothing else. Returns false if it was not enabled.
 * @throws SettingsError NAPP_CONFLICT if the NApp is a folder instead of a link.
 */
export async function disable(root: string, id: string): Promise<boolean> {
  const link = join(root, id)
  if (!(await exists(link))) return false
  if (!(await lstat(link)).isSymbolicLink()) {
    const target = join(root, INSTALLED, id)
    throw new SettingsError(
      'NAPP_CONFLICT',
      `${link} is a folder, not a link; disabling would delete it. Move it to ${target} instead.`,
      { details: { napp: id, path: link } },
    )
  }
  await translateFailure(root, () => unlink(link))
  return true
}

/** Links `.installed/<id>` to a folder outside the tree; replaces a dangling link. */
export async function linkInstalled(root: string, id: string, folder: string): Promise<void> {
  const link = join(root, INSTALLED, id)
  await translateFailure(root, async () => {
    await mkdir(dirname(link), { recursive: true, mode: FOLDER_MODE })
    if (await isDangling(link)) await unlink(link)
    await symlink(folder, link)
  })
}

/**
 * Copies a NApp into `.installed/<id>` completely or not at all, enables it and returns its id. With `force`
 * it replaces an installed NApp.
 * @throws SettingsError NAPP_INVALID (not a valid NApp), NAPP_CONFLICT (already installed, or the target is
 * inside `source`).
 */
export async function install(root: string, source: string, force: boolean): Promise<string> {
  const id = await checkFolder(source)
  const target = join(root, INSTALLED, id)
  const inside = relative(resolve(source), target)
  if (!inside.startsWith('..'))
    throw conflict(id, `${target} is inside ${source}. Install from a folder outside the folder of NApps.`)
  if (!force && (await exists(target)) && !(await isDangling(target))) {
    throw conflict(id, `${id} is already installed in ${target}. Use --force to replace it.`)
  }
  await translateFailure(root, () => replaceFolder(source, target))
  await enable(root, id)
  return id
}

/** Makes a running service start a NApp again, as a saved `napp.json` does. */
export async function touch(root: string, folder: string): Promise<void> {
  const now = new Date()
  await translateFailure(root, () => utimes(join(folder, MANIFEST), now, now))
}

/**
 * Disables a NApp and removes its copy, or the link to its folder outside the tree. Returns false if it was
 * not installed.
 * @throws SettingsError NAPP_CONFLICT if the NApp is a folder in the place of the link that enables it.
 */
export async function uninstall(root: string, id: string): Promise<boolean> {
  const wasEnabled = await disable(root, id)
  const target = join(root, INSTALLED, id)
  if (!(await exists(target))) return wasEnabled
  await translateFailure(root, async () => {
    if ((await lstat(target)).isSymbolicLink()) return unlink(target)
    // Renamed first: a reader finds the complete NApp or none.
    const aside = join(dirname(target), `.${randomUUID()}.old`)
    await rename(target, aside)
    await rm(aside, { recursive: true, force: true })
  })
  return true
}

/** The id of the NApp in a folder, after its manifest, main file and schema are checked. */
/** The id of the NApp in a folder, after its manifest, main file, schema and seed are checked. */
async function checkFolder(source: string): Promise<string> {
  const napp = await readNApp(source)
  if (napp === undefined)
    throw new SettingsError(
      'NAPP_INVALID',
      `${source} is not a NApp of this host. Name a folder that contains ${MANIFEST}.`,
    )
  const { folder, manifest } = napp
  await readAssets(folder, manifest)
  return nappId(manifest)
}

/**
 * Replaces a folder by a copy, renamed last: a reader sees the old folder, the new one or, for an instant,
 * none, but never a part.
 */
async function replaceFolder(source: string, target: string): Promise<void> {
  const aside = join(dirname(target), `.${randomUUID()}`)
  await mkdir(dirname(target), { recursive: true, mode: FOLDER_MODE })
  try {
    await cp(source, `${aside}.new`, { recursive: true, verbatimSymlinks: true })
    await protect(`${aside}.new`)
    if (await exists(target)) await rename(target, `${aside}.old`)
    await rename(`${aside}.new`, target)
  } finally {
    await rm(`${aside}.new`, { recursive: true, force: true })
    await rm(`${aside}.old`, { recursive: true, force: true })
  }
}

async function translateFailure<T>(root: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw new SettingsError(
      'CONFIG_INVALID',
      `The folder of NApps ${root} cannot be changed: ${reasonOf(cause)}. ` +
        'Check [daemon] napps in kytos.ini.',
      { cause, details: { path: root } },
    )
  }
}

function conflict(id: string, message: string): SettingsError {
  return new SettingsError('NAPP_CONFLICT', message, { details: { napp: id } })
}

/** Removes the write permission of others from a folder and all in it, which keep the modes of their source. */
async function protect(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue
    const path = join(entry.parentPath, entry.name)
    await chmod(path, (await lstat(path)).mode & 0o755)
  }
  await chmod(folder, (await lstat(folder)).mode & 0o755)
}

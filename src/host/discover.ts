import { createHash } from 'node:crypto'
import { lstat, readdir, readFile, readlink, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { SettingsError, toSettingsError } from '../../model/errors.ts'
import { hasCode, reasonOf } from '../../model/failure.ts'
import { isNAppId, MANIFEST, nappId, parseManifest } from '../client/manifest.ts'
import type { Manifest } from '../client/napp.ts'

/** Kytos' folder of installed NApps; a NApp is enabled by a link beside that folder. */
export const INSTALLED = '.installed'
/** The manifest of a NApp for Python's kytosd. */
export const PYTHON_MANIFEST = 'kytos.json'

/** A NApp in the tree with a valid manifest. */
export interface FoundNApp {
  readonly id: string
  /** The real path of the folder, links resolved. */
  readonly folder: string
  readonly enabled: boolean
  readonly manifest: Manifest
  /** A fingerprint that changes when the NApp is replaced or its `napp.json` is written again. */
  readonly stamp: string
}

/** A folder in the place of a NApp that cannot be used as one. */
export interface BrokenNApp {
  readonly id: string
  readonly enabled: boolean
  readonly error: SettingsError
}

/** The content of a tree of NApps, in alphabetical order of the ids. */
export interface Discovery {
  readonly napps: readonly FoundNApp[]
  readonly broken: readonly BrokenNApp[]
}

/**
 * Reads the tree `<root>/<username>/<name>` and `<root>/.installed/<username>/<name>` in the layout of Kytos.
 * Python NApps (`kytos.json` only) are omitted without a message. A broken manifest is part of the result and
 * does not affect other NApps. A tree that does not exist is empty.
 * @throws SettingsError CONFIG_INVALID when `root` cannot be read.
 */
export async function discover(root: string): Promise<Discovery> {
  const enabled = new Set(await ids(root))
  const all = new Set([...enabled, ...(await ids(join(root, INSTALLED)))])
  const napps: FoundNApp[] = []
  const broken: BrokenNApp[] = []
  for (const id of [...all].sort()) {
    const isEnabled = enabled.has(id)
    const path = isEnabled ? join(root, id) : join(root, INSTALLED, id)
    if (!isNAppId(id) && !(await exists(join(path, MANIFEST)))) continue
    try {
      const napp = await readNApp(path)
      if (napp === undefined) continue
      rejectMisplaced(id, path, napp.manifest)
      napps.push({ ...napp, id, enabled: isEnabled })
    } catch (error) {
      broken.push({ id, enabled: isEnabled, error: toSettingsError(error) })
    }
  }
  return { napps, broken }
}

/**
 * Reads the NApp in one folder; undefined for a Python NApp or a folder that no longer exists.
 * @throws SettingsError NAPP_INVALID for a folder without a valid `napp.json`, or a dangling link.
 */
export async function readNApp(
  path: string,
): Promise<{ folder: string; manifest: Manifest; stamp: string } | undefined> {
  const file = join(path, MANIFEST)
  try {
    const folder = await realpath(path)
    const { ino, mtimeNs, size } = await stat(file, { bigint: true })
    const manifest = parseManifest(await readFile(file, 'utf8'), file)
    return { folder, manifest, stamp: fingerprint([folder, ino, mtimeNs, size].join(':')) }
  } catch (cause) {
    if (!hasCode(cause, 'ENOENT')) throw cause instanceof SettingsError ? cause : unreadable(file, cause)
    return explainAbsence(path)
  }
}

/** True for a path that exists, of any file type; also for a dangling link. */
export async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return false
    throw error
  }
}

/** True for a link whose target does not exist. */
export async function isDangling(path: string): Promise<boolean> {
  if (!(await exists(path))) return false
  try {
    await stat(path)
    return false
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return true
    throw error
  }
}

/** A short text that differs for different texts and shows nothing of them. */
function fingerprint(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

async function explainAbsence(path: string): Promise<undefined> {
  if (await isDangling(path)) {
    const target = await readlink(path)
    const fix = 'Install the NApp again (kytos-settings napps install FOLDER --force) or remove the link.'
    throw new SettingsError('NAPP_INVALID', `${path} is a link to ${target}, which does not exist. ${fix}`, {
      details: { path, target },
    })
  }
  if (!(await exists(path)) || (await exists(join(path, PYTHON_MANIFEST)))) return undefined
  throw new SettingsError(
    'NAPP_INVALID',
    `${path} is not a NApp: it contains neither ${MANIFEST} nor ${PYTHON_MANIFEST}. Add one of them.`,
    { details: { path } },
  )
}

function rejectMisplaced(id: string, path: string, manifest: Manifest): void {
  if (nappId(manifest) === id) return
  throw new SettingsError(
    'NAPP_INVALID',
    `${join(path, MANIFEST)} declares ${nappId(manifest)}, but its folder is ${id}. Rename one of them.`,
    { details: { path, got: nappId(manifest), expected: id } },
  )
}

/** Every `username/name` two levels below a folder. */
async function ids(root: string): Promise<string[]> {
  const users = await folders(root)
  const names = await Promise.all(users.map(username => folders(join(root, username), 'ENOTDIR')))
  return users.flatMap((username, i) => (names[i] ?? []).map(name => `${username}/${name}`))
}

/** The names of the folders and links in a folder; hidden ones are never NApps. */
async function folders(path: string, ignoredCode = 'ENOENT'): Promise<string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true })
    return entries
      .filter(entry => !entry.name.startsWith('.') && (entry.isDirectory() || entry.isSymbolicLink()))
      .map(entry => entry.name)
  } catch (cause) {
    if (hasCode(cause, 'ENOENT', ignoredCode)) return []
    throw new SettingsError(
      'CONFIG_INVALID',
      `The folder of NApps ${path} cannot be read: ${reasonOf(cause)}. Check [daemon] napps in kytos.ini.`,
      { cause, details: { path } },
    )
  }
}

function unreadable(file: string, cause: unknown): SettingsError {
  return new SettingsError(
    'NAPP_INVALID',
    `${file} cannot be read: ${reasonOf(cause)}. Check its permissions.`,
    { cause, details: { file } },
  )
}

import { constants } from 'node:fs'
import { access, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { shellWord } from '../../model/quote.ts'
import type { Config } from '../boot/config.ts'
import { asRoot, thisUser } from './commands.ts'
import { broken, type Examination, type Finding, warning } from './finding.ts'
import { findOtherOwner, otherUser } from './other-user.ts'

const MEBIBYTE = 1024 * 1024
/** The free space below which a disk is broken, or reported with a warning. */
const MIN_FREE_BYTES = 32 * MEBIBYTE
const LOW_FREE_BYTES = 256 * MEBIBYTE
/** The number of free inodes below which a disk is broken. */
const MIN_FREE_INODES = 1_000

/** Examines whether folders are writable for this user only, and the free space of their disks. */
export async function examineFiles(config: Config): Promise<Examination> {
  const { state_dir, controller, backend } = config.settings
  const own = join(state_dir, controller)
  const { path } = config.filesystem
  const folders = backend === 'filesystem' ? [own, path, join(path, 'journal')] : [own]
  const found = await Promise.all(folders.map(folder => examineFolder(config, folder, folders)))
  const consequences: readonly (readonly [string, string])[] = [
    ...(backend === 'filesystem' ? [[path, 'changes are rejected when it is full'] as const] : []),
    [own, 'when it is full, the snapshot for a start without the store is not written'],
  ]
  return {
    part: 'files and disk',
    findings: [...found.flat(), ...(await examineSpace(consequences))],
    unknown: await unknownPermissions(folders),
  }
}

async function examineFolder(config: Config, path: string, all: readonly string[]): Promise<Finding[]> {
  const other = await findOtherOwner(config, path, constants.W_OK | constants.X_OK)
  if (other) {
    // Each place has one finding, and not again for the folders in it.
    const isInside = all.some(folder => path.startsWith(`${folder}/`))
    return isInside ? [] : [otherUser(config, other)]
  }
  const stats = await stat(path).catch(() => undefined)
  if (!stats) {
    // The next start creates it in another examined folder, or in its nearest existing folder.
    const isInside = all.some(other => path.startsWith(`${other}/`))
    return isInside ? [] : examineParent(path, await nearestFolder(path))
  }
  if (!stats.isDirectory()) {
    return [
      broken('folder.none', path, 'It is not a folder.', `mv ${shellWord(path)} ${shellWord(`${path}.old`)}`),
    ]
  }
  const findings: Finding[] = []
  const lacking = await accessErrorCode(path)
  if (lacking === 'EROFS') findings.push(readOnly(path, path))
  else if (lacking !== undefined) {
    const repair =
      `${asRoot(`chmod -R u+rwX ${shellWord(path)}`)} && ` +
      asRoot(`chown -R ${thisUser()} ${shellWord(path)}`) +
      '   # or run the doctor as the user of the service'
    findings.push(broken('folder.unwritable', path, `User ${thisUser()} cannot write into it.`, repair))
  }
  if ((stats.mode & 0o022) !== 0) {
    findings.push(
      broken(
        'folder.open',
        path,
        'Other users of this host can write into it and change settings without validation.',
        `chmod 700 ${shellWord(path)}`,
      ),
    )
  } else if ((stats.mode & 0o004) !== 0 && path.endsWith('journal')) {
    findings.push(
      warning('folder.readable', path, 'All users of this host can read it.', `chmod 700 ${shellWord(path)}`),
    )
  }
  return findings
}

async function examineParent(path: string, parent: string): Promise<Finding[]> {
  const lacking = await accessErrorCode(parent)
  if (lacking === undefined) return []
  if (lacking === 'EROFS') return [readOnly(path, parent)]
  const what = `User ${thisUser()} cannot create this folder in ${parent}.`
  return [
    broken('folder.unwritable', path, what, asRoot(`install -d -m 700 -o ${thisUser()} ${shellWord(path)}`)),
  ]
}

function readOnly(path: string, at: string): Finding {
  const repair = asRoot(`mount -o remount,rw "$(findmnt -no TARGET --target ${shellWord(at)})"`)
  return broken('folder.unwritable', path, 'Its file system is read-only.', repair)
}

/** At most one finding for each disk, about the first path on it. */
async function examineSpace(
  paths: readonly (readonly [path: string, consequence: string])[],
): Promise<Finding[]> {
  const findings = new Map<number, Finding | undefined>()
  for (const [path, consequence] of paths) {
    const at = await nearestFolder(path)
    const { dev } = await stat(at)
    if (!findings.has(dev)) findings.set(dev, await examineDisk(path, at, consequence))
  }
  return [...findings.values()].flatMap(finding => finding ?? [])
}

async function examineDisk(path: string, at: string, consequence: string): Promise<Finding | undefined> {
  const { bavail, bsize, blocks, ffree, files } = await statfs(at)
  const free = bavail * bsize
  const what = `Its disk has ${Math.floor(free / MEBIBYTE)} MiB left: ${consequence}.`
  const repair = `df -h ${shellWord(at)}   # then free space there`
  if (blocks > 0 && free < MIN_FREE_BYTES) return broken('disk.full', path, what, repair)
  if (files > 0 && ffree < MIN_FREE_INODES) {
    return broken(
      'disk.full',
      path,
      `Its disk has ${ffree} free inodes left: ${consequence}.`,
      `df -i ${shellWord(at)}   # then free space there`,
    )
  }
  return blocks > 0 && free < LOW_FREE_BYTES ? warning('disk.little', path, what, repair) : undefined
}

/** The permissions of another owner of the folders, unknown because the doctor runs as a different user. */
async function unknownPermissions(paths: readonly string[]): Promise<string[]> {
  const stats = await Promise.all(paths.map(path => stat(path).catch(() => undefined)))
  const other = stats.findIndex(
    one => one !== undefined && process.getuid !== undefined && one.uid !== process.getuid(),
  )
  const uid = stats[other]?.uid
  if (uid === undefined) return []
  return [
    `the permissions of user ${uid}, the owner of ${paths[other]}: the doctor runs as user ${thisUser()}`,
  ]
}

async function nearestFolder(path: string): Promise<string> {
  const there = await stat(path).then(
    stats => stats.isDirectory(),
    () => false,
  )
  return there || dirname(path) === path ? path : nearestFolder(dirname(path))
}

/** The error code of an access; undefined if this user may write. */
async function accessErrorCode(path: string): Promise<string | undefined> {
  return access(path, constants.W_OK | constants.X_OK).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code ?? 'unknown',
  )
}

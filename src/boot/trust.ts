import { lstat, readFile, realpath } from 'node:fs/promises'
import { dirname } from 'node:path'
import { SettingsError } from '../../model/errors.ts'
import { shellWord } from '../../model/quote.ts'

/** The reason why a file is not trusted, and the command that repairs it. */
export interface Distrust {
  /** A clause: `/tmp/kytos.ini may be written by others (mode 0666)`. */
  readonly reason: string
  readonly repair: string
}

const WRITABLE_BY_GROUP = 0o020
const WRITABLE_BY_OTHERS = 0o002
const STICKY = 0o1000

/**
 * The reason why another user of this host could change a file: the file, a folder above it or a link on its
 * path belongs to neither this user nor root, or is writable by others. Undefined when only this user and
 * root can change it. A folder with the sticky bit, such as /tmp, is safe, because users cannot replace files
 * of others in it. A group without other members does not count, because many systems use umask 002.
 */
export async function findDistrust(file: string): Promise<Distrust | undefined> {
  const user = process.getuid?.()
  if (user === undefined)
    return {
      reason: `the permissions of ${file} are not known on this system`,
      repair: 'name the file with -c FILE',
    }
  for (const path of new Set([...withFolders(file), ...withFolders(await realpath(file))])) {
    const stats = await lstat(path)
    if (stats.uid !== user && stats.uid !== 0)
      return { reason: `${path} belongs to user ${stats.uid}`, repair: `chown ${user} ${shellWord(path)}` }
    const isProtected = stats.isDirectory() && (stats.mode & STICKY) !== 0
    // The mode of a link has no meaning; only its folder counts.
    const isWritable =
      (stats.mode & WRITABLE_BY_OTHERS) !== 0 ||
      ((stats.mode & WRITABLE_BY_GROUP) !== 0 && !(await isPrivateGroup(stats.gid, user)))
    if (!stats.isSymbolicLink() && !isProtected && isWritable) {
      const mode = (stats.mode & 0o7777).toString(8).padStart(4, '0')
      return {
        reason: `${path} may be written by others (mode ${mode})`,
        repair: `chmod go-w ${shellWord(path)}`,
      }
    }
  }
  return undefined
}

/**
 * Rejects a path that another user of this host could change; of an absent one, the nearest folder above it.
 * A path that cannot be looked at is left to the code that opens it. `purpose` begins the message.
 * @throws SettingsError CONFIG_UNTRUSTED with the command that repairs it.
 */
export async function requireTrusted(path: string, purpose: string, advice = ''): Promise<void> {
  // A system without user ids does not report the owner of a folder.
  if (process.getuid === undefined) return
  const distrust = await nearestExisting(path).then(findDistrust, () => undefined)
  if (!distrust) return
  throw new SettingsError(
    'CONFIG_UNTRUSTED',
    `${purpose}, because ${distrust.reason}. If this is intended, run "${distrust.repair}"${advice}.`,
    { details: { path, repair: distrust.repair } },
  )
}

/** A path, or the nearest folder above it that exists. */
async function nearestExisting(path: string): Promise<string> {
  try {
    await lstat(path)
    return path
  } catch (error) {
    const isAbsent = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    if (!isAbsent || dirname(path) === path) throw error
    return nearestExisting(dirname(path))
  }
}

/** True for the primary group of a user that has no other member. */
async function isPrivateGroup(gid: number, user: number): Promise<boolean> {
  const [users, groups] = await Promise.all(['/etc/passwd', '/etc/group'].map(readTable))
  const primary = users?.filter(([, , , group]) => Number(group) === gid) ?? []
  const [owner] = primary
  if (!owner || primary.length > 1 || Number(owner[2]) !== user) return false
  const members = groups
    ?.filter(([, , id]) => Number(id) === gid)
    .flatMap(([, , , all = '']) => all.split(','))
  return members?.every(name => name === '' || name === owner[0]) ?? false
}

/** The fields of a table of users or groups; empty if it cannot be read. */
async function readTable(file: string): Promise<readonly (readonly string[])[]> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text.split('\n').map(line => line.split(':'))
}

/** A path and all folders above it. */
function withFolders(path: string): readonly string[] {
  const folder = dirname(path)
  return folder === path ? [path] : [path, ...withFolders(folder)]
}

import { lstat, realpath } from 'node:fs/promises'
import { dirname } from 'node:path'

/** The reason why a file is not trusted, and the command that repairs it. */
export interface Distrust {
  /** A clause: `/tmp/kytos.ini may be written by others (mode 0666)`. */
  readonly reason: string
  readonly repair: string
}

const WRITABLE_BY_OTHERS = 0o022
const STICKY = 0o1000

/**
 * The reason why another user of this host could change a file: the file, a folder above it or a link on its
 * path belongs to neither this user nor root, or is writable by others. Undefined when only this user and
 * root can change it. A folder with the sticky bit, such as /tmp, is safe, because users cannot replace files
 * of others in it.
 */
export async function findDistrust(file: string): Promise<Distrust | undefined> {
  const user = process.getuid?.()
  if (user === undefined)
    return {
      reason: `the users who may write ${file} are unknown on this system`,
      repair: 'name the file with -c FILE',
    }
  for (const path of new Set([...withFolders(file), ...withFolders(await realpath(file))])) {
    const stats = await lstat(path)
    if (stats.uid !== user && stats.uid !== 0)
      return { reason: `${path} belongs to user ${stats.uid}`, repair: `chown ${user} ${quoted(path)}` }
    const isProtected = stats.isDirectory() && (stats.mode & STICKY) !== 0
    // The mode of a link has no meaning; only its folder counts.
    if (!stats.isSymbolicLink() && !isProtected && (stats.mode & WRITABLE_BY_OTHERS) !== 0) {
      const mode = (stats.mode & 0o7777).toString(8).padStart(4, '0')
      return {
        reason: `${path} may be written by others (mode ${mode})`,
        repair: `chmod go-w ${quoted(path)}`,
      }
    }
  }
  return undefined
}

/** A path and all folders above it. */
function withFolders(path: string): readonly string[] {
  const folder = dirname(path)
  return folder === path ? [path] : [path, ...withFolders(folder)]
}

/** A path as one word of a shell command line. */
function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
}

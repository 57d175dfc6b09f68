import { type BigIntStats, statSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Which folder stands at a path. Two looks found the same one if device and inode are equal, and the time of
 * birth where the file system has one: an inode number is given to a new folder soon after the old one was
 * removed.
 */
export interface FolderIdentity {
  /** Undefined in one read back from the journal: device numbers change when the machine starts anew. */
  readonly device: string | undefined
  readonly inode: string
  readonly born: string
  /**
   * True when the time of birth is known to be one: some systems give the time of the last change instead.
   */
  readonly isBirthKnown: boolean
}

/** Devices on which a folder was seen whose time of birth is not that of its last change. */
const devicesWithBirths = new Set<bigint>()

/** The folder at a path; undefined when there is none that can be looked at. */
export function identifyFolder(path: string): FolderIdentity | undefined {
  try {
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false })
    if (!stats?.isDirectory()) return undefined
    const { dev, ino, birthtimeNs } = stats
    const isBirthKnown = hasBirth(stats) || hasBirth(statSync(dirname(path), { bigint: true }), dev)
    return { device: `${dev}`, inode: `${ino}`, born: `${birthtimeNs}`, isBirthKnown }
  } catch {
    // A folder above is a file, or may not be searched: what cannot be looked at is no known folder.
    return undefined
  }
}

function hasBirth({ dev, birthtimeNs, ctimeNs }: BigIntStats, device = dev): boolean {
  if (birthtimeNs > 0n && birthtimeNs !== ctimeNs) devicesWithBirths.add(dev)
  return devicesWithBirths.has(device)
}

/** True when both are the same folder, as far as can be told; one that is not there is none. */
export function isSameFolder(before: FolderIdentity | undefined, now: FolderIdentity | undefined): boolean {
  if (!before || !now || before.inode !== now.inode) return false
  if (before.device !== undefined && now.device !== undefined && before.device !== now.device) return false
  return !before.isBirthKnown || before.born === now.born
}

/** A folder's identity as the journal keeps it. */
export function printFolder({ inode, born, isBirthKnown }: FolderIdentity): string {
  return isBirthKnown ? `${inode}:${born}` : inode
}

/** The identity that {@link printFolder} wrote. */
export function parseFolder(text: string): FolderIdentity {
  const [inode = '', born] = text.split(':')
  return { device: undefined, inode, born: born ?? '', isBirthKnown: born !== undefined }
}

import { type BigIntStats, statSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * The identity of the folder at a path. Two looks found the same folder when device and inode are equal, and
 * the time of birth where the file system has one, because a file system reuses the inode number of a removed
 * folder soon.
 */
export interface FolderIdentity {
  /** Undefined when read from the journal, because device numbers change when the machine restarts. */
  readonly device: string | undefined
  readonly inode: string
  readonly born: string
  /** True when `born` is known to be a time of birth: some systems give the time of the last change. */
  readonly isBirthKnown: boolean
}

/** Devices on which a folder was seen whose time of birth is not the time of its last change. */
const devicesWithBirths = new Set<bigint>()

/** The identity of the folder at a path; undefined when there is none that can be looked at. */
export function identifyFolder(path: string): FolderIdentity | undefined {
  try {
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false })
    if (!stats?.isDirectory()) return undefined
    const { dev, ino, birthtimeNs } = stats
    const isBirthKnown = hasBirth(stats) || hasBirth(statSync(dirname(path), { bigint: true }), dev)
    return { device: `${dev}`, inode: `${ino}`, born: `${birthtimeNs}`, isBirthKnown }
  } catch {
    // A folder above is a file, or may not be searched: then the folder is not known.
    return undefined
  }
}

function hasBirth({ dev, birthtimeNs, ctimeNs }: BigIntStats, device = dev): boolean {
  if (birthtimeNs > 0n && birthtimeNs !== ctimeNs) devicesWithBirths.add(dev)
  return devicesWithBirths.has(device)
}

/** True when both are the same folder as far as is known; an absent folder is never the same. */
export function isSameFolder(before: FolderIdentity | undefined, now: FolderIdentity | undefined): boolean {
  if (!before || !now || before.inode !== now.inode) return false
  if (before.device !== undefined && now.device !== undefined && before.device !== now.device) return false
  return !before.isBirthKnown || before.born === now.born
}

/** The identity of a folder as the journal keeps it. */
export function printFolder({ inode, born, isBirthKnown }: FolderIdentity): string {
  return isBirthKnown ? `${inode}:${born}` : inode
}

/** The identity that {@link printFolder} printed. */
export function parseFolder(text: string): FolderIdentity {
  const [inode = '', born] = text.split(':')
  return { device: undefined, inode, born: born ?? '', isBirthKnown: born !== undefined }
}

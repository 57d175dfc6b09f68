/** A server's version, its numbers. */
type Version = readonly [major: number, minor: number, patch: number]

// What etcd's changelogs name: the last fix of a wrong watch, and the fix that keeps progress behind the
// events it speaks of.
const FIXED: readonly Version[] = [
  [3, 4, 38],
  [3, 5, 22],
  [3, 6, 2],
]
const IN_STEP: readonly Version[] = [
  [3, 4, 25],
  [3, 5, 8],
]

/**
 * What to tell a person about a server of this version; undefined when it has all the fixes that matter here.
 */
export function outdated(text: string): string | undefined {
  if (isFixed(text, FIXED)) return undefined
  const wanted = FIXED.map(version => version.join('.')).join(', ')
  return `etcd ${text} has known watch bugs that lose events; upgrade to ${wanted} or later.`
}

/** True when the server never says that it has given everything before it has. */
export function isInStep(text: string): boolean {
  return isFixed(text, IN_STEP)
}

/** True for a version that is not below the fix of its own line, or is of a later line than all fixes. */
function isFixed(text: string, fixes: readonly Version[]): boolean {
  const found = /^(\d+)\.(\d+)\.(\d+)/.exec(text)
  if (!found) return false
  const [major = 0, minor = 0, patch = 0] = found.slice(1).map(Number)
  const fix = fixes.find(([theirMajor, theirMinor]) => theirMajor === major && theirMinor === minor)
  if (fix) return patch >= fix[2]
  return fixes.every(
    ([theirMajor, theirMinor]) => major > theirMajor || (major === theirMajor && minor > theirMinor),
  )
}

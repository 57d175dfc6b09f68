/** The version of a server. */
type Version = readonly [major: number, minor: number, patch: number]

// From the changelogs of etcd: the last fix of a bug that makes watches lose events, and the fix that keeps
// progress responses behind their events.
const FIXED: readonly Version[] = [
  [3, 4, 38],
  [3, 5, 22],
  [3, 6, 2],
]
const IN_STEP: readonly Version[] = [
  [3, 4, 25],
  [3, 5, 8],
]

/** The message about a server of this version; undefined when it has all fixes that matter here. */
export function outdated(text: string): string | undefined {
  if (isFixed(text, FIXED)) return undefined
  const wanted = FIXED.map(version => version.join('.')).join(', ')
  return `etcd ${text} has known watch bugs that lose events; upgrade to ${wanted} or later.`
}

/** True when the progress responses of a server never run ahead of its events. */
export function isInStep(text: string): boolean {
  return isFixed(text, IN_STEP)
}

/**
 * True for a version not below the fix of its own minor version, or of a later minor version than all fixes.
 */
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

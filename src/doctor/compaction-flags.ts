const MODE = 'auto-compaction-mode'
const RETENTION = 'auto-compaction-retention'
const UNITS: Readonly<Record<string, number>> = { h: 3_600, m: 60, s: 1 }

/** The part of the history that auto-compaction keeps. */
export interface CompactionHorizon {
  readonly off: boolean
  readonly seconds?: number
  readonly changes?: number
}

/**
 * The auto-compaction in the command line of an etcd: off, or the history it keeps; neither of them if a
 * configuration file may set it, or if the flag is invalid.
 */
export function compactionHorizon(commandLine: readonly string[]): CompactionHorizon {
  const retention = flag(commandLine, RETENTION)
  if (retention === undefined || retention === '0')
    return { off: flag(commandLine, 'config-file') === undefined }
  if (flag(commandLine, MODE) === 'revision')
    return /^\d+$/.test(retention) ? { off: false, changes: Number(retention) } : { off: false }
  const seconds = secondsIn(retention)
  return seconds === undefined ? { off: false } : { off: false, seconds }
}

/** The seconds of a duration; a plain number is in hours, as in etcd. */
function secondsIn(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text) * 3_600
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)([hms])/g)]
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) return undefined
  return parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (UNITS[unit] ?? 0), 0)
}

function flag(commandLine: readonly string[], name: string): string | undefined {
  for (const [n, word] of commandLine.entries()) {
    const [, found, value] = /^--?([a-z-]+)(?:=(.*))?$/s.exec(word) ?? []
    if (found === name) return value ?? commandLine[n + 1]
  }
  return undefined
}

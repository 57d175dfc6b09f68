import { compactionHorizon } from './compaction-flags.ts'
import { type Finding, hint, warning } from './finding.ts'
import type { RunningService } from './running.ts'

/**
 * The shortest history without a hint: an absent controller receives the difference beyond it, not each
 * change.
 */
const MIN_HISTORY_SECONDS = 600
const MIN_HISTORY_CHANGES = 10_000
const REPAIR = 'Start etcd with --auto-compaction-mode=periodic --auto-compaction-retention=1h.'

/** Examines whether an endpoint is compacted, and not so soon that absent controllers lose single changes. */
export function examineCompaction(
  endpoint: string,
  commandLine: readonly string[],
  { health }: RunningService,
): Finding[] {
  const { off, seconds, changes } = compactionHorizon(commandLine)
  if (off) {
    const what =
      'Its command line does not enable auto-compaction; ' +
      'unless its environment does, it grows until its quota is exhausted.'
    return [hint('etcd.compaction_off', endpoint, what, REPAIR)]
  }
  const age = typeof health?.age === 'number' ? health.age : 0
  const lost = 'a controller or reader that is away for longer receives the difference, not each change'
  if (changes !== undefined && changes < MIN_HISTORY_CHANGES)
    return [hint('etcd.compaction_short', endpoint, `It keeps the last ${changes} changes: ${lost}.`, REPAIR)]
  if (seconds === undefined) return []
  if (age > seconds) {
    const what =
      `The service of this host is ${age.toFixed(0)} s behind, and etcd keeps ${seconds} s of history: ` +
      'the service will receive the difference, not each change.'
    return [warning('etcd.compaction_passed', endpoint, what, REPAIR)]
  }
  return seconds < MIN_HISTORY_SECONDS
    ? [hint('etcd.compaction_short', endpoint, `It keeps ${seconds} s of history: ${lost}.`, REPAIR)]
    : []
}

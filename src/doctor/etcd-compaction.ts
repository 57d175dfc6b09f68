import { compactionHorizon } from './compaction-flags.ts'
import { type Finding, hint, warning } from './finding.ts'
import type { Running } from './running.ts'

/** Seconds of history, and changes, below which a controller that was away is told of differences instead of steps. */
const SHORT = 600
const FEW = 10_000
const REPAIR = 'Start etcd with --auto-compaction-mode=periodic --auto-compaction-retention=1h.'

/** Whether an endpoint is compacted at all, and not so soon that those who were away lose the steps. */
export function examineCompaction(endpoint: string, commandLine: readonly string[], { health }: Running): Finding[] {
  const { off, seconds, changes } = compactionHorizon(commandLine)
  if (off) {
    const what = 'Its command line turns no auto-compaction on: unless its environment or something else does, it grows until its quota is used up.'
    return [hint('etcd.compaction_off', endpoint, what, REPAIR)]
  }
  const age = typeof health?.age === 'number' ? health.age : 0
  const lost = 'a controller or reader that is away for longer is told of the difference, not of each step'
  if (changes !== undefined && changes < FEW)
    return [hint('etcd.compaction_short', endpoint, `It keeps the last ${changes} changes: ${lost}.`, REPAIR)]
  if (seconds === undefined) return []
  if (age > seconds) {
    const what = `The service of this host is ${age.toFixed(0)} s behind, and it keeps ${seconds} s of history: that service will be told of the difference, not of each step.`
    return [warning('etcd.compaction_passed', endpoint, what, REPAIR)]
  }
  return seconds < SHORT ? [hint('etcd.compaction_short', endpoint, `It keeps ${seconds} s of history: ${lost}.`, REPAIR)] : []
}

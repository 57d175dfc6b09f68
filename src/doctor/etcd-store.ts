import { type EndpointInspection, inspectEndpoints } from '../../backends/etcd/inspect.ts'
import { createBackend } from '../../backends/registry.ts'
import { toSettingsError } from '../../model/errors.ts'
import { EVERYTHING } from '../../model/key.ts'
import type { Config } from '../boot/config.ts'
import { isLoopback } from '../boot/loopback.ts'
import { chooseBackend } from '../boot/store-choice.ts'
import { readAll } from '../moving/picture.ts'
import { compactionHorizon } from './compaction-flags.ts'
import { broken, type Finding, hint, warning } from './finding.ts'
import type { StoreExamined } from './folder-store.ts'

/** How much of its quota a store may use before somebody should look. */
const FULL = 0.8
/** Seconds of history below which a controller that was away is told of differences instead of steps. */
const SHORT = 600
/** Milliseconds by which clocks may differ. */
const SKEW = 3_000

/** Looks at the etcd of a configuration: each of its endpoints, and what it holds for us. Changes nothing. */
export async function examineEtcdStore(config: Config): Promise<StoreExamined> {
  const part = 'etcd'
  try {
    const choice = await chooseBackend(config, () => {})
    if (choice.backend !== 'etcd') return { part, findings: [], entries: [] }
    const endpoints = await inspectEndpoints(choice)
    const unknown = endpoints.flatMap(unknownOf)
    const findings = [...endpoints.flatMap(examineEndpoint), ...examineAccess(config)]
    if (endpoints.every(({ failure }) => failure !== undefined)) return { part, findings, unknown, entries: [] }
    const backend = createBackend(choice, { report: () => {} })
    try {
      await backend.open()
      return { part, findings, unknown, entries: await readAll(await backend.list(EVERYTHING)) }
    } finally {
      await backend.close()
    }
  } catch (error) {
    return {
      part,
      findings: [broken('etcd.unreadable', config.etcd.endpoints.join(', '), toSettingsError(error).message, 'See what the message says.')],
      entries: [],
    }
  }
}

function examineEndpoint(found: EndpointInspection): Finding[] {
  const { endpoint, failure, outdated, hasLeader, noSpace, bytes = 0, quota, commandLine, ahead = 0 } = found
  const findings: Finding[] = []
  if (failure !== undefined)
    findings.push(broken('etcd.unreachable', endpoint, `It does not answer a read: ${failure}.`, `etcdctl --endpoints ${endpoint} endpoint health`))
  if (outdated !== undefined) findings.push(warning('etcd.outdated', endpoint, outdated, 'Upgrade etcd, one member after the other.'))
  if (hasLeader === false)
    findings.push(broken('etcd.leaderless', endpoint, 'It knows no leader: nothing can be written.', 'Start the other members.'))
  if (noSpace) {
    const repair = `etcdctl --endpoints ${endpoint} compaction REVISION && etcdctl --endpoints ${endpoint} defrag && etcdctl --endpoints ${endpoint} alarm disarm`
    findings.push(broken('etcd.no_space', endpoint, 'It has used up its space (alarm NOSPACE) and takes no changes, from nobody.', repair))
  } else if (quota !== undefined && quota > 0 && bytes > FULL * quota) {
    const what = `It uses ${Math.round((100 * bytes) / quota)} % of its quota of ${quota} bytes.`
    findings.push(
      warning('etcd.filling', endpoint, what, `etcdctl --endpoints ${endpoint} defrag   # after a compaction, or raise --quota-backend-bytes`),
    )
  }
  if (commandLine) findings.push(...examineCompaction(endpoint, commandLine))
  if (Math.abs(ahead) > SKEW) {
    const what = `Its clock is ${(Math.abs(ahead) / 1_000).toFixed(0)} s ${ahead > 0 ? 'ahead of' : 'behind'} this host's.`
    findings.push(warning('clock.etcd', endpoint, what, 'Run an NTP client on both.'))
  }
  return findings
}

function examineCompaction(endpoint: string, commandLine: readonly string[]): Finding[] {
  const { off, seconds } = compactionHorizon(commandLine)
  if (off) {
    const what = 'Its command line turns no auto-compaction on: unless something else compacts it, it grows until its quota is used up.'
    return [hint('etcd.compaction_off', endpoint, what, 'Start etcd with --auto-compaction-mode=periodic --auto-compaction-retention=1h.')]
  }
  if (seconds === undefined || seconds >= SHORT) return []
  const what = `It keeps ${seconds} s of history: a controller or reader that is away for longer is told of the difference, not of each step.`
  return [hint('etcd.compaction_short', endpoint, what, 'Start etcd with --auto-compaction-retention=1h.')]
}

function examineAccess({ etcd: { endpoints, username, cert } }: Config): Finding[] {
  const findings: Finding[] = []
  const where = endpoints.join(', ')
  const far = endpoints.filter(endpoint => !isLoopback(new URL(endpoint).hostname))
  if (username === undefined && cert === undefined) {
    const what = 'It is asked without a user and without a certificate: whoever reaches it may change every setting.'
    const repair = 'etcdctl user add root && etcdctl auth enable   # and username, password_file in [settings.etcd]'
    findings.push((far.length > 0 ? warning : hint)('etcd.open', where, what, repair))
  }
  const plain = far.filter(endpoint => endpoint.startsWith('http:'))
  if (plain.length > 0) {
    const what = 'Settings, and the password if there is one, travel in the clear.'
    findings.push(
      warning('etcd.plain', plain.join(', '), what, 'Give etcd certificates (--cert-file, --key-file) and name it with https: in kytos.ini.'),
    )
  }
  return findings
}

function unknownOf({ endpoint, failure, noSpace, quota, commandLine }: EndpointInspection): string[] {
  if (failure !== undefined) return []
  const lacking = [
    ...(noSpace === undefined ? ['whether it has space left (only root may ask for alarms)'] : []),
    ...(quota === undefined ? ['its quota (/metrics does not answer)'] : []),
    ...(commandLine === undefined ? ['its auto-compaction (/debug/vars does not answer)'] : []),
  ]
  return lacking.map(what => `${endpoint} does not tell ${what}`)
}

import type { EndpointInspection } from '../../backends/etcd/inspect.ts'
import { isSettingsError, toSettingsError } from '../../model/errors.ts'
import { EVERYTHING } from '../../model/key.ts'
import { loadBackend } from '../boot/backend-registry.ts'
import type { Config } from '../boot/config.ts'
import { chooseBackend } from '../boot/store-choice.ts'
import { readAll } from '../transfer/picture.ts'
import { edit, etcdctl, kytosSettings, word } from './commands.ts'
import { examineAccess } from './etcd-access.ts'
import { examineCompaction } from './etcd-compaction.ts'
import { broken, type Finding, hint, warning } from './finding.ts'
import type { StoreExamined } from './folder-store.ts'
import type { Running } from './running.ts'

/** How much of its quota a store may use before somebody should look. */
const FULL = 0.8
/** Milliseconds by which clocks may differ. */
const SKEW = 3_000

/** Looks at the etcd of a configuration: each of its endpoints, and what it holds for us. Changes nothing. */
export async function examineEtcdStore(config: Config, running: Running): Promise<StoreExamined> {
  const part = 'etcd'
  const where = config.etcd.endpoints.join(', ')
  try {
    const choice = await chooseBackend(config, () => {})
    if (choice.backend !== 'etcd') return { part, findings: [], entries: [] }
    // Only when it is needed: etcd's client takes long to load.
    const { inspectEndpoints } = await import('../../backends/etcd/inspect.ts')
    const endpoints = await inspectEndpoints(choice)
    const unknown = endpoints.flatMap(unknownOf)
    const findings = [...endpoints.flatMap(found => examineEndpoint(config, found, running)), ...examineAccess(config)]
    if (endpoints.every(({ failure }) => failure !== undefined)) return { part, findings, unknown, entries: [] }
    const backend = (await loadBackend(choice))(() => {})
    try {
      await backend.open()
      const entries = await readAll(await backend.list(EVERYTHING))
      if (entries.length > 0) return { part, findings, unknown, entries }
      const none = hint('store.none', `${where}, ${config.etcd.prefix}`, 'There is no store yet.', kytosSettings(config, 'start'))
      return { part, findings: [...findings, none], unknown, entries }
    } finally {
      await backend.close()
    }
  } catch (error) {
    if (isSettingsError(error, 'STORE_OVERLAP')) {
      const change = `${edit(config.file)}   # another prefix in [settings.etcd]; then ${kytosSettings(config, 'doctor')}`
      return { part, findings: [broken('store.overlap', `${where}, ${config.etcd.prefix}`, error.message, change)], entries: [] }
    }
    const repair = `${etcdctl(config.etcd, config.etcd.endpoints, 'endpoint status')}   # then, by what it says: ${kytosSettings(config, 'doctor')}`
    return { part, findings: [broken('etcd.unreadable', where, toSettingsError(error).message, repair)], entries: [] }
  }
}

function examineEndpoint(config: Config, found: EndpointInspection, running: Running): Finding[] {
  const { endpoint, outdated, hasLeader, commandLine, ahead = 0 } = found
  const findings = [...examineAnswer(config, found), ...examineSpace(config, found)]
  if (outdated !== undefined) {
    const repair =
      'Upgrade one member after the other: systemctl stop etcd, install, systemctl start etcd, and wait for endpoint health to be well again.'
    findings.push(warning('etcd.outdated', endpoint, outdated, repair))
  }
  if (hasLeader === false) {
    const repair = `${etcdctl(config.etcd, config.etcd.endpoints, 'endpoint status')}   # then on each that does not answer: systemctl start etcd`
    findings.push(broken('etcd.leaderless', endpoint, 'It knows no leader, for too few members run: nothing can be written.', repair))
  }
  if (commandLine) findings.push(...examineCompaction(endpoint, commandLine, running))
  if (Math.abs(ahead) > SKEW) {
    const what = `Its clock is ${(Math.abs(ahead) / 1_000).toFixed(0)} s ${ahead > 0 ? 'ahead of' : 'behind'} this host's.`
    findings.push(warning('clock.etcd', endpoint, what, 'timedatectl set-ntp true   # on both hosts'))
  }
  return findings
}

/** Whether it can be read and written. */
function examineAnswer(config: Config, { endpoint, failure, refusal, hasLeader }: EndpointInspection): Finding[] {
  const correct = `${edit(config.file)}   # [settings.etcd], and what it names; then ${kytosSettings(config, 'doctor')}`
  if (failure?.code === 'STORE_REFUSED') return [broken('etcd.refused', endpoint, `It refuses a read: ${failure.reason}.`, correct)]
  if (failure && hasLeader !== false) {
    const repair = `${etcdctl(config.etcd, [endpoint], 'endpoint health')}   # if it is not running, on its host: systemctl start etcd`
    return [broken('etcd.unreachable', endpoint, `It does not answer a read: ${failure.reason}.`, repair)]
  }
  if (refusal === undefined) return []
  const grant = etcdctl(config.etcd, [endpoint], `role grant-permission ROLE --prefix=true readwrite ${word(`${config.etcd.prefix}/`)}`)
  const role = etcdctl(config.etcd, [endpoint], `user get ${word(config.etcd.username ?? 'USER')}`)
  return [broken('etcd.readonly', endpoint, `It can be read, and refuses a change: ${refusal}.`, `${grant}   # ROLE is what this says: ${role}`)]
}

function examineSpace({ etcd }: Config, { endpoint, noSpace, bytes = 0, quota, revision = 'REVISION' }: EndpointInspection): Finding[] {
  // One that was compacted up to there before says so, which is as good; without --physical it would answer before there is anything for defrag to free.
  const room = `${etcdctl(etcd, [endpoint], `compaction --physical ${revision}`)}; ${etcdctl(etcd, [endpoint], 'defrag')}`
  if (noSpace) {
    const repair = `${room} && ${etcdctl(etcd, [endpoint], 'alarm disarm')}   # if the alarm comes back: raise --quota-backend-bytes`
    return [broken('etcd.no_space', endpoint, 'It has used up its space (alarm NOSPACE) and takes no changes, from nobody.', repair)]
  }
  if (quota === undefined || quota <= 0 || bytes <= FULL * quota) return []
  const what = `It uses ${Math.round((100 * bytes) / quota)} % of its quota of ${quota} bytes; when that is used up, it takes no changes.`
  return [warning('etcd.filling', endpoint, what, `${room}   # where that frees too little: raise --quota-backend-bytes`)]
}

function unknownOf({ endpoint, failure, version, hasLeader, bytes, noSpace, quota, commandLine }: EndpointInspection): string[] {
  if (failure !== undefined) return []
  const lacking = [
    ...(version === undefined || hasLeader === undefined || bytes === undefined ? ['its status (some versions tell only root)'] : []),
    ...(noSpace === undefined ? ['whether it has space left (some versions tell only root of alarms)'] : []),
    ...(quota === undefined ? ['its quota (/metrics does not answer)'] : []),
    ...(commandLine === undefined ? ['its auto-compaction (/debug/vars does not answer)'] : []),
  ]
  return lacking.map(what => `${endpoint} does not tell ${what}`)
}

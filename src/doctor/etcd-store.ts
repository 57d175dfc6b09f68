import type { EndpointInspection } from '../../backends/etcd/inspect.ts'
import { isSettingsError, toSettingsError } from '../../model/errors.ts'
import { EVERYTHING } from '../../model/key.ts'
import { shellWord } from '../../model/quote.ts'
import { loadBackend } from '../boot/backend-registry.ts'
import type { Config } from '../boot/config.ts'
import { chooseBackend } from '../boot/store-choice.ts'
import { readAll } from '../transfer/store-snapshot.ts'
import { edit, etcdctl, kytosSettings } from './commands.ts'
import { examineAccess } from './etcd-access.ts'
import { examineCompaction } from './etcd-compaction.ts'
import { broken, type Finding, hint, warning } from './finding.ts'
import type { StoreExamination } from './folder-store.ts'
import type { RunningService } from './running.ts'

/** The used share of the quota above which a warning is reported. */
const MAX_QUOTA_SHARE = 0.8
/** The difference of clocks up to which no warning is reported. */
const MAX_SKEW_MS = 3_000

/** Examines the etcd of a configuration: its endpoints and the store in it. Changes nothing. */
export async function examineEtcdStore(config: Config, running: RunningService): Promise<StoreExamination> {
  const part = 'etcd'
  const where = config.etcd.endpoints.join(', ')
  try {
    const choice = await chooseBackend(config, () => {})
    if (choice.backend !== 'etcd') return { part, findings: [], entries: [] }
    // Imported only when needed, because etcd's client takes long to load.
    const { inspectEndpoints } = await import('../../backends/etcd/inspect.ts')
    const endpoints = await inspectEndpoints(choice)
    const unknown = endpoints.flatMap(unknownOf)
    const findings = [
      ...endpoints.flatMap(found => examineEndpoint(config, found, running)),
      ...examineAccess(config),
    ]
    if (endpoints.every(({ failure }) => failure !== undefined))
      return { part, findings, unknown, entries: [] }
    const backend = (await loadBackend(choice))(() => {})
    try {
      await backend.open()
      const entries = await readAll(await backend.list(EVERYTHING))
      if (entries.length > 0) return { part, findings, unknown, entries }
      const none = hint(
        'store.none',
        `${where}, ${config.etcd.prefix}`,
        'The store does not exist yet.',
        kytosSettings(config, 'start'),
      )
      return { part, findings: [...findings, none], unknown, entries }
    } finally {
      await backend.close()
    }
  } catch (error) {
    if (isSettingsError(error, 'STORE_OVERLAP')) {
      const change =
        `${edit(config.file)}   # set another prefix in [settings.etcd]; ` +
        `then ${kytosSettings(config, 'doctor')}`
      return {
        part,
        findings: [broken('store.overlap', `${where}, ${config.etcd.prefix}`, error.message, change)],
        entries: [],
      }
    }
    const repair =
      `${etcdctl(config.etcd, config.etcd.endpoints, 'endpoint status')}   # repair what it reports; ` +
      `then ${kytosSettings(config, 'doctor')}`
    return {
      part,
      findings: [broken('etcd.unreadable', where, toSettingsError(error).message, repair)],
      entries: [],
    }
  }
}

function examineEndpoint(config: Config, found: EndpointInspection, running: RunningService): Finding[] {
  const { endpoint, outdated, hasLeader, commandLine, ahead = 0 } = found
  const findings = [...examineResponse(config, found), ...examineSpace(config, found)]
  if (outdated !== undefined) {
    const repair =
      'Upgrade one member at a time: systemctl stop etcd, install, systemctl start etcd, ' +
      'and wait until endpoint health is healthy.'
    findings.push(warning('etcd.outdated', endpoint, outdated, repair))
  }
  if (hasLeader === false) {
    const repair =
      `${etcdctl(config.etcd, config.etcd.endpoints, 'endpoint status')}   ` +
      '# then on each member that does not respond: systemctl start etcd'
    findings.push(
      broken(
        'etcd.leaderless',
        endpoint,
        'It has no leader, because too few members run: writes are impossible.',
        repair,
      ),
    )
  }
  if (commandLine) findings.push(...examineCompaction(endpoint, commandLine, running))
  if (Math.abs(ahead) > MAX_SKEW_MS) {
    const seconds = (Math.abs(ahead) / 1_000).toFixed(0)
    const what = `Its clock is ${seconds} s ${ahead > 0 ? 'ahead of' : 'behind'} this host's.`
    findings.push(warning('clock.etcd', endpoint, what, 'timedatectl set-ntp true   # on both hosts'))
  }
  return findings
}

/** Examines whether an endpoint accepts reads and writes. */
function examineResponse(
  config: Config,
  { endpoint, failure, refusal, hasLeader }: EndpointInspection,
): Finding[] {
  const correct =
    `${edit(config.file)}   # check [settings.etcd] and the files it names; ` +
    `then ${kytosSettings(config, 'doctor')}`
  if (failure?.code === 'STORE_REFUSED')
    return [broken('etcd.refused', endpoint, `It rejected a read: ${failure.reason}.`, correct)]
  if (failure && hasLeader !== false) {
    const repair =
      `${etcdctl(config.etcd, [endpoint], 'endpoint health')}   ` +
      '# if it is not running, run on its host: systemctl start etcd'
    return [broken('etcd.unreachable', endpoint, `It does not respond to a read: ${failure.reason}.`, repair)]
  }
  if (refusal === undefined) return []
  const grant = etcdctl(
    config.etcd,
    [endpoint],
    `role grant-permission ROLE --prefix=true readwrite ${shellWord(`${config.etcd.prefix}/`)}`,
  )
  const role = etcdctl(config.etcd, [endpoint], `user get ${shellWord(config.etcd.username ?? 'USER')}`)
  return [
    broken(
      'etcd.readonly',
      endpoint,
      `It allows reads and rejects writes: ${refusal}.`,
      `${grant}   # ROLE is the output of: ${role}`,
    ),
  ]
}

function examineSpace(
  { etcd }: Config,
  { endpoint, noSpace, bytes = 0, quota, revision = 'REVISION' }: EndpointInspection,
): Finding[] {
  // The `;` accepts a failed compaction, because an endpoint that is already compacted reports that as an
  // error. With --physical the command responds only after there is space for defrag to free.
  const freeSpace =
    `${etcdctl(etcd, [endpoint], `compaction --physical ${revision}`)}; ` +
    `${etcdctl(etcd, [endpoint], 'defrag')}`
  if (noSpace) {
    const repair =
      `${freeSpace} && ${etcdctl(etcd, [endpoint], 'alarm disarm')}   ` +
      '# if the alarm returns: raise --quota-backend-bytes'
    return [
      broken(
        'etcd.no_space',
        endpoint,
        'Its storage quota is exhausted (alarm NOSPACE); all writes are rejected.',
        repair,
      ),
    ]
  }
  if (quota === undefined || quota <= 0 || bytes <= MAX_QUOTA_SHARE * quota) return []
  const what =
    `It uses ${Math.round((100 * bytes) / quota)} % of its quota of ${quota} bytes; ` +
    'at 100 %, writes are rejected.'
  return [
    warning(
      'etcd.filling',
      endpoint,
      what,
      `${freeSpace}   # if that frees too little: raise --quota-backend-bytes`,
    ),
  ]
}

function unknownOf({
  endpoint,
  failure,
  version,
  hasLeader,
  bytes,
  noSpace,
  quota,
  commandLine,
}: EndpointInspection): string[] {
  if (failure !== undefined) return []
  const lacking = [
    ...(version === undefined || hasLeader === undefined || bytes === undefined
      ? ['its status (some versions return it to root only)']
      : []),
    ...(noSpace === undefined ? ['its alarms (some versions return them to root only)'] : []),
    ...(quota === undefined ? ['its quota (/metrics does not respond)'] : []),
    ...(commandLine === undefined ? ['its auto-compaction (/debug/vars does not respond)'] : []),
  ]
  return lacking.map(what => `${endpoint} did not return ${what}`)
}

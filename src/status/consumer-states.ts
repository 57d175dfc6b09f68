import type { ConsumerReport, ConsumerState, NamedReport } from '../../events/commands/consumer-nouns.ts'
import { printRevision } from '../../model/document.ts'
import { type Namespace, parseNamespace } from '../../model/namespace.ts'
import { equalJson } from '../../model/value.ts'
import type { Cache } from '../watcher/cache.ts'
import type { Watcher } from '../watcher/watcher.ts'

/** The reports of one NApp about one namespace, in the order of their weight. */
const WEIGHT = ['refused', 'pending', 'stale', 'applied'] as const

/** The settings of a namespace, as this controller has them. */
export interface CurrentSettings {
  /** The effective settings with secrets as tags. */
  readonly data: ConsumerReport['data']
  readonly revision: string
  /** False while the store is unreachable. */
  readonly isReady: boolean
}

/**
 * The state of a consumer, by its report and by the settings of this moment.
 *
 * Invariant: `applied` is returned only if the values of the consumer equal the effective settings; the
 * revision in its report does not count for that.
 */
export function consumerState(
  { data, revision, status, reason, since }: ConsumerReport,
  current: CurrentSettings,
): Pick<ConsumerState, 'status' | 'revision' | 'reason' | 'since'> {
  if (!equalJson(data, current.data))
    return {
      status: status === 'refused' ? 'refused' : 'pending',
      revision,
      reason: status === 'refused' ? reason : `Revision ${current.revision} has not reached the NApp yet.`,
      since,
    }
  if (status === 'applied' && !current.isReady)
    return {
      status: 'stale',
      revision: current.revision,
      reason: 'The store is unreachable; the NApp uses the last known settings.',
      since,
    }
  return { status, revision: current.revision, reason, since }
}

/** The state of each consumer of this controller; several reports of one NApp count as the worst of them. */
export function consumerStates(
  reports: readonly NamedReport[],
  { cache, health }: Pick<Watcher, 'cache' | 'health'>,
  controller: string,
): readonly ConsumerState[] {
  const isReady = health.state === 'READY'
  const worst = new Map<string, ConsumerState>()
  for (const { napp, namespace, report } of reports) {
    const current = currentSettings(cache, parseNamespace(namespace), isReady)
    const state = { controller, napp, namespace, ...consumerState(report, current) }
    // Neither part contains a space.
    const key = `${napp} ${namespace}`
    const other = worst.get(key)
    if (!other || WEIGHT.indexOf(state.status) < WEIGHT.indexOf(other.status)) worst.set(key, state)
  }
  return [...worst.values()]
}

function currentSettings(cache: Cache, namespace: Namespace, isReady: boolean): CurrentSettings {
  return {
    data: cache.protect(namespace, cache.effective(namespace)),
    revision: printRevision(cache.namespaceRevision(namespace)),
    isReady,
  }
}
